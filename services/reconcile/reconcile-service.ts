/**
 * Passes over tables of a service: sessions of both sides, the tables as they are, and a report for each. A table that cannot be compared holds up no other.
 */
import { serviceTables } from "../../connectors/postgres/service-tables.ts";
import { sqlState } from "../../connectors/postgres/session.ts";
import { readMarks } from "../apply/needs-copy.ts";
import { findPosition } from "../apply/position.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";
import { asOfftakeError, OfftakeError } from "../runtime/errors.ts";
import { mappingOf, reconcilePolicy, redactedColumns } from "../runtime/table-mapping.ts";
import { fullName, type TableName } from "../runtime/table-pattern.ts";
import { type CandidateOptions, decide, type Decided, nothingDecided } from "./candidates.ts";
import { type ComparedTable, readComparedTable } from "./compared-table.ts";
import { HotStream } from "./hot-stream.ts";
import type { KeyText } from "./key-range.ts";
import { reconcileTable } from "./reconcile-table.ts";
import { incompleteReport, type Level, type Report, reportedKey } from "./report.ts";
import type { Hashing } from "./row-hash.ts";
import { SourceSide } from "./source-side.ts";
import { TargetSide } from "./target-side.ts";

export interface ReconcileOptions {
  readonly configuration: Configuration;
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  /** schema.table of the source; empty for all of the service. */
  readonly tables: readonly string[];
  readonly level: Level;
  /** Undefined for that of each table's configuration. */
  readonly hashing?: Hashing | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds; tests have little patience. */
  readonly stallMs?: number;
  readonly unseenMs?: number;
  readonly hotMs?: number;
  readonly mostCandidates?: number;
  readonly progress?: (table: string, rows: number) => void;
}

const patienceMs = 60_000;
const candidates = 20_000;

/** Errors of one table. */
const ofTable = ["RECONCILE_TABLE_UNSUITABLE", "TARGET_TABLE_MISSING", "TARGET_COLUMN_MISSING", "RECONCILE_STALLED"];

export class ServicePasses {
  /** In order of their names. */
  readonly tables: readonly TableName[];
  readonly #options: ReconcileOptions;
  readonly #source: SourceSide;
  readonly #target: TargetSide;
  readonly #hot: HotStream;

  private constructor(options: ReconcileOptions, source: SourceSide, target: TargetSide, tables: readonly TableName[]) {
    this.#options = options;
    this.#source = source;
    this.#target = target;
    this.#hot = new HotStream(options.configuration, options.service);
    this.tables = tables;
  }

  /** @throws OfftakeError USAGE for a table that the service does not have, and of source and target */
  static async open(options: ReconcileOptions): Promise<ServicePasses> {
    const { configuration, connector, service, signal, stallMs = patienceMs } = options;
    const applicationName = `offtake reconcile ${service.name}`;
    const source = await SourceSide.open(configuration.source.url, applicationName);
    try {
      const tables = await wantedTables(source, options);
      const { cluster } = source;
      const { url } = service.target;
      const target = await TargetSide.open({ url, service: service.name, connector: connector.name, applicationName, cluster, stallMs, signal });
      return new ServicePasses(options, source, target, tables);
    } catch (error) {
      await source.end();
      throw error;
    }
  }

  /** @throws OfftakeError of source and target; what is wrong with the table alone is in its report */
  async report(name: TableName): Promise<Report> {
    const { connector, service, level, signal, progress, unseenMs = patienceMs, hotMs = patienceMs } = this.#options;
    const { stallMs = patienceMs, mostCandidates = candidates } = this.#options;
    const startedAt = new Date();
    const incomplete = (reason: string): Report => incompleteReport(service.name, fullName(name), level, startedAt, reason);
    const marked = async (): Promise<Report | undefined> => {
      const reason = await this.uncopied(name);
      return reason === undefined ? undefined : incomplete(`it has to be copied: ${reason}`);
    };
    const before = await marked();
    if (before !== undefined) return before;
    try {
      const [table, source, target] = [await this.#table(name), this.#source, this.#target];
      const { maxActiveSessions } = service.snapshot;
      const told = (rows: number): void => progress?.(fullName(name), rows);
      const report = await reconcileTable(service.name, {
        table,
        connector: connector.name,
        maxActiveSessions,
        stallMs,
        level,
        source,
        target,
        signal,
        unseenMs,
        hotMs,
        stream: this.#stream,
        mostCandidates,
        progress: told,
      });
      // Of a table that is marked by now rows may have been missing all the time: whoever has marked it knew that, and what was found is no news.
      return (await marked()) ?? report;
    } catch (error) {
      const ours = asOfftakeError(error);
      if (!isOfTable(ours)) throw ours;
      return incomplete(ours.line);
    }
  }

  /**
   * Looks at some rows once more.
   *
   * @param asked values of the key's columns
   * @param columns in the order of these values; rows of a key that the table no longer has are undecided
   * @throws OfftakeError of source and target, and of the table
   */
  async again(name: TableName, asked: readonly KeyText[], columns: readonly string[]): Promise<Decided> {
    const { signal, connector, unseenMs = patienceMs, hotMs = patienceMs } = this.#options;
    const table = await this.#table(name);
    const decided = nothingDecided();
    const places = table.key.map((i) => columns.indexOf(table.columns[i]!));
    // Nothing was read: without a word of it, all of them would pass for equal.
    if (places.includes(-1) || places.length !== columns.length) {
      const waitsFor = `a pass by the table's new key: it is ${table.key.map((i) => table.columns[i]!).join(", ")} now, and was ${columns.join(", ")}`;
      for (const key of asked) decided.undecided.set(key.join("\0"), { key: reportedKey(columns, key), waitsFor });
      return decided;
    }
    const keys = asked.map((key) => places.map((place) => key[place]!));
    const [source, target, stream] = [this.#source, this.#target, this.#stream];
    await decide({ table, connector: connector.name, source, target, signal, unseenMs, hotMs, stream }, keys, decided);
    return decided;
  }

  /** @returns why the table has to be copied; undefined where it is */
  async uncopied(name: TableName): Promise<string | undefined> {
    const marks = await this.#target.catalog(async (client) => readMarks(client, this.#options.connector.name));
    return marks.find(({ table }) => table === fullName(name))?.reason;
  }

  /** The topic's record behind the newest that is applied; 0 before the first. @throws OfftakeError of the target */
  async appliedOffset(): Promise<number> {
    const position = await this.#target.catalog(async (client) => findPosition(client, this.#options.connector.name));
    return position?.offset ?? 0;
  }

  /** Waits while the source has so much to do that what is read beside would be at its users' cost. @throws OfftakeError RECONCILE_STALLED, INTERRUPTED */
  async rests(): Promise<void> {
    const { service, signal, stallMs = patienceMs } = this.#options;
    await this.#source.rests(service.snapshot.maxActiveSessions, stallMs, signal);
  }

  async end(): Promise<void> {
    await this.#hot.end();
    await this.#target.end();
    await this.#source.end();
  }

  readonly #stream: CandidateOptions["stream"] = async (...asked) => this.#hot.judge(...asked);

  async #table(name: TableName): Promise<ComparedTable> {
    const { connector, service, hashing = reconcilePolicy(service, name)?.hash ?? "representation" } = this.#options;
    return readComparedTable(
      async (work) => this.#source.catalog(work),
      async (work) => this.#target.catalog(work),
      name,
      mappingOf(service, name),
      connector.publication,
      redactedColumns(service, name),
      hashing,
    );
  }
}

/** A report for each table. @throws OfftakeError as ServicePasses */
export async function* reconcileService(options: ReconcileOptions): AsyncGenerator<Report, void> {
  const passes = await ServicePasses.open(options);
  try {
    for (const name of passes.tables) yield await passes.report(name);
  } finally {
    await passes.end();
  }
}

async function wantedTables(source: SourceSide, { configuration, service, tables }: ReconcileOptions): Promise<readonly TableName[]> {
  const owned = await source.catalog(async (client) => serviceTables(client, configuration.services));
  const known = owned.get(service.name) ?? [];
  const unknown = tables.filter((table) => !known.some((each) => fullName(each) === table));
  if (unknown.length > 0)
    throw new OfftakeError("USAGE", `${service.name} has no table ${unknown.join(", ")}.`, { cure: `It has ${known.map(fullName).join(", ")}.` });
  return known.filter((each) => tables.length === 0 || tables.includes(fullName(each)));
}

/**
 * Whether a table is at fault and not a server: it holds up no other table. So is what a server says to the statement and not to the session: a value that the other side's type does not
 * take, a right or an operator that is missing (classes 22 and 42).
 */
export function isOfTable({ code, cause }: OfftakeError): boolean {
  return ofTable.includes(code) || /^(?:22|42)/.test(sqlState(cause) ?? "");
}
