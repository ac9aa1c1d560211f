/**
 * `npm run bench -- <capture|apply> [--rows N] [--runs N] [--workload w1,w2] [--json]`: product and peers on the same rows in the same run, alternating;
 * medians, spread, and the ratio of the medians. A run whose tables differ at the end is a failure, not a figure.
 */
import { parseArgs } from "node:util";
import { applyNative, FilledTopic } from "./apply-bench.ts";
import { Backlog } from "./backlog.ts";
import { startBenchServers } from "./bench-servers.ts";
import { captureProduct, capturePgRecvlogical, pgRecvlogicalMissing } from "./capture-bench.ts";
import { type Figures, round, type RunFigures, summarise } from "./figures.ts";
import type { LocalStack as Stack } from "../../infra/local/stack.ts";
import { decodeCosts, produceCosts } from "./clients-bench.ts";
import { buildProduct } from "./product.ts";
import { bulk, small, type Workload } from "./workloads.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string" },
    runs: { type: "string", default: "5" },
    workload: { type: "string", default: "w1,w2" },
    json: { type: "boolean", default: false },
  },
});
const bench = positionals[0];
const runs = Number(values.runs);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

interface Compared {
  readonly product: Figures;
  readonly peers: Readonly<Record<string, Figures>>;
  readonly ratios: Readonly<Record<string, number>>;
}

function workloads(): Workload[] {
  const rows = values.rows === undefined ? undefined : Number(values.rows);
  const all: Record<string, () => Workload> = {
    w1: () => bulk(rows ?? 1_000_000),
    w2: () => small(rows === undefined ? 100_000 : Math.max(Math.round(rows / 10), 1000)),
  };
  return values.workload.split(",").map((name) => {
    const make = all[name];
    if (make === undefined) throw new Error(`there is no workload ${name}: w1, w2`);
    return make();
  });
}

function compare(product: readonly RunFigures[], peers: Readonly<Record<string, readonly RunFigures[]>>, rows: number): Compared {
  const ours = summarise(product, rows);
  const theirs = Object.fromEntries(
    Object.entries(peers)
      .filter(([, figures]) => figures.length > 0)
      .map(([name, figures]) => [name, summarise(figures, rows)]),
  );
  const ratios = Object.fromEntries(Object.entries(theirs).map(([name, figures]) => [name, round(ours.rowsPerSecond / figures.rowsPerSecond, 2)]));
  return { product: ours, peers: theirs, ratios };
}

async function captureBench(backlog: Backlog): Promise<Compared> {
  const product: RunFigures[] = [];
  const peer: RunFigures[] = [];
  const missing = pgRecvlogicalMissing();
  if (missing !== undefined) say(missing);
  for (let i = 1; i <= runs; i += 1) {
    product.push(await captureProduct(backlog));
    if (missing === undefined) peer.push(await capturePgRecvlogical(backlog));
    say(
      `${backlog.workload.name}, run ${i} of ${runs}: product ${product.at(-1)!.seconds.toFixed(2)} s${missing === undefined ? `, pg_recvlogical ${peer.at(-1)!.seconds.toFixed(2)} s` : ""}`,
    );
  }
  return compare(product, { pg_recvlogical: peer }, backlog.workload.rows);
}

async function applyBench(backlog: Backlog): Promise<Compared> {
  const topic = await FilledTopic.fill(backlog);
  const product: RunFigures[] = [];
  const native: RunFigures[] = [];
  for (let i = 1; i <= runs; i += 1) {
    const ours = await topic.apply();
    const theirs = await applyNative(backlog, "off");
    if (!ours.equal || !theirs.equal)
      throw new Error(
        `the tables differ after run ${i}: product ${ours.equal ? "equal" : "DIFFERENT"}, native ${theirs.equal ? "equal" : "DIFFERENT"}`,
      );
    product.push(ours.figures);
    native.push(theirs.figures);
    say(`${backlog.workload.name}, run ${i} of ${runs}: product ${ours.figures.seconds.toFixed(2)} s, native ${theirs.figures.seconds.toFixed(2)} s`);
  }
  await topic.end();
  return compare(product, { native }, backlog.workload.rows);
}

/** Not a benchmark of the product: what docs/decisions quotes. */
async function clientsBench(stack: Stack): Promise<void> {
  const object = {
    bench: "clients",
    produce: await produceCosts(stack, Number(values.rows ?? 400_000), runs),
    decode: await decodeCosts(2_000_000),
    runs,
  };
  process.stdout.write(values.json ? `${JSON.stringify(object)}\n` : `${JSON.stringify(object, null, 2)}\n`);
}

async function main(): Promise<void> {
  if (bench === "clients") {
    const stack = await startBenchServers(say);
    try {
      await clientsBench(stack);
    } finally {
      await stack.stop();
    }
    return;
  }
  const benches: Readonly<Record<string, (backlog: Backlog) => Promise<Compared>>> = { capture: captureBench, apply: applyBench };
  const chosen = bench === undefined ? undefined : benches[bench];
  if (chosen === undefined) throw new Error(`expected one of ${Object.keys(benches).join(", ")}, not ${bench ?? "nothing"}`);
  buildProduct();
  const stack = await startBenchServers(say);
  try {
    const results: Record<string, Compared> = {};
    for (const workload of workloads()) {
      const backlog = await Backlog.prepare(stack, workload, say);
      results[workload.name] = await chosen(backlog);
      await backlog.end();
    }
    const peers = [...new Set(Object.values(results).flatMap(({ ratios }) => Object.keys(ratios)))];
    const worst = Object.fromEntries(
      peers.map((peer) => [peer, Math.min(...Object.values(results).map(({ ratios }) => ratios[peer] ?? Number.POSITIVE_INFINITY))]),
    );
    const object = { bench, workloads: results, ratios: worst, equal: true, runs };
    process.stdout.write(values.json ? `${JSON.stringify(object)}\n` : `${JSON.stringify(object, null, 2)}\n`);
  } finally {
    await stack.stop();
  }
}

await main();
