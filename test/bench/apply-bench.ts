/** Apply: from a topic's backlog to the target. */
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { migrateTarget } from "../../services/apply/migrate-target.ts";
import type { Backlog } from "./backlog.ts";
import { connect, fingerprint, sessionOf } from "./bench-servers.ts";
import type { Outcome } from "./contest.ts";
import { measure, until } from "./measure.ts";
import { applierSession, install, type Installation, removeTopic, start } from "./product.ts";

/** The opening marker and the take-over marker. */
export const markers = 2;

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

  static async fill(backlog: Backlog, synchronousCommit: "on" | "off"): Promise<FilledTopic> {
    const run = backlog.nextRun();
    await backlog.copySlot(run);
    const installation = await install(backlog, run, await backlog.targetDatabase(run), synchronousCommit);
    const cluster = new KafkaCluster(installation.configuration.kafka, "offtake-bench");
    const connector = start(installation, "connector");
    await until("the topic is filled", async () => (await offsetRange(cluster, installation.topic)).end >= backlog.changes + markers);
    await connector.stop();
    await cluster.close();
    return new FilledTopic(backlog, installation, run);
  }

  /** @returns the figures, and whether the target ended equal to the source */
  async apply(): Promise<Outcome> {
    const { backlog, installation } = this;
    const { stack } = backlog;
    await stack.target.dropDatabase(this.#run);
    const url = await backlog.targetDatabase(this.#run);
    const target = await connect(url);
    await migrateTarget(target);
    const applier = start(installation, "applier");
    const end = backlog.changes + markers;
    const offset = async (): Promise<number> => {
      const { rows } = await target.query<{ at: string }>('SELECT "offset" AS at FROM offtake.applied_position');
      return Number(rows[0]?.at ?? 0);
    };
    try {
      const figures = await measure(
        async () => ({ applier: applier.pid, target: await sessionOf(url, applierSession) }),
        async () => (await sessionOf(url, applierSession)) !== 0,
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
