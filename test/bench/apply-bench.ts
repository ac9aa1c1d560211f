/** Apply: from a topic's backlog to the target. The peer, PostgreSQL's own subscription, goes from the slot to the target. */
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { migrateTarget } from "../../services/apply/migrate-target.ts";
import { type Backlog, publication } from "./backlog.ts";
import { connect, fingerprint } from "./bench-servers.ts";
import type { RunFigures } from "./figures.ts";
import { measure, until } from "./measure.ts";
import { install, type Installation, removeTopic, start } from "./product.ts";

/** A topic that holds the whole backlog, filled once; each run reads it into a new database. */
export class FilledTopic {
  readonly backlog: Backlog;
  readonly installation: Installation;
  readonly #run: string;

  private constructor(backlog: Backlog, installation: Installation, run: string) {
    this.backlog = backlog;
    this.installation = installation;
    this.#run = run;
  }

  static async fill(backlog: Backlog): Promise<FilledTopic> {
    const run = backlog.nextRun();
    await backlog.copySlot(run);
    const installation = await install(backlog, run, await backlog.targetDatabase(run));
    const cluster = new KafkaCluster(installation.configuration.kafka, "offtake-bench");
    const connector = start(installation, "connector");
    await until("the topic is filled", async () => (await offsetRange(cluster, installation.topic)).end >= backlog.workload.rows + 2);
    await connector.stop();
    await cluster.close();
    return new FilledTopic(backlog, installation, run);
  }

  /** @returns the figures, and whether the target ended equal to the source */
  async apply(): Promise<{ figures: RunFigures; equal: boolean }> {
    const { backlog, installation } = this;
    const { stack } = backlog;
    await stack.target.dropDatabase(this.#run);
    const url = await backlog.targetDatabase(this.#run);
    const target = await connect(url);
    await migrateTarget(target);
    const applier = start(installation, "applier");
    const end = backlog.workload.rows + 2;
    const offset = async (): Promise<number> => {
      const { rows } = await target.query<{ at: string }>('SELECT "offset" AS at FROM offtake.applied_position');
      return Number(rows[0]?.at ?? 0);
    };
    try {
      const figures = await measure(
        async () => ({ applier: applier.pid, target: await sessionOf(stack.target.url(this.#run), "offtake bench") }),
        async () => (await sessionOf(stack.target.url(this.#run), "offtake bench")) !== 0,
        async () => (await offset()) >= end,
      );
      return { figures, equal: (await fingerprint(target)) === backlog.fingerprint };
    } finally {
      await applier.stop();
      await target.end();
    }
  }

  async end(): Promise<void> {
    await this.backlog.dropSlot(this.#run);
    await removeTopic(this.installation);
    await this.backlog.stack.target.dropDatabase(this.#run);
  }
}

/** @param synchronousCommit as the subscription's option of that name */
export async function applyNative(backlog: Backlog, synchronousCommit: "on" | "off"): Promise<{ figures: RunFigures; equal: boolean }> {
  const { stack, source } = backlog;
  const run = backlog.nextRun();
  await backlog.copySlot(run);
  const target = await connect(await backlog.targetDatabase(run));
  const from = stack.source.url(backlog.database);
  await target.query(
    `CREATE SUBSCRIPTION ${run} CONNECTION '${from}' PUBLICATION ${publication}
       WITH (slot_name = '${run}', create_slot = false, copy_data = false, enabled = false, synchronous_commit = ${synchronousCommit})`,
  );
  // Without a copy the table's state has to be set by hand to ready, which REFRESH does.
  await target.query(`ALTER SUBSCRIPTION ${run} ENABLE`);
  const walsender = async (): Promise<number> => {
    const { rows } = await source.query<{ pid: number | null }>("SELECT active_pid AS pid FROM pg_replication_slots WHERE slot_name = $1", [run]);
    return rows[0]?.pid ?? 0;
  };
  const worker = async (): Promise<number> => {
    const { rows } = await target.query<{ pid: number | null }>("SELECT pid FROM pg_stat_subscription WHERE subname = $1", [run]);
    return rows[0]?.pid ?? 0;
  };
  const done = async (): Promise<boolean> => {
    const { rows } = await target.query<{ done: boolean }>(
      "SELECT latest_end_lsn >= $2::pg_lsn AS done FROM pg_stat_subscription WHERE subname = $1",
      [run, backlog.endLsn],
    );
    return rows[0]?.done === true && (await fingerprintCount(target)) === backlog.fingerprint.split(" ")[0];
  };
  try {
    const figures = await measure(
      async () => ({ worker: await worker(), walsender: await walsender() }),
      async () => (await walsender()) !== 0,
      done,
    );
    return { figures, equal: (await fingerprint(target)) === backlog.fingerprint };
  } finally {
    await target.query(`ALTER SUBSCRIPTION ${run} DISABLE`);
    await target.query(`ALTER SUBSCRIPTION ${run} SET (slot_name = NONE)`);
    await target.query(`DROP SUBSCRIPTION ${run}`);
    await target.end();
    await until("the subscription's worker is gone", async () => (await walsender()) === 0);
    await backlog.dropSlot(run);
    await stack.target.dropDatabase(run);
  }
}

async function fingerprintCount(target: Awaited<ReturnType<typeof connect>>): Promise<string> {
  const { rows } = await target.query<{ n: string }>("SELECT count(*) AS n FROM bench");
  return rows[0]!.n;
}

async function sessionOf(url: string, applicationName: string): Promise<number> {
  const client = await connect(url);
  try {
    const { rows } = await client.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
      [applicationName],
    );
    return rows[0]?.pid ?? 0;
  } finally {
    await client.end();
  }
}
