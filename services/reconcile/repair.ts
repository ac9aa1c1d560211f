/**
 * Repairs rows that a pass has found wrong. Nothing is written to the target from here: the connector is asked to read the rows once more and to publish them, or their absence, in order
 * with the stream (services/control/key-jobs.ts). A direct UPDATE could put an old row over one that the stream brings at that moment, and nobody would ever see it again.
 *
 * Afterwards the rows are read once more. A row is repaired when it is found equal, and not when it was sent.
 */
import type { ControlSession } from "../control/control-session.ts";
import { cancelKeys, readJob, requestKeys } from "../control/key-jobs.ts";
import { interrupted, OfftakeError } from "../runtime/errors.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import type { ReportedKey } from "./report.ts";

/** Keys of one job: they are read into the connector's memory. */
const keysOfJob = 1000;

/** Between two looks at a job. */
const lookMs = 100;

export interface RepairOrder {
  readonly connector: string;
  readonly service: string;
  /** schema.table of the source. */
  readonly table: string;
  readonly keys: readonly ReportedKey[];
  readonly requestedBy: string;
  /** Milliseconds for which a job may not move. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

/**
 * Until all of the rows are in the topic.
 *
 * @throws OfftakeError REPAIR_FAILED, INTERRUPTED, and of the control database
 */
export async function publishAgain(control: ControlSession, order: RepairOrder): Promise<void> {
  const { connector, service, table, requestedBy, signal, stallMs } = order;
  const columns = Object.keys(order.keys[0] ?? {});
  for (let from = 0; from < order.keys.length; from += keysOfJob) {
    const keys = order.keys.slice(from, from + keysOfJob).map((key) => columns.map((column) => key[column] ?? ""));
    const id = await requestKeys(control, { connector, service, table, columns, keys, reason: "repair of what a pass found wrong", requestedBy });
    await ended(control, id, { table, connector, signal, stallMs });
  }
}

async function ended(
  control: ControlSession,
  id: string,
  { table, connector, signal, stallMs }: Pick<RepairOrder, "table" | "connector" | "signal" | "stallMs">,
): Promise<void> {
  let [seen, since] = ["", performance.now()];
  for (;;) {
    const job = await readJob(control, id);
    if (job?.state === "copied") return;
    const failed = (why: string): OfftakeError => new OfftakeError("REPAIR_FAILED", `Rows of ${table} were not published again: ${why}.`, { cure });
    if (job === undefined || job.state === "cancelled") throw failed("somebody has called it off");
    if (job.state === "failed") throw failed(job.error ?? "the connector could not read them");
    const mark = `${job.state} ${job.done}`;
    if (mark !== seen) [seen, since] = [mark, performance.now()];
    const isStalled = performance.now() - since >= stallMs;
    if (isStalled || (await waitOrStop(lookMs, signal)) === "stopped") {
      await cancelKeys(control, id);
      if (!isStalled) throw interrupted("the rows were repaired");
      throw failed(job.waitsFor ?? `the connector ${connector} has not taken it up for ${Math.round(stallMs / 1000)} s`);
    }
  }
}

const cure = "See `offtake status`, and run the repair again.";
