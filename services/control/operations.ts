/**
 * What can be asked of an installation and done to it, as the HTTP API needs it. Behind each is the code of the command of the same name (services/cli/operations.ts): what two pieces of
 * code did, they would soon do differently.
 *
 * Each throws the OfftakeErrors of its command.
 */
import type { History } from "./lag-history.ts";
import type { Job, JobArguments, JobKind } from "./jobs.ts";
import type { UnitReport } from "./unit-reports.ts";

export interface Page {
  /** Undefined for all. */
  readonly service?: string | undefined;
  /** schema.table; undefined for all. */
  readonly table?: string | undefined;
  readonly limit: number;
}

/** A row of an answer; its names are in api-schemas.ts. */
export type Item = Readonly<Record<string, unknown>>;

/** Where everything is: as api-schemas.ts names it. */
export interface ShownStatus {
  /** ISO 8601. */
  readonly at: string;
  readonly services: readonly { readonly service: string; readonly connector: string }[];
  /** Null where the control database cannot say: that is not none. */
  readonly units: readonly UnitReport[] | null;
  readonly validation: object | null;
}

export interface Operations {
  readonly services: readonly string[];
  readonly connectors: readonly string[];
  /** Never throws. */
  status: () => Promise<ShownStatus>;
  history: (service: string) => History;
  /** Never throws: what cannot be asked is in its errors. */
  tables: (service: string) => Promise<Item>;
  /** @throws OfftakeError where nothing could be written down, so that nothing may be changed */
  changeable: () => Promise<void>;
  pause: (service: string, who: string) => Promise<Item>;
  resume: (service: string, who: string) => Promise<Item>;
  /** @returns the copies that are open now */
  snapshot: (service: string, tables: readonly string[], who: string) => Promise<readonly Item[]>;
  request: (kind: JobKind, service: string, given: JobArguments, who: string) => Promise<Item>;
  jobs: (page: Page) => Promise<readonly Item[]>;
  job: (id: string) => Promise<Item | undefined>;
  /** @returns undefined for one that there is not, false for one that is over */
  cancelJob: (id: string, who: string) => Promise<boolean | undefined>;
  reconciliations: (page: Page) => Promise<readonly Item[]>;
  mismatches: (page: Page) => Promise<readonly Item[]>;
  audit: (page: Page) => Promise<readonly Item[]>;
  deadLetters: (service: string | undefined) => Promise<readonly Item[]>;
  /** @param id of any dead letter of a queue */
  deadLetter: (service: string, id: string) => Promise<Item>;
  replay: (service: string, id: string, who: string) => Promise<Item>;
  testNotifications: (who: string) => Promise<Item>;
  skip: (service: string, id: string, options: { readonly all: boolean; readonly reason: string; readonly who: string }) => Promise<Item>;
}

/** A job as the API shows it. */
export function jobItem({ id, connector, arguments: given, ...job }: Job): Item {
  const { tables, ...options } = given;
  return { id: `j${id}`, connector, tables, options, rows: null, estimatedRows: null, secondsLeft: null, ...job };
}
