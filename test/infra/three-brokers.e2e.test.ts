/**
 * Three brokers in mode production: a leader that moves, a broker that is gone, too few of them. Connector and applier go on or wait; every row that the
 * monolith acknowledged is in the topic once and in its order, and at the target.
 */
import { ConfigResourceTypes, IncrementalAlterConfigOperationTypes } from "@platformatic/kafka";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { parseLsn } from "../../connectors/postgres/lsn.ts";
import { readPosition } from "../../services/apply/position.ts";
import { TopicEvents, chainFaults } from "../support/topic-events.ts";
import { waitFor } from "../support/wait-for.ts";
import { CliProcess, lastObject, offtake } from "../services/cli/cli-process.ts";
import { type ProductionPipeline, type ProductionStack, startProductionStack } from "./production-stack.ts";

let production: ProductionStack;

beforeAll(async () => {
  production = await startProductionStack();
});

afterEach(async () => production.stack.kafka.start());

afterAll(async () => production[Symbol.asyncDispose]());

/** What has become of the load. */
interface Outcome {
  /** What the monolith has acknowledged, in this order. */
  readonly ledger: number[];
  /** What is in the topic, and what is wrong with its order. */
  readonly published: number[];
  readonly faults: string[];
  /** What is at the target. */
  readonly applied: number[];
  readonly exitCode: number | null;
}

function expectNothingLostAndNothingTwice({ ledger, published, faults, applied, exitCode }: Outcome): void {
  expect(faults).toEqual([]);
  expect(published).toEqual(ledger);
  expect(applied).toEqual(ledger);
  expect(exitCode).toBe(0);
}

/** `offtake run all` under a load that goes on until it is stopped: a row in each transaction, and the ledger of what the monolith acknowledged. */
class Traffic implements AsyncDisposable {
  readonly #pipeline: ProductionPipeline;
  readonly #run: CliProcess;
  readonly #topic: TopicEvents;
  readonly #load: Promise<void>;
  #acknowledged = 0;
  #stopping = false;
  #mayWrite = Promise.resolve();

  constructor(pipeline: ProductionPipeline) {
    this.#pipeline = pipeline;
    this.#topic = new TopicEvents(pipeline);
    this.#run = new CliProcess(["run", "all", "--config", pipeline.file, "--http-port", "0"], { env: pipeline.environment });
    this.#load = this.#write();
    this.#load.catch(() => undefined);
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Waits until a row is at the target that the monolith has acknowledged after this call. */
  async goesOn(): Promise<void> {
    const next = this.#acknowledged + 1;
    await waitFor(async () => (await this.arrived()) >= next, { what: `row ${next} at the target; log:\n${this.#run.stderr}`, timeout: 60_000 });
  }

  /** Does something while nothing is on its way: what waits for an answer then waits for its full time. */
  async quietly(work: () => Promise<unknown>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#mayWrite = promise;
    try {
      await waitFor(async () => (await this.arrived()) >= this.#acknowledged, { what: "every row at the target" });
      await work();
    } finally {
      resolve();
    }
  }

  /** How many rows are at the target. */
  async arrived(): Promise<number> {
    return Number((await this.#pipeline.target.query<{ n: string }>("SELECT count(*) AS n FROM trades")).rows[0]!.n);
  }

  /** Waits until it has said this in its log. */
  async complains(what: RegExp): Promise<void> {
    await this.#run.says(what);
  }

  /** Ends the load, waits until everything has arrived, and stops. */
  async end(): Promise<Outcome> {
    this.#stopping = true;
    await this.#load;
    const events = await this.#topic.drained();
    await waitFor(async () => (await this.arrived()) >= this.#acknowledged, { what: "every row at the target" });
    const { rows } = await this.#pipeline.target.query<{ id: number }>("SELECT id FROM trades ORDER BY id");
    return {
      ledger: Array.from({ length: this.#acknowledged }, (_, i) => i + 1),
      published: events.map(({ after }) => Number(after?.["id"])),
      faults: chainFaults(this.#topic.records),
      applied: rows.map(({ id }) => id),
      exitCode: (await this.#run.end("SIGTERM")).code,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#load.catch(() => undefined);
    await this.#run[Symbol.asyncDispose]();
    await this.#topic[Symbol.asyncDispose]();
  }

  async #write(): Promise<void> {
    for (; !this.#stopping; await this.#mayWrite) {
      // A client that thinks for a moment between its transactions: the load is to go on, not to fill the machine.
      await this.#pipeline.source.query("INSERT INTO trades SELECT $1::int4 FROM pg_sleep(0.005)", [this.#acknowledged + 1]);
      this.#acknowledged += 1;
    }
  }
}

async function command(pipeline: ProductionPipeline, ...args: string[]): Promise<{ code: number | null; answer: unknown }> {
  const { code, stdout } = await offtake([...args, "--config", pipeline.file, "--json"], { env: pipeline.environment });
  return { code, answer: lastObject(stdout) };
}

async function installed(): Promise<ProductionPipeline> {
  const pipeline = await production.createPipeline("CREATE TABLE trades (id int4 PRIMARY KEY)");
  expect(await command(pipeline, "up", "--create-tables")).toMatchObject({ code: 0, answer: { services: [{ topic: "created", slot: "created" }] } });
  return pipeline;
}

test("mode production is accepted: check has no fault, up makes a topic that outlives a broker, and a row goes all the way in TLS", async () => {
  await using pipeline = await installed();
  expect(await command(pipeline, "check")).toMatchObject({ code: 0, answer: { ok: true } });
  expect((await pipeline.cluster.leader(pipeline.service.topic)).replicas).toBe(3);
  expect(await pipeline.minInSyncReplicas()).toBe(2);
  await using traffic = new Traffic(pipeline);
  await traffic.goesOn();
  const { rows } = await pipeline.source.query("SELECT FROM pg_stat_ssl JOIN pg_stat_replication USING (pid) WHERE ssl");
  expect(rows).toHaveLength(1);
  expectNothingLostAndNothingTwice(await traffic.end());
});

test("a leader that hands over, and one that is killed: both sides find the new one", async () => {
  await using pipeline = await installed();
  await using traffic = new Traffic(pipeline);
  await traffic.goesOn();
  const first = await pipeline.leader();
  await first.stop();
  await traffic.goesOn();
  const second = await pipeline.leader();
  expect(second.id).not.toBe(first.id);
  await first.start();
  await second.kill();
  await traffic.goesOn();
  expect((await pipeline.leader()).id).not.toBe(second.id);
  expectNothingLostAndNothingTwice(await traffic.end());
});

test("a broker that is gone holds nobody up; with fewer replicas in sync than min.insync.replicas nothing is confirmed to the slot, and what was refused comes once when they are back", async () => {
  await using pipeline = await installed();
  await using traffic = new Traffic(pipeline);
  await traffic.goesOn();
  const leader = await pipeline.leader();
  const follower = production.stack.kafka.nodes.find(({ id }) => id !== leader.id)!;
  await follower.kill();
  // Two of three are enough, until somebody asks for three.
  await traffic.goesOn();
  await traffic.quietly(async () =>
    pipeline.cluster.admin.incrementalAlterConfigs({
      resources: [
        {
          resourceType: ConfigResourceTypes.TOPIC,
          resourceName: pipeline.service.topic,
          configs: [{ name: "min.insync.replicas", configOperation: IncrementalAlterConfigOperationTypes.SET, value: "3" }],
        },
      ],
    }),
  );
  await traffic.complains(/NOT_ENOUGH_REPLICAS.*bring the missing brokers back/);
  const refusedSince = traffic.acknowledged;
  await waitFor(() => traffic.acknowledged > refusedSince + 100, { what: "a hundred more rows at the monolith" });
  const confirmedIsApplied = async (): Promise<boolean> => {
    const { rows } = await pipeline.source.query<{ lsn: string }>(
      "SELECT confirmed_flush_lsn AS lsn FROM pg_replication_slots WHERE slot_name = $1",
      [pipeline.connector.slot],
    );
    return parseLsn(rows[0]!.lsn) <= (await readPosition(pipeline.target, pipeline.connector.name))!.commitLsn;
  };
  // What readers of the topic do not see may not be confirmed; the last that they see may still be on its way.
  await waitFor(confirmedIsApplied, { what: "everything that was confirmed to the slot to be at the target" });
  expect(await traffic.arrived()).toBeLessThanOrEqual(refusedSince);
  await follower.start();
  await traffic.goesOn();
  expectNothingLostAndNothingTwice(await traffic.end());
});

test("two brokers gone: no leader can be chosen; when they are back all goes on", async () => {
  await using pipeline = await installed();
  await using traffic = new Traffic(pipeline);
  await traffic.goesOn();
  const leader = await pipeline.leader();
  const others = production.stack.kafka.nodes.filter(({ id }) => id !== leader.id);
  await Promise.all([leader, others[0]!].map(async (node) => node.kill()));
  await traffic.complains(/KAFKA_UNREACHABLE/);
  await Promise.all([leader, others[0]!].map(async (node) => node.start()));
  await traffic.goesOn();
  expectNothingLostAndNothingTwice(await traffic.end());
});
