/** What the HTTP API can do, each by the code of its command. */
import { readAudit, writeAudit } from "../control/audit.ts";
import type { ControlSession } from "../control/control-session.ts";
import { readCopyJobs } from "../control/copy-jobs.ts";
import { cancelJob, type JobArguments, type JobKind, readJobs, requestJob } from "../control/jobs.ts";
import { type Item, jobItem, type Operations, type Page } from "../control/operations.ts";
import { readMismatches, readReconciliations } from "../control/pass-reports.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import type { ControlBoard } from "./control-board.ts";
import { listDeadLetters, replayDeadLetters, showDeadLetters, skipDeadLetters } from "./dlq.ts";
import { testNotifications } from "./notifications.ts";
import { pause, resume } from "./pause.ts";
import { pipelineOf, tableNamed } from "./service-pipeline.ts";
import { cancelSnapshot, startSnapshot } from "./snapshot.ts";

export interface OperationParts {
  readonly configuration: Configuration;
  readonly control: ControlSession;
  readonly board: ControlBoard;
}

export function operationsOf({ configuration, control, board }: OperationParts): Operations {
  const services = configuration.services.map(({ name }) => name);
  const connectors = configuration.connectors.map(({ name }) => name);
  const wanted = (page: Page): readonly string[] =>
    configuration.connectors.filter(({ service }) => page.service === undefined || service === page.service).map(({ name }) => name);
  return {
    services,
    connectors,
    status: async () => board.status(),
    history: (service) => board.history(service),
    tables: async (service) => ({ ...(await board.tables(service)) }),
    changeable: async () => void (await control.query("SELECT 1", [])),
    pause: async (service, who) => (await pause(configuration, service, who)).object,
    resume: async (service, who) => (await resume(configuration, service, who)).object,
    snapshot: async (service, tables, who) => {
      const started = (await startSnapshot(configuration, service, tables, who)).object;
      const open = [...started.requested, ...started.underWay];
      const { name } = pipelineOf(configuration, service).connector;
      const jobs = await readCopyJobs(control, { connectors: [name], tables: open, limit: 1000 });
      return jobs.filter(({ state }) => state === "waiting" || state === "running");
    },
    request: async (kind, service, given, who) => requested(configuration, control, { kind, service, given, who }),
    jobs: async (page) => {
      const own = (await readJobs(control, wanted(page), undefined, page.limit)).map(jobItem);
      const copies = await readCopyJobs(control, { connectors: wanted(page), limit: page.limit });
      return [...own, ...copies].toSorted((a, b) => momentOf(b) - momentOf(a)).slice(0, page.limit);
    },
    job: async (id) => jobOf(control, connectors, id),
    cancelJob: async (id, who) => {
      const job = await jobOf(control, connectors, id);
      if (job === undefined) return undefined;
      if (id.startsWith("j")) return cancelJob(control, connectors, id.slice(1), who);
      if (job["state"] !== "waiting" && job["state"] !== "running") return false;
      return (await cancelSnapshot(configuration, String(job["service"]), [job["tables"]].flat().map(String), who)).object.cancelled.length > 0;
    },
    reconciliations: async (page) => readReconciliations(control, connectors, page),
    mismatches: async (page) => readMismatches(control, connectors, page),
    audit: async ({ service, limit }) => readAudit(control, service === undefined ? [...services, ""] : [service], limit),
    deadLetters: async (service) => {
      const asked = service === undefined ? services : [service];
      return (await Promise.all(asked.map(async (name) => lettersOf(configuration, name)))).flat();
    },
    deadLetter: async (service, id) => {
      const { object } = await showDeadLetters(configuration, service, id);
      return { ...object, deadLetters: object.deadLetters.map((letter) => ({ ...letter, id: `${service}:${letter.id}` })) };
    },
    replay: async (service, id, who) => (await replayDeadLetters(configuration, service, [id], who)).object,
    testNotifications: async (who) => {
      const { object } = await testNotifications(configuration, []);
      await writeAudit(control, { who, action: "test", service: "", subject: "notifications", before: null, after: object.webhooks });
      return object;
    },
    skip: async (service, id, options) => (await skipDeadLetters(configuration, service, id, options)).object,
  };
}

interface Asked {
  readonly kind: JobKind;
  readonly service: string;
  readonly given: JobArguments;
  readonly who: string;
}

async function requested(configuration: Configuration, control: ControlSession, { kind, service, given, who }: Asked): Promise<Item> {
  const { connector } = pipelineOf(configuration, service);
  // A name that is none is refused to whoever asks, and not to the log of a process.
  const tables = given.tables.map((name) => tableNamed(name, service));
  return jobItem(await requestJob(control, { kind, connector: connector.name, service, arguments: { ...given, tables }, requestedBy: who }));
}

async function jobOf(control: ControlSession, connectors: readonly string[], id: string): Promise<Item | undefined> {
  const number = id.slice(1);
  if (id.startsWith("c")) return (await readCopyJobs(control, { connectors, id: number, limit: 1 }))[0];
  return (await readJobs(control, connectors, number, 1)).map(jobItem)[0];
}

/** A target that is away hides the dead letters of no other. */
async function lettersOf(configuration: Configuration, service: string): Promise<Item[]> {
  try {
    const { queues } = (await listDeadLetters(configuration, service)).object;
    return queues.map(({ first, deadLetters, keys }) => ({ ...first, id: `${service}:${first.id}`, service, deadLetters, keys }));
  } catch (error) {
    const { code, message, cure } = asOfftakeError(error);
    return [{ service, code, message, cure }];
  }
}

function momentOf({ requestedAt }: Item): number {
  return requestedAt instanceof Date ? requestedAt.getTime() : Date.parse(String(requestedAt));
}
