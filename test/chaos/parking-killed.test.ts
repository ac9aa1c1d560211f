/**
 * Events that the target refuses, of a table with `poison: park`: applier and replay are killed between any two of the steps by which an event and its key are put aside, and
 * brought back. Behind each, rows, queues and parked keys must be what the ledger says.
 *
 * Where a process is to die in the middle of a transaction without a place of its own, it is held there by a lock.
 */
import type { Client } from "pg";
import { expect, inject, test } from "vitest";
import { createPipeline, type Pipeline } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { CliProcess, lastObject, offtake } from "../services/cli/cli-process.ts";
import { connect } from "./bank-pipeline.ts";
import { operatorErrors } from "./last-words.ts";
import { drawnAt, mendSql, ParkedRows, refuseSql, schemaSql, stateAt, transactionsAt } from "./parked-rows.ts";
import { Victim } from "./victim.ts";

/** Where the applier dies, and what must have become of the transaction by then. */
interface Death {
  readonly where: string;
  /** Whether an event is refused in it: then its rows come one by one. */
  readonly refuses: boolean;
  /** A table that somebody has locked against writes; or a failpoint. */
  readonly held?: string;
  readonly failpoint?: string;
  /** What it has written, committed or not; left out where the death cannot say. */
  readonly wrote?: { readonly letters: boolean; readonly keys: boolean };
  /** Left out where the answer to the commit is lost. */
  readonly committed?: boolean;
}

const both = { letters: true, keys: true };

const deaths: readonly Death[] = [
  {
    where: "before the event is put aside",
    refuses: true,
    held: "offtake.dead_letter",
    wrote: { letters: false, keys: false },
    committed: false,
  },
  { where: "between event and key", refuses: true, held: "offtake.parked", wrote: { letters: true, keys: false }, committed: false },
  { where: "before the commit", refuses: true, failpoint: "before-target-commit-sent:kill", wrote: both, committed: false },
  { where: "when the commit was sent", refuses: true, failpoint: "after-target-commit-sent:kill", wrote: both },
  { where: "before it knows of the commit", refuses: true, failpoint: "before-target-commit-acknowledged:kill", wrote: both, committed: true },
  { where: "behind the commit", refuses: true, failpoint: "after-target-commit-acknowledged:kill", wrote: both, committed: true },
  // Begin, position and queue have left.
  { where: "in a merged batch, behind what goes into queues", refuses: false, failpoint: "before-statement:kill:4", committed: false },
  {
    where: "in a merged batch, before it knows of the commit",
    refuses: false,
    failpoint: "before-target-commit-acknowledged:kill",
    wrote: { letters: true, keys: false },
    committed: true,
  },
];

/** Until it is disposed of. */
async function holding(url: string, sql: string): Promise<AsyncDisposable> {
  const client = await connect(url);
  await client.query(`BEGIN; ${sql}`);
  return { [Symbol.asyncDispose]: async () => client.end() };
}

async function someoneWaits(client: Client): Promise<boolean> {
  const sql = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
  return (await client.query(sql)).rowCount === 1;
}

/** Until no transaction of an applier or a replay is open: each of them begins with this row. */
async function untilOver({ target }: Pipeline): Promise<void> {
  await target.query("SELECT FROM offtake.applied_position FOR UPDATE");
}

async function killedAt(
  pipeline: Pipeline,
  applier: Victim,
  rows: ParkedRows,
  { where, refuses, held, failpoint, wrote, committed }: Death,
): Promise<void> {
  const { target } = pipeline;
  const before = await drawnAt(target);
  if (failpoint !== undefined) await applier.armed(failpoint);
  const holder = held === undefined ? undefined : await holding(pipeline.targetUrl, `LOCK TABLE ${held} IN SHARE MODE`);
  await rows.transact(refuses);
  if (holder !== undefined) {
    await waitFor(async () => someoneWaits(target), { what: `the applier to wait ${where}` });
    await applier.kill();
  }
  await waitFor(() => !applier.isRunning, { what: `the applier to die ${where}` });
  // The server ends the statement that waits, of a session that nobody has any more: what it draws then is not the applier's.
  if (holder === undefined) await untilOver(pipeline);
  const drawn = await drawnAt(target);
  await holder?.[Symbol.asyncDispose]();
  await untilOver(pipeline);
  const since = { letters: drawn.letters > before.letters, keys: drawn.keys > before.keys };
  expect({ where, wrote: since, committed: (await transactionsAt(target)) === rows.transactions }).toMatchObject({
    where,
    ...(wrote === undefined ? {} : { wrote }),
    ...(committed === undefined ? {} : { committed }),
  });
  applier.restart();
  await arrived(pipeline, rows, where);
  await expectLedger(pipeline, rows, where);
}

async function arrived({ target }: Pipeline, rows: ParkedRows, where: string): Promise<void> {
  await waitFor(async () => (await transactionsAt(target)) === rows.transactions, { what: `everything to arrive behind ${where}`, timeout: 60_000 });
}

async function expectLedger({ target, configuration, connector }: Pipeline, rows: ParkedRows, where: string): Promise<void> {
  expect({ where, ...(await stateAt(target, configuration, connector.name)) }).toEqual({ where, ...rows.expected() });
}

test("events that are put aside, their keys and what waits behind them are neither lost nor there twice, wherever applier and replay are killed", async () => {
  // A control database of its own, whose audit nobody else writes.
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  await using folder = await temporaryFolder();
  await using pipeline = await createPipeline(schemaSql, { servers, tables: { event: { poison: "park" }, beside: {} } });
  await pipeline.up();
  const { source, target, targetUrl, controlUrl, file } = pipeline;
  await target.query(refuseSql);
  await using connector = pipeline.startConnector();
  const environment = { OFFTAKE_FAILPOINT: "later", NODE_COMPILE_CACHE: `${folder.path}/compiled` };
  const applier = new Victim(["--config", file, "run", "applier", "--http-port", "0"], `${folder.path}/applier.log`, { environment });
  try {
    const rows = new ParkedRows(source);
    await connector.working;
    await source.query("INSERT INTO beside VALUES (1, 0)");
    await rows.transact(true);
    await arrived(pipeline, rows, "the start");
    await expectLedger(pipeline, rows, "the start");
    for (const death of deaths) await killedAt(pipeline, applier, rows, death);

    await target.query(mendSql);
    const replay = ["dlq", "replay", "trading", "--json", "--config", file];
    const replayKilled = async (where: string, url: string, sql: string, replayed: number): Promise<void> => {
      const asked = await connect(url);
      {
        await using command = new CliProcess(replay);
        await using _ = await holding(url, sql);
        await waitFor(async () => someoneWaits(asked), { what: `the replay to wait ${where}` });
        command.child.kill("SIGKILL");
        await command.ended;
      }
      await asked.end();
      await untilOver(pipeline);
      rows.replayed(replayed);
      await expectLedger(pipeline, rows, where);
    };
    const [, second] = rows.waiting;
    const all = rows.waiting.length;
    expect(all).toBe(deaths.filter(({ refuses }) => refuses).length + 1);
    await replayKilled("in the middle of the second queue", targetUrl, `INSERT INTO event VALUES (${second}, 0, 0, '')`, 1);
    await replayKilled("between events and keys", targetUrl, "LOCK TABLE offtake.parked IN SHARE MODE", 0);
    await replayKilled("behind the last commit, before the audit", controlUrl, "LOCK TABLE offtake.audit IN SHARE MODE", all - 1);
    const { code, stdout } = await offtake(replay);
    expect([code, lastObject(stdout)]).toMatchObject([0, { replayed: [] }]);

    await rows.changeAll();
    await arrived(pipeline, rows, "the replay");
    await expectLedger(pipeline, rows, "the replay");
    const ends = await target.query('SELECT state, count(*)::int4, count(DISTINCT "offset")::int4 AS events FROM offtake.dead_letter GROUP BY state');
    expect(ends.rows).toEqual([{ state: "replayed", count: rows.waited, events: rows.waited }]);
    expect(operatorErrors(applier)).toEqual([]);
    expect(applier.lines.filter(({ kind }) => kind !== undefined)).toEqual([]);
  } finally {
    await applier.kill();
  }
});
