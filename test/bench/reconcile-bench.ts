/**
 * The reconciler: what it costs beside a plain scan of both sides, and whether it is right while the table is written and replicated and its target is made wrong at random. A row that it
 * calls wrong and that nobody made wrong is a false positive; one that was made wrong during a pass and still is at the end must be in the report of that pass or the next.
 *
 * Beside it stands what a comparison without its rule reports: both sides hashed one after the other, range by range, and what differs called wrong.
 */
import { execFileSync } from "node:child_process";
import type { Client } from "pg";
import { SeededRandom } from "../../infra/demo/seeded-random.ts";
import type { LocalStack } from "../../infra/local/stack.ts";
import { differingKeys, readRowHashes, tooMany } from "../../services/reconcile/row-hashes.ts";
import { readComparedTable } from "../../services/reconcile/compared-table.ts";
import { reconcileService } from "../../services/reconcile/reconcile-service.ts";
import type { Report } from "../../services/reconcile/report.ts";
import { loadConfiguration } from "../../services/runtime/configuration.ts";
import { mappingOf, redactedColumns } from "../../services/runtime/table-mapping.ts";
import { canonicalSettings } from "../../connectors/postgres/session.ts";
import { connect } from "./bench-servers.ts";
import { Divergences } from "./divergences.ts";
import { median, round } from "./figures.ts";
import { LoadProcess } from "./load-process.ts";
import { until } from "./measure.ts";
import type { Rate } from "./open-loop.ts";
import { cli, removeTopic, start, writeInstallation } from "./product.ts";

export interface ReconcileBenchOptions {
  readonly rows: number;
  readonly load: Rate;
  /** With divergences. */
  readonly passes: number;
  /** In each pass. */
  readonly injections: number;
  /** Idle passes and scans in turn; pairs of windows of the load without and with a pass. */
  readonly runs: number;
  readonly windows: number;
  /** Of a window without a pass. */
  readonly seconds: number;
  readonly seed: number;
}

const database = "bench_reconcile";

/** Seconds of load before what is measured. The first writes to each page take the page into the WAL, and until most have been taken the load itself waits: p99 2 s, and then 9 ms. */
const warmUpSeconds = 60;

/** Ten columns, those of them that the divergences need. */
const tableSql = `CREATE TABLE bench (id bigint PRIMARY KEY, n int, s20 text, note text, amt numeric, ts timestamptz, ok boolean, doc json, uid uuid, zero double precision)`;
const fillSql = `INSERT INTO bench SELECT g, (g % 1000000)::int, 'text of row ' || (g % 100000000), CASE WHEN g % 3 = 0 THEN 'a longer text that stands for a name ' || g END,
  (g % 1000000) * 1.25, timestamptz '2026-01-01' + (g % 1000000) * interval '1 second', g % 2 = 0, '{"side": "buy", "qty": 1}', md5(g::text)::uuid, 0
  FROM generate_series($1::bigint, $2::bigint) g`;

export async function reconcileBench(stack: LocalStack, options: ReconcileBenchOptions, say: (line: string) => void): Promise<object> {
  const { rows } = options;
  say(`writing a table of ${rows} rows on both sides`);
  const [source, target] = await Promise.all([filled(stack.source, rows), filled(stack.target, rows)]);
  await source.query("CREATE PUBLICATION bench_pub FOR TABLE bench");
  const file = writeInstallation(stack, {
    source: database,
    topicPrefix: database,
    control: stack.target.url(database),
    connectors: ["bench: { publication: bench_pub, slot: bench_reconcile, service: bench }"],
    services: [`bench: { target: { url: "${stack.target.url(database)}" }, tables: [bench] }`],
  });
  execFileSync(process.execPath, [cli, "--config", file, "up"], { stdio: ["ignore", "ignore", "inherit"] });
  // The rows are there on both sides already.
  await target.query("DELETE FROM offtake.needs_copy");
  const [connector, applier] = [start({ file }, "connector"), start({ file }, "applier")];
  try {
    const bench = new ReconcileBench(file, source, target, stack, options, say);
    await until("the first row is applied", async () => bench.isReplicating());
    const idle = await bench.idle();
    const underLoad = await bench.underLoad(idle.passSeconds);
    return { bench: "reconcile", rows, tps: options.load.perSecond, seed: options.seed, ...idle, ...underLoad };
  } finally {
    await Promise.all([connector.stop(), applier.stop()]);
    const configuration = loadConfiguration(file, process.env);
    await removeTopic({ file, configuration, topic: configuration.services[0]!.topic });
    await source.query("SELECT pg_drop_replication_slot('bench_reconcile')");
    await Promise.all([source.end(), target.end()]);
  }
}

async function filled(server: LocalStack["source"], rows: number): Promise<Client> {
  await server.createDatabase(database);
  const client = await connect(server.url(database));
  await client.query(tableSql);
  await client.query(fillSql, [1, rows]);
  await client.query("VACUUM ANALYZE bench");
  return client;
}

const scanSql = "SELECT count(*), bit_xor(hashtextextended(t::text, 0)) FROM bench t";

class ReconcileBench {
  readonly #file: string;
  readonly #source: Client;
  readonly #target: Client;
  readonly #stack: LocalStack;
  readonly #options: ReconcileBenchOptions;
  readonly #say: (line: string) => void;

  constructor(file: string, source: Client, target: Client, stack: LocalStack, options: ReconcileBenchOptions, say: (line: string) => void) {
    this.#file = file;
    this.#source = source;
    this.#target = target;
    this.#stack = stack;
    this.#options = options;
    this.#say = say;
  }

  async isReplicating(): Promise<boolean> {
    await this.#source.query("INSERT INTO bench (id) VALUES (0) ON CONFLICT (id) DO UPDATE SET n = 1");
    return (await this.#target.query("SELECT FROM bench WHERE id = 0")).rowCount === 1;
  }

  /** A pass beside a plain scan of each side, one after the other, in turn. */
  async idle(): Promise<{ scanRatio: number; passSeconds: number; scanSeconds: number; idleRowsPerSecond: number }> {
    const passes: number[] = [];
    const scans: number[] = [];
    for (let i = 1; i <= this.#options.runs; i += 1) {
      scans.push(
        await seconds(async () => {
          await this.#source.query(scanSql);
          await this.#target.query(scanSql);
        }),
      );
      const took = await seconds(async () => {
        const { verdict } = await this.#pass();
        if (verdict !== "equal") throw new Error(`an idle pass found the tables ${verdict}`);
      });
      passes.push(took);
      this.#say(`idle, run ${i} of ${this.#options.runs}: pass ${took.toFixed(2)} s, scans ${scans.at(-1)!.toFixed(2)} s`);
    }
    const [passSeconds, scanSeconds] = [round(median(passes), 2), round(median(scans), 2)];
    return {
      scanRatio: round(passSeconds / scanSeconds, 2),
      passSeconds,
      scanSeconds,
      idleRowsPerSecond: Math.round(this.#options.rows / passSeconds),
    };
  }

  async underLoad(idleSeconds: number): Promise<object> {
    const { rows, load, passes, windows, injections, seed, seconds: rest } = this.#options;
    const divergences = new Divergences(this.#target, rows);
    for (const side of [this.#source, this.#target]) await side.query("CHECKPOINT");
    const running = await LoadProcess.start({ url: this.#stack.source.url(database), rate: load, rows, from: 0, hot: 20 });
    const reports: Report[] = [];
    const measured: { before: number; during: number; seconds: number }[] = [];
    let naive = 0;
    try {
      await lasting(warmUpSeconds);
      await running.take();
      for (let i = 1; i <= windows; i += 1) {
        await lasting(rest);
        const before = await running.take();
        const took = await seconds(async () => void reports.push(await this.#pass()));
        const during = await running.take();
        measured.push({ before: before.p99, during: during.p99, seconds: took });
        this.#say(`windows ${i} of ${windows}: p99 ${before.p99} ms before, ${during.p99} ms during a pass of ${took.toFixed(1)} s`);
      }
      naive = await this.#naive();
      this.#say(`without the rule ${naive} rows are called wrong`);
      for (let i = 1; i <= passes; i += 1) {
        let over = false;
        // Each pass has a seed of its own.
        const random = new SeededRandom(seed + i - 1, "divergences");
        const injecting = this.#inject(divergences, reports.length + 1, injections, idleSeconds, random, () => over);
        const report = await this.#pass().finally(() => (over = true));
        await injecting;
        reports.push(report);
        this.#say(
          `pass ${i} of ${passes}: ${report.verdict}, ${keysOf(report).length} wrong, ${report.undecided.length} undecided, ${report.rounds} rounds`,
        );
      }
      reports.push(await this.#pass());
    } finally {
      await running.stop();
    }
    await this.#source.query("INSERT INTO bench (id) VALUES (-1)");
    await until("the last row is at the target", async () => (await this.#target.query("SELECT FROM bench WHERE id = -1")).rowCount === 1);
    const differing = await divergences.left(this.#source);
    const persisting = divergences.injected.filter(({ key }) => differing.has(key));
    const isFound = ({ key, pass }: { key: string; pass: number }): boolean =>
      [reports[pass - 1], reports[pass]].some((report) => report !== undefined && keysOf(report).includes(key));
    const missed = persisting.filter((each) => !isFound(each));
    for (const { key, kind, pass } of missed) this.#say(`not found: ${kind} of row ${key} in pass ${pass}`);
    const wrong = reports.flatMap((report, i) =>
      keysOf(report).filter((key) => !divergences.injected.some((each) => each.key === key && each.pass <= i + 1)),
    );
    return {
      injected: persisting.length,
      found: persisting.length - missed.length,
      healed: divergences.injected.length - persisting.length,
      falsePositives: wrong.length,
      naiveFalsePositives: naive,
      passes: reports.length,
      undecided: reports.reduce((sum, { undecided }) => sum + undecided.length, 0),
      loadP99Ratio: windows === 0 ? null : round(median(measured.map(({ before, during }) => during / before)), 2),
      passRateUnderLoad: windows === 0 ? null : round(idleSeconds / median(measured.map((each) => each.seconds)), 2),
      windows: measured,
    };
  }

  async #inject(divergences: Divergences, pass: number, count: number, spread: number, random: SeededRandom, over: () => boolean): Promise<void> {
    for (let i = 0; i < count; i += 1) {
      const at = performance.now() + random.fraction() * 2000 * (spread / count);
      await until("its moment", async () => over() || performance.now() >= at, 2);
      await divergences.inject(pass, random);
    }
  }

  async #pass(): Promise<Report> {
    const configuration = loadConfiguration(this.#file, process.env);
    const [service, connector] = [configuration.services[0]!, configuration.connectors[0]!];
    const { signal } = new AbortController();
    for await (const report of reconcileService({ configuration, service, connector, tables: [], level: "detailed", signal })) return report;
    throw new Error("there was nothing to compare");
  }

  /** Rows that differ where nobody waits for anything. */
  async #naive(): Promise<number> {
    const configuration = loadConfiguration(this.#file, process.env);
    const service = configuration.services[0]!;
    const name = { schema: "public", table: "bench" };
    const table = await readComparedTable(
      async (work) => work(this.#source),
      async (work) => work(this.#target),
      name,
      mappingOf(service, name),
      "bench_pub",
      redactedColumns(service, name),
      "representation",
    );
    for (const client of [this.#source, this.#target])
      for (const [setting, value] of Object.entries(canonicalSettings)) await client.query("SELECT set_config($1, $2, false)", [setting, value]);
    let found = 0;
    const step = 10_000;
    for (let from = -1; from < this.#options.rows; from += step) {
      const range = { after: [String(from)], upTo: [String(from + step)] };
      const left = await readRowHashes(this.#source, table.source, table.source.hashed, range, step);
      const right = await readRowHashes(this.#target, table.target, table.target.hashed, range, step);
      if (left === tooMany || right === tooMany) throw new Error("a range has more rows than its ids");
      found += differingKeys(left, right).length;
    }
    for (const client of [this.#source, this.#target]) await client.query("RESET ALL");
    return found;
  }
}

function keysOf({ missing, extra, differing }: Report): string[] {
  return [...missing, ...extra, ...differing].map(({ key }) => key["id"] ?? "");
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

async function lasting(wanted: number): Promise<void> {
  const end = performance.now() + wanted * 1000;
  await until("a window ends", async () => performance.now() > end, 20);
}
