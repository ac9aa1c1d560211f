/**
 * What goes from a slot to a table of a target: the product, or a peer. Each is started on a slot and a database of its own and stopped with everything
 * that it has made, so that a run finds the machine as the run before did.
 */
import type { Backlog } from "./backlog.ts";
import { connect, sessionOf } from "./bench-servers.ts";
import { publication } from "./backlog.ts";
import { until } from "./measure.ts";
import { pidsOf } from "./process-figures.ts";
import { applierSession, install, removeTopic, start } from "./product.ts";

export interface Pipeline {
  /** Its processes by name; 0 for one that is not there yet. */
  pids(): Promise<Record<string, number>>;
  /** @throws where a part of it has failed, which would never be done */
  refuseFailed?(): Promise<void>;
  /** Where the last row may be there before others: returns when all of them are. */
  settle?(): Promise<void>;
  stop(): Promise<void>;
}

export interface PipelineOptions {
  /** Slot, and database of the target, which exist. */
  readonly run: string;
  /** Of the session that writes the target. */
  readonly synchronousCommit: "on" | "off";
}

export type StartPipeline = (backlog: Backlog, options: PipelineOptions) => Promise<Pipeline>;

/** One process for the connector, one for the applier. Returns when the applier waits at the target: the run begins with the connector. */
export async function startProduct(backlog: Backlog, { run, synchronousCommit }: PipelineOptions): Promise<Pipeline> {
  const url = backlog.stack.target.url(run);
  const installation = await install(backlog, run, url, synchronousCommit);
  const applier = start(installation, "applier");
  await until("the applier has its session", async () => (await sessionOf(url, applierSession)) !== 0);
  const target = await sessionOf(url, applierSession);
  const connector = start(installation, "connector");
  const broker = pidsOf("kafka.Kafka", backlog.stack.folder)[0] ?? 0;
  return {
    pids: async () => ({ connector: connector.pid, applier: applier.pid, target, walsender: await backlog.readerOf(run), broker }),
    stop: async () => {
      await Promise.all([connector.stop(), applier.stop()]);
      await removeTopic(installation);
    },
  };
}

/** A native subscription: a walsender and an apply worker, no broker. */
export async function startNative(backlog: Backlog, { run, synchronousCommit }: PipelineOptions): Promise<Pipeline> {
  const { stack } = backlog;
  const target = await connect(stack.target.url(run));
  await target.query(
    `CREATE SUBSCRIPTION ${run} CONNECTION '${stack.source.url(backlog.database)}' PUBLICATION ${publication}
       WITH (slot_name = '${run}', create_slot = false, copy_data = false, synchronous_commit = ${synchronousCommit})`,
  );
  const worker = async (): Promise<number> => {
    const { rows } = await target.query<{ pid: number | null }>("SELECT pid FROM pg_stat_subscription WHERE subname = $1", [run]);
    return rows[0]?.pid ?? 0;
  };
  return {
    pids: async () => ({ worker: await worker(), walsender: await backlog.readerOf(run) }),
    stop: async () => {
      await target.query(`ALTER SUBSCRIPTION ${run} DISABLE`);
      await target.query(`ALTER SUBSCRIPTION ${run} SET (slot_name = NONE)`);
      await target.query(`DROP SUBSCRIPTION ${run}`);
      await target.end();
      await until("the subscription's worker is gone", async () => (await backlog.readerOf(run)) === 0);
    },
  };
}
