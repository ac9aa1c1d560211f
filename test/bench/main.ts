/**
 * `npm run bench -- <capture|apply|end-to-end|latency|growth|…>`: product and peers on the same rows in the same run, alternating; medians, spread, and the
 * ratio of the medians. A run whose tables differ at the end is a failure, not a figure.
 */
import { parseArgs } from "node:util";
import { FilledTopic } from "./apply-bench.ts";
import { Backlog } from "./backlog.ts";
import { startBenchServers } from "./bench-servers.ts";
import { capturePgRecvlogical, captureProduct, pgRecvlogicalMissing } from "./capture-bench.ts";
import { decodeCosts, produceCosts } from "./clients-bench.ts";
import { alternate, compare, type Contestants, type Outcome } from "./contest.ts";
import { keepApart } from "./cores.ts";
import { dashboardBench } from "./dashboard-bench.ts";
import { Debezium } from "./debezium.ts";
import { endToEnd } from "./end-to-end-bench.ts";
import { round } from "./figures.ts";
import { type Cost, type Course, growth, medianCost } from "./growth-bench.ts";
import { interop } from "./interop-bench.ts";
import { type Latency, latency, type Load, medianLatency } from "./latency-bench.ts";
import type { LocalStack } from "../../infra/local/stack.ts";
import { startNative, type StartPipeline, startProduct } from "./pipelines.ts";
import { buildProduct } from "./product.ts";
import { reconcileBench } from "./reconcile-bench.ts";
import { CopiedTable } from "./snapshot-bench.ts";
import { copyUnderLoad } from "./snapshot-windows.ts";
import { bulk, giant, hot, quiet, small, wide, type Workload } from "./workloads.ts";

const usage = `npm run bench -- <capture|apply|end-to-end|latency|growth|snapshot|reconcile|interop|clients|dashboard> [options]

  --rows N                     row changes of w1; the others are in proportion        [1000000]
  --workload w1,w2,…           w1 bulk, w2 small transactions, w4 wide rows, w5 one transaction, w6 hot keys [w1,w2]
  --peer native,debezium,…     native, pg_recvlogical, debezium: those that the benchmark has; debezium is fetched (90 MB) and takes minutes
                               [all but debezium]
  --synchronous-commit on|off  of the sessions that write a target, on both sides     [off]
  --runs N                     runs of each, alternating                              [5]
  --seconds N                  of load in a run of latency; of a window of snapshot; that a view of
                               the dashboard is watched                               [60; 30; 20]
  --windows N                  pairs of windows of snapshot, with a load before and
                               during a copy; 0 for none                              [3]
  --apart                      snapshot: the monolith and its load on the first half of the cores, all else on the second
  --tps N                      transactions a second in a window                      [500; reconcile 2000]
  --passes N                   of reconcile, under load, with divergences             [20]
  --injections N               divergences of a pass                                  [25]
  --seed N                     of the divergences                                     [1]
  --json                       one line of JSON on standard output`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "1000000" },
    workload: { type: "string", default: "w1,w2" },
    peer: { type: "string" },
    "synchronous-commit": { type: "string", default: "off" },
    runs: { type: "string", default: "5" },
    seconds: { type: "string" },
    windows: { type: "string", default: "3" },
    tps: { type: "string" },
    apart: { type: "boolean", default: false },
    passes: { type: "string", default: "20" },
    injections: { type: "string", default: "25" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const runs = whole("runs", values.runs);
const rows = whole("rows", values.rows);
const synchronousCommit = oneOf("synchronous-commit", values["synchronous-commit"], ["on", "off"] as const);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

function whole(name: string, value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new Error(`--${name} ${value}: expected a number above 0\n\n${usage}`);
}

function oneOf<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === value);
  if (found !== undefined) return found;
  throw new Error(`--${name} ${value}: expected one of ${choices.join(", ")}\n\n${usage}`);
}

const workloads: Readonly<Record<string, () => Workload>> = {
  w1: () => bulk(rows),
  w2: () => small(Math.max(Math.round(rows / 10), 1000)),
  w4: () => wide(Math.max(Math.round(rows / 5), 1000)),
  w5: () => giant(rows * 2),
  w6: () => hot(Math.max(Math.round(rows / 5), 1000)),
};

const peerNames = ["native", "pg_recvlogical", "debezium"] as const;

/** Of those that a benchmark has, the ones that were asked for. */
function asked<T>(peers: Readonly<Record<string, T>>): Record<string, T> {
  const names: readonly string[] =
    values.peer?.split(",").map((name) => oneOf("peer", name, peerNames)) ?? peerNames.filter((name) => name !== "debezium");
  return Object.fromEntries(Object.entries(peers).filter(([name]) => names.includes(name)));
}

/** One for all runs: its workers stay. */
let onlyDebezium: Debezium | undefined;

function debezium(stack: LocalStack): Debezium {
  return (onlyDebezium ??= new Debezium(stack, say));
}

function pipelines(stack: LocalStack, purpose: "rate" | "latency"): Record<string, StartPipeline> {
  return { native: startNative, debezium: debezium(stack).pipeline(purpose) };
}

/** Each gives what has to run in turn, and what has to be put away. */
const benches: Readonly<Record<string, (backlog: Backlog) => Promise<{ contestants: Contestants; end: () => Promise<void> }>>> = {
  capture: async (backlog) => {
    const missing = pgRecvlogicalMissing();
    if (missing !== undefined) say(missing);
    const peers = asked({
      ...(missing === undefined ? { pg_recvlogical: async () => capturePgRecvlogical(backlog) } : {}),
      debezium: async () => debezium(backlog.stack).capture(backlog),
    });
    // What it leaves in a topic is applied once, and compared.
    const end = async (): Promise<void> => {
      const topic = await FilledTopic.fill(backlog, synchronousCommit);
      const { equal } = await topic.apply();
      await topic.end();
      if (!equal) throw new Error("what was captured is not what the source has");
    };
    return { contestants: { product: async () => captureProduct(backlog), ...peers }, end };
  },
  apply: async (backlog) => {
    const topic = await FilledTopic.fill(backlog, synchronousCommit);
    const peers = asked({
      ...endToEndOf(backlog, { native: startNative }),
      debezium: async () => debezium(backlog.stack).apply(backlog, synchronousCommit),
    });
    const end = async (): Promise<void> => {
      await topic.end();
      await debezium(backlog.stack).end(backlog);
    };
    return { contestants: { product: async () => topic.apply(), ...peers }, end };
  },
  "end-to-end": async (backlog) => ({
    contestants: endToEndOf(backlog, { product: startProduct, ...asked(pipelines(backlog.stack, "rate")) }),
    end: async () => {},
  }),
};

function endToEndOf(backlog: Backlog, starts: Readonly<Record<string, StartPipeline>>): Record<string, () => Promise<Outcome>> {
  return Object.fromEntries(Object.entries(starts).map(([name, start]) => [name, async () => endToEnd(backlog, start, synchronousCommit)]));
}

async function rates(stack: LocalStack, bench: string): Promise<object> {
  const chosen = values.workload.split(",").map((name) => workloads[oneOf("workload", name, Object.keys(workloads))]!());
  const compared: Record<string, ReturnType<typeof compare>> = {};
  for (const workload of chosen) {
    const backlog = await Backlog.prepare(stack, workload, say);
    const { contestants, end } = await benches[bench]!(backlog);
    const figures = await alternate(contestants, runs, (line) => say(`${workload.name}, ${line}`));
    await end();
    compared[workload.name] = compare(figures, backlog.changes);
    await backlog.end();
  }
  const peers = [...new Set(Object.values(compared).flatMap(({ ratios }) => Object.keys(ratios)))];
  const ratios = Object.fromEntries(
    peers.map((peer) => [peer, Math.min(...Object.values(compared).map((each) => each.ratios[peer] ?? Number.POSITIVE_INFINITY))]),
  );
  return { bench, workloads: compared, ratios, equal: true, synchronousCommit, runs };
}

/** w3 is the load of the issue's; idle a commit now and then. */
async function latencies(stack: LocalStack): Promise<object> {
  const seconds = whole("seconds", values.seconds ?? "60");
  const loads: Readonly<Record<string, Load>> = { w3: { perSecond: 1000, seconds }, idle: { perSecond: 10, seconds: Math.min(seconds, 20) } };
  const backlog = await Backlog.prepare(stack, quiet("w3"), say);
  const found: Record<string, Record<string, Latency>> = {};
  for (const [name, load] of Object.entries(loads)) {
    const contestants = Object.entries({ product: startProduct, ...asked(pipelines(stack, "latency")) });
    const all: Record<string, Latency[]> = {};
    for (let i = 1; i <= runs; i += 1)
      for (const [who, start] of contestants) {
        const one = await latency(backlog, start, load, synchronousCommit);
        (all[who] ??= []).push(one);
        say(`${name}, run ${i} of ${runs}: ${who} p50 ${one.p50} ms, p99 ${one.p99} ms`);
      }
    found[name] = Object.fromEntries(Object.entries(all).map(([who, each]) => [who, medianLatency(each)]));
  }
  await backlog.end();
  const ratios = Object.fromEntries(
    Object.entries(found).map(([name, { product, ...peers }]) => [
      name,
      Object.fromEntries(
        Object.entries(peers).map(([peer, { p50, p99 }]) => [peer, { p50: round(product!.p50 / p50, 2), p99: round(product!.p99 / p99, 2) }]),
      ),
    ]),
  );
  return { bench: "latency", milliseconds: found, ratios, equal: true, synchronousCommit, seconds, runs };
}

/** Each course beside the one that it is held against. */
async function growths(stack: LocalStack): Promise<object> {
  const base: Course = { tables: 1, services: 1, rowsPerTransaction: 1000, rows: Math.round(rows / 5) };
  const courses: Readonly<Record<string, Course>> = {
    "1 table, 1 service, 1000 rows a transaction": base,
    "100 tables": { ...base, tables: 100 },
    "1000 tables": { ...base, tables: 1000 },
    "10 services in one process": { ...base, tables: 10, services: 10 },
    "1 row a transaction": { ...base, rowsPerTransaction: 1, rows: Math.round(rows / 10) },
    "a million rows a transaction": { ...base, rowsPerTransaction: rows, rows },
  };
  const all: Record<string, Cost[]> = {};
  for (let i = 1; i <= runs; i += 1)
    for (const [name, course] of Object.entries(courses)) {
      const cost = await growth(stack, course);
      (all[name] ??= []).push(cost);
      say(
        `run ${i} of ${runs}, ${name}: connector ${cost.connector} us a row, ${cost.connectorMb} MB, applier ${cost.applier} us a row, ${cost.applierMb} MB`,
      );
    }
  return {
    bench: "growth",
    microsecondsOfARow: Object.fromEntries(Object.entries(all).map(([name, each]) => [name, medianCost(each)])),
    equal: true,
    runs,
  };
}

async function snapshot(stack: LocalStack): Promise<object> {
  say(`writing a table of ${rows} rows`);
  if (values.apart) keepApart(stack);
  const table = await CopiedTable.fill(stack, "bench_snapshot", rows);
  const peers = asked({ native: async () => table.copyNatively(), debezium: async () => table.copyByDebezium(debezium(stack)) });
  const figures = await alternate({ product: async () => table.copy(), ...peers }, runs, (line) => say(`snapshot, ${line}`));
  await table.end();
  const compared = compare(figures, rows);
  const load = { perSecond: whole("tps", values.tps ?? "500"), connections: 16 };
  const [seconds, pairs] = [whole("seconds", values.seconds ?? "30"), values.windows === "0" ? 0 : whole("windows", values.windows)];
  const windows =
    pairs === 0 ? {} : await copyUnderLoad(stack, { idleRate: compared.product.rowsPerSecond, seconds, pairs, load, apart: values.apart }, say);
  return { bench: "snapshot", workloads: { snapshot: compared }, ratios: compared.ratios, ...windows, equal: true, runs };
}

async function reconcile(stack: LocalStack): Promise<object> {
  const options = {
    rows,
    runs,
    load: { perSecond: whole("tps", values.tps ?? "2000"), connections: 16 },
    passes: whole("passes", values.passes),
    injections: whole("injections", values.injections),
    windows: values.windows === "0" ? 0 : whole("windows", values.windows),
    seconds: whole("seconds", values.seconds ?? "30"),
    seed: whole("seed", values.seed),
  };
  return reconcileBench(stack, options, say);
}

/** Not a benchmark of the product: what docs/decisions quotes. */
async function clients(stack: LocalStack): Promise<object> {
  return { bench: "clients", produce: await produceCosts(stack, Math.round(rows * 0.4), runs), decode: await decodeCosts(2_000_000), runs };
}

function print(result: object): void {
  process.stdout.write(`${JSON.stringify(result, null, values.json ? 0 : 2)}\n`);
}

async function main(): Promise<void> {
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  const all: Readonly<Record<string, (stack: LocalStack) => Promise<object>>> = {
    ...Object.fromEntries(Object.keys(benches).map((name) => [name, async (stack: LocalStack) => rates(stack, name)])),
    latency: latencies,
    growth: growths,
    snapshot,
    reconcile,
    interop: async (stack) => interop(stack, workloads["w2"]!(), say),
    clients,
  };
  const bench = oneOf("bench", positionals[0] ?? "nothing", [...Object.keys(all), "dashboard"]);
  if (bench === "dashboard") {
    const seconds = whole("seconds", values.seconds ?? "20");
    return print(await dashboardBench({ runs, seconds }, say));
  }
  if (bench !== "clients") buildProduct();
  // It costs a subscription much at the target, and is needed at the source of one benchmark only.
  const stack = await startBenchServers(say, bench === "latency" ? { track_commit_timestamp: "on" } : {});
  try {
    print(await all[bench]!(stack));
  } finally {
    await stack.stop();
  }
}

await main();
