/**
 * `npm run chaos:copies`: tables of millions of rows are copied while a load changes the same tables, and connector and applier are killed again and again while they
 * do it. At the end every row of every table is compared with the source's, and the target is held against what the monolith has acknowledged.
 *
 * A run that has fewer kills within the copy than were asked for has not shown what it was to show, and fails.
 */
import { parseArgs } from "node:util";
import { SeededRandom } from "../../infra/demo/seeded-random.ts";
import type { LocalStack } from "../../infra/local/stack.ts";
import { up } from "../../services/cli/up.ts";
import { loadConfiguration } from "../../services/runtime/configuration.ts";
import { connect, startBenchServers } from "../bench/bench-servers.ts";
import { until } from "../bench/measure.ts";
import { OpenLoop } from "../bench/open-loop.ts";
import { buildProduct, writeInstallation } from "../bench/product.ts";
import { copiedTables, fillSql, rowSql, schemaSql } from "./copied-tables.ts";
import { CopyProgress } from "./copy-progress.ts";
import { CopyingProcess } from "./copying-process.ts";
import { killShares } from "./kill-plan.ts";
import { type Comparison, compareRows, orderedRows } from "./row-comparison.ts";
import { RowChanges } from "./row-changes.ts";

const usage = `npm run chaos:copies -- [options]

  --rows N                 of all tables                                [5000000]
  --kills N                of the connector, and of the applier         [5]
  --tps N                  transactions a second on the same tables     [2000]
  --seed N                                                              [1]
  --max-rows-per-second N  snapshot.maxRowsPerSecond, for small runs    [no limit]
  --json                   one line of JSON on standard output`;

const { values } = parseArgs({
  options: {
    rows: { type: "string", default: "5000000" },
    kills: { type: "string", default: "5" },
    tps: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    "max-rows-per-second": { type: "string" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);

function whole(name: "rows" | "kills" | "tps" | "seed" | "max-rows-per-second", value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new Error(`--${name} ${value}: expected a number above 0\n\n${usage}`);
}

/** No factor of a thousand: wide rows, of which there is one in a thousand, are then of all connections. */
const connections = 61;
const database = "chaos_copies";
/** The row that is written last. */
const lastRow = 0;

async function run(stack: LocalStack): Promise<object> {
  const [all, kills, tps, seed] = [whole("rows", values.rows), whole("kills", values.kills), whole("tps", values.tps), whole("seed", values.seed)];
  const rows = new Map(copiedTables.map(({ name, share }) => [name, Math.round(all * share)]));
  await stack.source.createDatabase(database);
  await stack.target.createDatabase(database);
  const [source, target, control] = await Promise.all([
    connect(stack.source.url(database)),
    connect(stack.target.url(database)),
    connect(stack.target.url(database)),
  ]);
  say(`writing ${all} rows`);
  await source.query(schemaSql);
  for (const table of copiedTables) await source.query(fillSql(table, rows.get(table.name)!));
  await source.query("ANALYZE");
  await source.query("CHECKPOINT");

  const limit = values["max-rows-per-second"];
  const snapshot = limit === undefined ? "" : `, snapshot: { maxRowsPerSecond: ${whole("max-rows-per-second", limit)} }`;
  const file = writeInstallation(stack, {
    source: database,
    topicPrefix: database,
    control: stack.target.url(database),
    connectors: [`shop: { publication: shop_pub, slot: ${database}, service: shop }`],
    services: [`shop: { target: { url: "${stack.target.url(database)}" }, tables: [${[...rows.keys()].join(", ")}]${snapshot} }`],
  });
  const terminal = { json: true, progress: () => {}, answer: () => {} };
  await up(loadConfiguration(file, process.env), { createTables: true }, terminal, new AbortController().signal);

  say(`configuration and logs: ${file}`);
  const progress = await CopyProgress.start(source, control, target, rows);
  const changes = new RowChanges({
    seed,
    connections,
    rows,
    front: (table) => progress.front(table),
  });
  const load = await OpenLoop.start(stack.source.url(database), { perSecond: tps, connections }, (connection) => changes.next(connection));
  const began = performance.now();
  const [connector, applier] = [new CopyingProcess(file, "connector"), new CopyingProcess(file, "applier")];
  const shares = (name: string): number[] => killShares(new SeededRandom(seed, name), kills);
  try {
    await Promise.all([
      connector.killAt(shares("connector"), progress, (now) => [now.published, now.publishing], say),
      applier.killAt(shares("applier"), progress, (now) => [now.applied, now.applying], say),
    ]);
    await progress.until((now) => !now.applying);
    const copied = (performance.now() - began) / 1000;
    const times = load.take();
    await load.stop();
    await progress.stop();
    say(`copied after ${copied.toFixed(1)} s; ${times.perSecond} transactions/s`);
    await source.query(`INSERT INTO orders SELECT ${rowSql(`${lastRow}::bigint`, "0")}`);
    await until("the last row is at the target", async () => (await target.query("SELECT FROM orders WHERE id = $1", [lastRow])).rowCount === 1, 100);
    const caughtUp = (performance.now() - began) / 1000;
    say("comparing every row");
    const stopped = await Promise.all([connector.stop(), applier.stop()]);
    let lost = 0;
    const compared: Record<string, Comparison> = {};
    for (const { name, key } of copiedTables) {
      const expected = new Map(changes.ledgers.get(name));
      compared[name] = await compareRows(orderedRows(source, name, key), orderedRows(target, name, key), (row) => settle(expected, row));
      // What is left was not found; that which must not be there was not to be.
      for (const transaction of expected.values()) if (transaction !== 0) lost += 1;
    }
    const sum = (of: (comparison: Comparison) => number): number => Object.values(compared).reduce((total, each) => total + of(each), 0);
    const [missing, different, extra] = [sum((each) => each.missing), sum((each) => each.different), sum((each) => each.extra)];
    for (const [name, { examples }] of Object.entries(compared)) for (const example of examples) say(`${name}: ${example.slice(0, 400)}`);
    const enough = connector.killedAt.length === kills && applier.killedAt.length === kills;
    if (!enough) say("fewer kills fell into the copy than were asked for");
    if (stopped.some((code) => code !== 0)) say(`connector and applier ended with ${stopped.join(" and ")}`);
    return {
      rows: sum((each) => each.rows),
      kills: { connector: connector.killedAt.length, applier: applier.killedAt.length },
      killedAt: { connector: connector.killedAt, applier: applier.killedAt },
      seed,
      tps: times.perSecond,
      acknowledged: changes.acknowledged,
      lost,
      missing,
      different,
      extra,
      seconds: { copy: Number(copied.toFixed(1)), caughtUp: Number(caughtUp.toFixed(1)) },
      rssMb: { connector: connector.peakMb, applier: applier.peakMb },
      loadMs: { p50: times.p50, p99: times.p99, max: times.max },
      equal: enough && lost + missing + different + extra === 0 && stopped.every((code) => code === 0),
    };
  } finally {
    await Promise.allSettled([load.stop(), progress.stop(), connector.kill(), applier.kill()]);
    await Promise.allSettled([source.end(), target.end(), control.end()]);
  }
}

/** Takes what the row fulfils off the ledger; what it must not be counts as lost. */
function settle(expected: Map<number, number>, row: string): void {
  const end = row.indexOf(",");
  const id = Number(row.slice(1, end));
  const transaction = expected.get(id);
  if (transaction === undefined) return;
  if (transaction !== 0 && Number(row.slice(end + 1, row.indexOf(",", end + 1))) === -transaction) expected.delete(id);
  else expected.set(id, -1);
}

if (values.help) process.stdout.write(`${usage}\n`);
else {
  buildProduct();
  const stack = await startBenchServers(say);
  try {
    const result = await run(stack);
    process.stdout.write(`${JSON.stringify(result, null, values.json ? 0 : 2)}\n`);
    if (!("equal" in result) || result.equal !== true) process.exitCode = 1;
  } finally {
    await stack.stop();
  }
}
