/**
 * Growth: what a row costs the product in CPU with more tables, more services in one process, more rows in a transaction. Every table has had its first row
 * before: what a table costs once is not the cost of a row. The product is held (SIGSTOP) while the rows are written, or a slow writer would be followed
 * transaction by transaction, and the figure be that of its pace.
 */
import { execFileSync } from "node:child_process";
import type { Client } from "pg";
import type { LocalStack } from "../../infra/local/stack.ts";
import { connect } from "./bench-servers.ts";
import { median, round } from "./figures.ts";
import { until } from "./measure.ts";
import { cpuSeconds, peakMegabytes } from "./process-figures.ts";
import { cli, start, writeInstallation } from "./product.ts";
import { rowSql, tableSqlOf } from "./workloads.ts";

export interface Course {
  /** Of all services together; each service has as many. */
  readonly tables: number;
  readonly services: number;
  readonly rowsPerTransaction: number;
  readonly rows: number;
}

/** Microseconds of CPU for a row, and the largest resident sets in MB. */
export interface Cost {
  readonly connector: number;
  readonly applier: number;
  readonly connectorMb: number;
  readonly applierMb: number;
}

const database = "bench_growth";
const sentinel = -1;

/** @throws where a target's tables are not the source's: then there is no figure */
export async function growth(stack: LocalStack, course: Course): Promise<Cost> {
  const targets = Array.from({ length: course.services }, (_, i) => `${database}_${i}`);
  for (const name of targets) await stack.target.createDatabase(name);
  await stack.source.createDatabase(database);
  const source = await connect(stack.source.url(database));
  const clients = await Promise.all(targets.map(async (name) => connect(stack.target.url(name))));
  const running: { stop(): Promise<unknown> }[] = [];
  try {
    for (let table = 0; table < course.tables; table += 1) await source.query(tableSqlOf(nameOf(table)));
    const file = configurationOf(stack, course, targets);
    execFileSync(process.execPath, [cli, "--config", file, "up", "--create-tables"], { stdio: ["ignore", "ignore", "inherit"] });
    const connector = start({ file }, "connector");
    const applier = start({ file }, "applier");
    running.push(connector, applier);
    for (let table = 0; table < course.tables; table += 1) await source.query(`INSERT INTO ${nameOf(table)} SELECT ${rowSql("0::bigint")}`);
    const there = async (id: number): Promise<boolean> => {
      for (const [service, client] of clients.entries())
        for (const table of lastTablesOf(course, service))
          if (((await client.query(`SELECT FROM ${nameOf(table)} WHERE id = $1`, [id])).rowCount ?? 0) === 0) return false;
      return true;
    };
    await until("every table has its first row", async () => there(0), 100);
    // Warm: the code that a row runs through is compiled.
    await write(source, course, 1, Math.min(course.rows, 50_000));
    await finish(source, course, there, sentinel);
    const before = [cpuSeconds(connector.pid), cpuSeconds(applier.pid)];
    for (const { pid } of [connector, applier]) process.kill(pid, "SIGSTOP");
    await write(source, course, 1_000_000_000, course.rows);
    for (const { pid } of [connector, applier]) process.kill(pid, "SIGCONT");
    await finish(source, course, there, sentinel - 1);
    const after = [cpuSeconds(connector.pid), cpuSeconds(applier.pid)];
    await compare(source, clients, course);
    const cost = (i: number): number => round(((after[i]! - before[i]!) * 1e6) / course.rows, 2);
    return { connector: cost(0), applier: cost(1), connectorMb: peakMegabytes(connector.pid), applierMb: peakMegabytes(applier.pid) };
  } finally {
    for (const each of running) await each.stop();
    for (const client of [source, ...clients]) await client.end();
    await stack.source.dropDatabase(database);
    for (const name of targets) await stack.target.dropDatabase(name);
  }
}

/** The median of each figure over several runs. */
export function medianCost(runs: readonly Cost[]): Cost {
  const of = (figure: (run: Cost) => number): number => round(median(runs.map(figure)), 2);
  return {
    connector: of((run) => run.connector),
    applier: of((run) => run.applier),
    connectorMb: of((run) => run.connectorMb),
    applierMb: of((run) => run.applierMb),
  };
}

function nameOf(table: number): string {
  return `bench_${table}`;
}

function serviceOf({ services }: Course, table: number): number {
  return table % services;
}

/** The newest row of a service is in the last of its tables. */
function lastTablesOf(course: Course, service: number): number[] {
  return Array.from({ length: course.tables }, (_, table) => table)
    .filter((table) => serviceOf(course, table) === service)
    .slice(-1);
}

function configurationOf(stack: LocalStack, course: Course, targets: readonly string[]): string {
  const prefix = `growth_${Date.now()}`;
  const services = targets.map((name, service) => {
    const tables = Array.from({ length: course.tables }, (_, table) => table).filter((table) => serviceOf(course, table) === service);
    return `s${service}: { target: { url: "${stack.target.url(name)}" }, tables: [${tables.map(nameOf).join(", ")}] }`;
  });
  const connectors = targets.map((_, service) => `s${service}: { publication: growth_${service}, slot: growth_${service}, service: s${service} }`);
  return writeInstallation(stack, { source: database, topicPrefix: prefix, control: stack.target.url(targets[0]), connectors, services });
}

/** Transaction by transaction, each in the next table; in the server, so that a client's speed has no part in it. */
async function write(source: Client, course: Course, from: number, rows: number): Promise<void> {
  const { tables, rowsPerTransaction } = course;
  await source.query(`
    DO $$ BEGIN
      FOR i IN 0..${Math.ceil(rows / rowsPerTransaction) - 1} LOOP
        EXECUTE 'INSERT INTO bench_' || i % ${tables} || $f$ SELECT ${rowSql("g")} FROM generate_series($1, $2) g$f$
          USING ${from} + i::bigint * ${rowsPerTransaction}, ${from} + least((i + 1)::bigint * ${rowsPerTransaction}, ${rows}) - 1;
        COMMIT;
      END LOOP;
    END $$`);
}

async function finish(source: Client, course: Course, there: (id: number) => Promise<boolean>, id: number): Promise<void> {
  for (let service = 0; service < course.services; service += 1)
    for (const table of lastTablesOf(course, service)) await source.query(`INSERT INTO ${nameOf(table)} SELECT ${rowSql(`(${id})::bigint`)}`);
  await until("the last rows are at the targets", async () => there(id));
}

async function compare(source: Client, clients: readonly Client[], course: Course): Promise<void> {
  for (let table = 0; table < course.tables; table += 1) {
    const sql = `SELECT count(*) || ' ' || coalesce(sum(hashtextextended(b::text, 0)::numeric), 0) AS print FROM ${nameOf(table)} b`;
    const [ours, theirs] = await Promise.all(
      [source, clients[serviceOf(course, table)]!].map(async (client) => (await client.query<{ print: string }>(sql)).rows[0]!.print),
    );
    if (ours !== theirs) throw new Error(`${nameOf(table)} differs: ${ours} at the source, ${theirs} at the target`);
  }
}
