/**
 * The reconciler for as long as one likes: passes of every level and both kinds of hash, and `offtake run reconciler` beside them, while a table is written and what stands between its two
 * sides is stopped, killed and locked. Nobody makes the target wrong, so every row that is called wrong is a false positive. At the end one row is made wrong, and has to be found: a
 * reconciler that finds nothing would pass otherwise.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import pg, { type Client } from "pg";
import { SeededRandom } from "../../infra/demo/seeded-random.ts";
import type { LocalStack } from "../../infra/local/stack.ts";
import { up } from "../../services/cli/up.ts";
import { reconcileService } from "../../services/reconcile/reconcile-service.ts";
import { levels, type Report } from "../../services/reconcile/report.ts";
import { hashings } from "../../services/reconcile/row-hash.ts";
import { loadConfiguration } from "../../services/runtime/configuration.ts";
import { asOfftakeError } from "../../services/runtime/errors.ts";
import { writeInstallation } from "../bench/product.ts";
import { waitFor } from "../support/wait-for.ts";
import { Victim } from "./victim.ts";

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  /** For logs. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

const trials = ["applier stall", "connector restart", "applier kill", "target restart", "target lock"] as const;
type Trial = (typeof trials)[number];

export interface Soak {
  readonly minutes: number;
  readonly seed: number;
  readonly passes: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly compared: number;
  readonly undecided: number;
  readonly falsePositives: number;
  /** By `run reconciler`, between its passes and in them. */
  readonly reconcilerFalsePositives: number;
  readonly reconcilerPasses: number;
  /** 1 where the row that was made wrong at the end was not found. */
  readonly missed: number;
  readonly transactions: number;
  readonly trials: Readonly<Record<Trial, number>>;
  readonly seconds: number;
}

const database = "soak";
const rows = 20_000;
/** Rows that every transaction changes one of. */
const hot = 10;

const schemaSql = `
  CREATE TABLE soak (id int8 PRIMARY KEY, n int, note text, amount numeric, r float8, doc json, big text);
  ALTER TABLE soak ALTER COLUMN big SET STORAGE EXTERNAL;
  CREATE TABLE log (at text, id int8, PRIMARY KEY (at, id))`;

const fillSql = `
  INSERT INTO soak SELECT i, 0, 'n' || i, i * 1.50, i / 3.0, '{"a": 1}', CASE WHEN i % 100 < 3 THEN (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 100) g) END
    FROM generate_series(1, ${rows}) i`;

/** @throws Error where the pipeline does not come back */
export async function reconcileSoak(stack: LocalStack, options: SoakOptions): Promise<Soak> {
  const { minutes, seed, folder, progress } = options;
  const began = performance.now();
  await Promise.all([stack.source.createDatabase(database), stack.target.createDatabase(database)]);
  const [source, target] = [await connect(stack.source.url(database)), await connect(stack.target.url(database))];
  await source.query(`${schemaSql}; CREATE PUBLICATION soak_pub FOR TABLE soak, log`);
  await target.query(schemaSql);
  await target.end();
  const table = "{ reconcile: { every: 5s } }";
  const file = writeInstallation(stack, {
    source: database,
    topicPrefix: database,
    control: stack.target.url("postgres"),
    connectors: ["soak: { publication: soak_pub, slot: soak, service: soak }"],
    services: [`soak: { target: { url: "${stack.target.url(database)}" }, tables: { soak: ${table}, log: ${table} } }`],
  });
  const configuration = loadConfiguration(file, process.env);
  await up(configuration, { createTables: false }, { json: true, progress: () => {}, answer: () => {} }, new AbortController().signal);
  const victim = (kind: string): Victim => new Victim(["run", kind, "--config", file, "--http-port", "0"], join(folder, `${kind}.log`));
  const [connector, applier, reconciler] = [victim("connector"), victim("applier"), victim("reconciler")];
  const course = new Course(stack, source, { connector, applier }, new SeededRandom(seed, "soak"), progress);
  const stopping = new AbortController();
  try {
    await source.query(fillSql);
    await course.caughtUp();
    const until = performance.now() + minutes * 60_000;
    const reports: Report[] = [];
    const pass = async (i: number): Promise<void> => {
      const [service, own] = [configuration.services[0]!, configuration.connectors[0]!];
      const { signal } = new AbortController();
      const how = { level: levels[i % 3]!, hashing: hashings[Math.floor(i / 3) % 2]! };
      for await (const report of reconcileService({ configuration, service, connector: own, tables: [], signal, ...how })) reports.push(report);
    };
    const load = course.load(stopping.signal);
    const trying = course.tryAll(stopping.signal);
    const passing = (async () => {
      for (let i = 0; performance.now() < until; i += 1) {
        // A target that is just being started again ends a pass, and is no finding.
        await pass(i).catch((error: unknown) => {
          if (!asOfftakeError(error).code.startsWith("TARGET_")) throw error;
        });
        if (i % 10 === 0) progress(`seed ${seed}: ${reports.length} passes after ${seconds(began)} s`);
      }
    })().finally(() => stopping.abort());
    await Promise.all([load, trying, passing]);
    await course.caughtUp();
    const soaked = reports.splice(0);
    const ofReconciler = await history(configuration.control.url.reveal());
    await course.spoil();
    await pass(1);
    const found = reports.flatMap(wrongIn).map(({ key }) => key["id"]);
    const count = (verdict: string): number => soaked.filter((each) => each.verdict === verdict).length;
    const wrong = soaked.flatMap(wrongIn);
    for (const { table: name, key } of wrong) progress(`seed ${seed}: called wrong: ${name} ${JSON.stringify(key)}`);
    return {
      minutes,
      seed,
      passes: soaked.length,
      verdicts: Object.fromEntries([...new Set(soaked.map(({ verdict }) => verdict))].map((verdict) => [verdict, count(verdict)])),
      compared: soaked.reduce((sum, { compared }) => sum + compared, 0),
      undecided: soaked.reduce((sum, { undecided }) => sum + undecided.length, 0),
      falsePositives: wrong.length,
      reconcilerFalsePositives: ofReconciler.mismatches,
      reconcilerPasses: ofReconciler.passes,
      missed: found.length === 1 && found[0] === "500" ? 0 : 1,
      transactions: course.transactions,
      trials: course.counts,
      seconds: seconds(began),
    };
  } finally {
    stopping.abort();
    await Promise.all([connector.kill(), applier.kill(), reconciler.kill()]);
    await source.end();
  }
}

function wrongIn({ table, missing, extra, differing }: Report): { table: string; key: Readonly<Record<string, string | null>> }[] {
  return [...missing, ...extra, ...differing].map(({ key }) => ({ table, key }));
}

async function history(url: string): Promise<{ mismatches: number; passes: number }> {
  const control = await connect(url);
  try {
    const { rows: found } = await control.query<{ mismatches: number; passes: number }>(
      "SELECT coalesce(sum(mismatches), 0)::float8 AS mismatches, count(*)::float8 AS passes FROM offtake.reconciliation WHERE connector = 'soak'",
    );
    return found[0]!;
  } finally {
    await control.end();
  }
}

class Course {
  transactions = 0;
  readonly counts: Record<Trial, number> = { "applier stall": 0, "connector restart": 0, "applier kill": 0, "target restart": 0, "target lock": 0 };
  readonly #stack: LocalStack;
  readonly #source: Client;
  readonly #victims: { readonly connector: Victim; readonly applier: Victim };
  readonly #random: SeededRandom;
  readonly #progress: (line: string) => void;

  constructor(
    stack: LocalStack,
    source: Client,
    victims: { readonly connector: Victim; readonly applier: Victim },
    random: SeededRandom,
    progress: (line: string) => void,
  ) {
    this.#stack = stack;
    this.#source = source;
    this.#victims = victims;
    this.#random = random;
    this.#progress = progress;
  }

  /** Changes of hot and cold rows, rows that come, go and move, values that are not in the WAL, and now and then an emptied table. */
  async load(signal: AbortSignal): Promise<void> {
    const random = new SeededRandom(1, "load");
    for (let i = 1; !signal.aborted; i += 1) {
      const cold = random.between(hot + 1, rows);
      await this.#source.query("UPDATE soak SET n = n + 1, r = r + 0.1 WHERE id = ANY ($1)", [[1 + (i % hot), cold]]);
      if (i % 5 === 0) await this.#source.query("DELETE FROM soak WHERE id = $1", [cold]);
      if (i % 5 === 1) await this.#source.query("INSERT INTO soak (id, n, note) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING", [cold, `again ${i}`]);
      if (i % 7 === 0)
        await this.#source.query("UPDATE soak s SET id = -id WHERE id IN ($1, -$1::int8) AND NOT EXISTS (SELECT FROM soak o WHERE o.id = -s.id)", [
          cold,
        ]);
      if (i % 11 === 0) await this.#source.query("UPDATE soak SET big = big || 'x' WHERE id = $1 AND length(big) < 100000", [1 + (i % hot)]);
      await this.#source.query("INSERT INTO log VALUES ($1, $2)", [`at ${i % 100}`, i]);
      if (i % 1000 === 0) await this.#source.query("TRUNCATE log");
      this.transactions += 2;
      if (i % 20 === 0) await sleep(random.between(0, 40));
    }
  }

  async tryAll(signal: AbortSignal): Promise<void> {
    for (let i = 0; !signal.aborted; i += 1) {
      // Each once, then by chance.
      const trial = i < trials.length ? trials[i]! : trials[this.#random.between(0, trials.length - 1)]!;
      this.counts[trial] += 1;
      await this.#one(trial);
      await sleep(this.#random.between(1000, 8000), undefined, { signal }).catch(() => undefined);
    }
  }

  async #one(trial: Trial): Promise<void> {
    const { connector, applier } = this.#victims;
    switch (trial) {
      case "applier stall":
        process.kill(applier.pid, "SIGSTOP");
        await sleep(this.#random.between(300, 5000));
        process.kill(applier.pid, "SIGCONT");
        return;
      case "connector restart":
        await connector.kill();
        connector.restart();
        return;
      case "applier kill":
        await applier.kill();
        applier.restart();
        return;
      case "target restart":
        await this.#stack.target.stop("immediate");
        await this.#stack.target.start();
        return;
      case "target lock": {
        const target = await connect(this.#stack.target.url(database));
        await target.query("BEGIN; LOCK TABLE soak IN SHARE MODE");
        await sleep(this.#random.between(100, 1500));
        await target.end();
      }
    }
  }

  async caughtUp(): Promise<void> {
    this.transactions += 1;
    await this.#source.query("INSERT INTO log VALUES ('caught up', $1)", [this.transactions]);
    const arrived = async (): Promise<boolean> => {
      const target = await connect(this.#stack.target.url(database));
      try {
        return (await target.query("SELECT FROM log WHERE at = 'caught up' AND id = $1", [this.transactions])).rowCount === 1;
      } finally {
        await target.end();
      }
    };
    await waitFor(arrived, { what: "the target to have everything", timeout: 180_000 });
    this.#progress(`the target has everything, after ${this.transactions} transactions`);
  }

  async spoil(): Promise<void> {
    const target = await connect(this.#stack.target.url(database));
    await target.query("INSERT INTO soak (id) VALUES (500) ON CONFLICT (id) DO UPDATE SET note = 'wrong'");
    await target.end();
  }
}

async function connect(url: string): Promise<Client> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  return client;
}

function seconds(began: number): number {
  return Math.round((performance.now() - began) / 1000);
}
