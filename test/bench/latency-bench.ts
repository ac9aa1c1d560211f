/**
 * Latency: from a commit at the source to the moment when a session of the target sees its row, at a steady rate.
 *
 * The source keeps the commit time of every transaction; the target cannot say its own, since a subscription writes the source's there. So a session of
 * the target looks every millisecond at the newest row, which is the same for all: one session of the source writes them in the order of their ids, and
 * sleeps between its commits on a schedule that does not wait for what is late. The clocks are one.
 *
 * Source: PostgreSQL documentation, "pg_xact_commit_timestamp".
 */
import type { Client } from "pg";
import type { Backlog } from "./backlog.ts";
import { connect, fingerprint } from "./bench-servers.ts";
import { median, round } from "./figures.ts";
import { until } from "./measure.ts";
import { peakMegabytes } from "./process-figures.ts";
import type { StartPipeline } from "./pipelines.ts";
import { rowSql, sentinelSql } from "./workloads.ts";

export interface Load {
  /** Transactions of one new row in a second, and how long. */
  readonly perSecond: number;
  readonly seconds: number;
}

/** Milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
  readonly commits: number;
  readonly rssMb: Readonly<Record<string, number>>;
}

/**
 * Seconds of load before what is measured. What is measured is a service that runs for months: for half of this the compilers of the broker and of the product take half a core
 * of the two, and everything else waits for them.
 */
const warmUpSeconds = 20;

/** @throws where a row is missing or the tables differ: then there is no figure */
export async function latency(backlog: Backlog, startPipeline: StartPipeline, load: Load, synchronousCommit: "on" | "off"): Promise<Latency> {
  const run = backlog.nextRun();
  const { source, stack } = backlog;
  await source.query("TRUNCATE bench");
  await backlog.newSlot(run);
  const target = await connect(await backlog.targetDatabase(run));
  await target.query("TRUNCATE bench");
  const pipeline = await startPipeline(backlog, { run, synchronousCommit });
  try {
    await until("the slot is read", async () => (await backlog.readerOf(run)) !== 0);
    const warming = warmUpSeconds * load.perSecond;
    const last = (load.seconds + warmUpSeconds) * load.perSecond - 1;
    const looking = lookSteadily(stack.target.url(run), last);
    await writeSteadily(stack.source.url(backlog.database), load.perSecond, last);
    const looks = await looking;
    await source.query(sentinelSql);
    await until("the last row is at the target", async () => ((await target.query("SELECT FROM bench WHERE id = -1")).rowCount ?? 0) > 0);
    if ((await fingerprint(source)) !== (await fingerprint(target))) throw new Error("the tables differ after a run of latency");
    const pids = await pipeline.pids();
    const rssMb = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, peakMegabytes(pid)]));
    return { ...quantiles(await commitTimes(source, warming, last), warming, looks), rssMb };
  } finally {
    await pipeline.stop();
    await target.end();
    await backlog.dropSlot(run);
    await stack.target.dropDatabase(run);
  }
}

/** Rows with the ids from 0 to `last`. */
async function writeSteadily(url: string, perSecond: number, last: number): Promise<void> {
  const client = await connect(url);
  try {
    await client.query(`
      DO $$ DECLARE began timestamptz := clock_timestamp(); late float8; BEGIN
        FOR id IN 0..${last} LOOP
          late := extract(epoch FROM began - clock_timestamp()) + id::float8 / ${perSecond};
          IF late > 0 THEN PERFORM pg_sleep(late); END IF;
          INSERT INTO bench SELECT ${rowSql("id::bigint")};
          COMMIT;
        END LOOP;
      END $$`);
  } finally {
    await client.end();
  }
}

/** When a session saw a row as the newest for the first time, microseconds since 1970. */
interface Look {
  readonly id: string;
  readonly micros: number;
}

/** Until the row `last` is there. */
async function lookSteadily(url: string, last: number): Promise<Look[]> {
  const client = await connect(url);
  try {
    await client.query("CREATE TEMPORARY TABLE look (id bigint, at timestamptz)");
    await client.query(`
      DO $$ DECLARE newest bigint; before bigint := -1; BEGIN
        LOOP
          SELECT max(id) INTO newest FROM bench;
          IF newest > before THEN
            INSERT INTO look VALUES (newest, clock_timestamp());
            before := newest;
            EXIT WHEN newest >= ${last};
          END IF;
          PERFORM pg_sleep(0.001);
        END LOOP;
      END $$`);
    return (await client.query<Look>("SELECT id, (extract(epoch FROM at) * 1000000)::float8 AS micros FROM look ORDER BY id")).rows;
  } finally {
    await client.end();
  }
}

/** Microseconds since 1970, by id. */
async function commitTimes(client: Client, from: number, to: number): Promise<Float64Array> {
  const { rows } = await client.query<{ id: string; micros: number }>(
    "SELECT id, (extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000000)::float8 AS micros FROM bench WHERE id BETWEEN $1 AND $2",
    [from, to],
  );
  const times = new Float64Array(to - from + 1);
  for (const { id, micros } of rows) times[Number(id) - from] = micros;
  return times;
}

/** @param from the id that was committed first of these. @param looks at newer and newer rows */
function quantiles(committed: Float64Array, from: number, looks: readonly Look[]): Omit<Latency, "rssMb"> {
  const waits = new Float64Array(committed.length);
  let look = 0;
  for (const [i, at] of committed.entries()) {
    while (Number(looks[look]!.id) < from + i) look += 1;
    waits[i] = (looks[look]!.micros - at) / 1000;
  }
  waits.sort();
  const at = (share: number): number => round(waits[Math.min(Math.floor(waits.length * share), waits.length - 1)]!, 2);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1), commits: waits.length };
}

/** The median of each figure over several runs. */
export function medianLatency(runs: readonly Latency[]): Latency {
  const of = (figure: (run: Latency) => number): number => round(median(runs.map(figure)), 2);
  return {
    p50: of((run) => run.p50),
    p90: of((run) => run.p90),
    p99: of((run) => run.p99),
    max: of((run) => run.max),
    commits: of((run) => run.commits),
    rssMb: Object.fromEntries(Object.keys(runs[0]!.rssMb).map((name) => [name, Math.max(...runs.map((run) => run.rssMb[name] ?? 0))])),
  };
}
