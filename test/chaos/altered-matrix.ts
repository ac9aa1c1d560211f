/**
 * Changes of the schema under kills: each of them between two changes of one row, while connector and applier are killed at a place between any two of their steps, and a
 * table beside it is written all the time. What stops one of them is mended by what its error says, as a person would; behind each place the table must be what the
 * monolith's is, in every column, and so must the one beside it in the end.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { onAnyPath } from "../../services/runtime/failpoint.ts";
import { columnsOf, rowsOf, rowsSql, type SchemaChange, schemaChanges, type Stop } from "../services/apply/schema-changes.ts";
import { waitFor } from "../support/wait-for.ts";
import { AlteredPipeline, ofTable } from "./altered-pipeline.ts";
import type { BankServers } from "./bank-pipeline.ts";
import { applierCells, connectorCells } from "./failpoint-matrix.ts";
import { compareRows, orderedRows } from "./row-comparison.ts";
import { SteadyWriter } from "./steady-writer.ts";
import type { Victim } from "./victim.ts";

/** A change, and the place of the matrix at which connector and applier are killed meanwhile. */
export interface AlteredAt {
  /** Of schema-changes.ts. */
  readonly name: string;
  /** Of connectorCells and applierCells. */
  readonly place: number;
}

export interface AlteredMatrixOptions {
  readonly cells: readonly AlteredAt[];
  /** Exists; gets configuration and logs. */
  readonly folder: string;
  readonly progress: (line: string) => void;
}

export interface AlteredMatrix {
  readonly changes: number;
  readonly kills: number;
  /** Changes of which one of the two has died before the target had what the monolith had. */
  readonly killedWithin: number;
  /** Those of them that have not, at a place that lets nothing of what comes behind the change pass it. */
  readonly outside: readonly string[];
  /** Errors that were mended by what they said, by code. */
  readonly mended: Readonly<Record<string, number>>;
  /** Rows of the monolith, of all tables that were altered, all of which were compared. */
  readonly rows: number;
  /** Those that were written beside them, and compared, too. */
  readonly besideRows: number;
  readonly different: number;
}

/** Every change at every place; the first of them are every change at one place each. */
export function allCells(): AlteredAt[] {
  const names = Object.keys(schemaChanges);
  const { length } = connectorCells;
  return Array.from({ length: names.length * length }, (_, i) => {
    const [round, at] = [Math.floor(i / names.length), i % names.length];
    return { name: names[at]!, place: (at + round) % length };
  });
}

const patienceMs = 60_000;

/** Tables of one pipeline. */
const atOnce = 20;

/** Of the table beside: a transaction comes before the servers have nothing to do, and is over before the next. */
const load = { rowsPerSecond: 400, rowsAtOnce: 20 };

/** Where a process that dies has let nothing of the next transaction pass, so that the target cannot have it. */
const holding = /^(before|after)-(begin|change|commit|batch-encoded)$|^before-(produce-sent|statement|target-commit-sent)(@|$)|^after-fetch$/;

/** @throws Error that names change and place, where they do not come to be equal */
export async function alteredMatrix(servers: BankServers, { cells, folder, progress }: AlteredMatrixOptions): Promise<AlteredMatrix> {
  const mended: Record<string, number> = {};
  const outside: string[] = [];
  let [changes, kills, killedWithin, rows, besideRows, different] = [0, 0, 0, 0, 0, 0];
  for (let first = 0; first < cells.length; first += atOnce) {
    const group = cells.slice(first, first + atOnce);
    await using pipeline = await AlteredPipeline.open(
      servers,
      group.map(({ name }) => schemaChanges[name]!),
      folder,
    );
    const { source, target } = pipeline;
    for (const [number, { name }] of group.entries()) await source.query(ofTable(rowsSql(schemaChanges[name]!), number));
    const newest = `t${group.length - 1}`;
    await waitFor(async () => (await target.query(`SELECT FROM ${newest}`)).rowCount === 2, {
      what: "the rows before the change",
      timeout: patienceMs,
    });
    const writer = new SteadyWriter(pipeline.sourceUrl, "beside", load);
    try {
      for (const [number, { name, place }] of group.entries()) {
        const cell = new AlteredCell(pipeline, schemaChanges[name]!, number, place);
        await cell.play().catch((error: unknown) => {
          throw new Error(`${name}, killed at ${cell.where}: ${cell.lastError}`, { cause: error });
        });
        changes += 1;
        kills += cell.deaths;
        if (cell.killedWithin) killedWithin += 1;
        else if (cell.holds) outside.push(`${name}, killed at ${cell.where}`);
        for (const code of cell.mended) mended[code] = (mended[code] ?? 0) + 1;
        progress(`${name}, killed at ${cell.where}: equal`);
      }
    } finally {
      await writer.stop();
    }
    await waitFor(async () => (await target.query("SELECT FROM beside WHERE id = $1", [writer.newest])).rowCount === 1, {
      what: "the newest row of the table beside",
      timeout: patienceMs,
    });
    const beside = await compareRows(orderedRows(source, "beside", "id"), orderedRows(target, "beside", "id"));
    besideRows += beside.rows;
    different += beside.missing + beside.different + beside.extra;
    for (const number of group.keys()) {
      const table = `t${number}`;
      const columns = await columnsOf(source, table);
      const [left, right] = [await rowsOf(source, columns, table), await rowsOf(target, columns, table)];
      rows += left.length;
      different += left.filter((row, i) => row !== right[i]).length + Math.max(right.length - left.length, 0);
    }
  }
  return { changes, kills, killedWithin, outside, mended, rows, besideRows, different };
}

/** A process that is to die at a place, once. */
interface Doomed {
  readonly victim: Victim;
  readonly place: string;
  readonly arms: string;
  /** Lines of its log that have been looked at. */
  seen: number;
  died: boolean;
}

class AlteredCell {
  readonly mended: string[] = [];
  readonly where: string;
  /** Whether one of its places holds back what comes behind the change. */
  readonly holds: boolean;
  /** Whether one of them has died before the target had what the monolith had. */
  killedWithin = false;
  readonly #pipeline: AlteredPipeline;
  readonly #change: SchemaChange;
  readonly #table: number;
  readonly #doomed: readonly Doomed[];
  readonly #stops: Stop[];

  /** @param table its number */
  constructor(pipeline: AlteredPipeline, change: SchemaChange, table: number, place: number) {
    this.#pipeline = pipeline;
    this.#change = change;
    this.#table = table;
    this.#stops = [...(change.stops ?? [])];
    const connector = connectorCells[place]!;
    const applier = applierCells[place]!;
    this.where = `${connector.place} and ${applier.place}`;
    this.holds = holding.test(connector.place) || holding.test(applier.place);
    const doom = (victim: Victim, { place: at, begin }: typeof connector): Doomed => ({
      victim,
      place: at,
      // By whichever path: no transaction here has thousands of rows.
      arms: [begin ?? "later", `${onAnyPath(at)}:kill`].join(","),
      seen: victim.lines.length,
      died: false,
    });
    this.#doomed = [doom(pipeline.connector, connector), doom(pipeline.applier, applier)];
  }

  get lastError(): string {
    const lines = this.#doomed.map(({ victim }) => victim.lines.findLast(({ err }) => err !== undefined)?.err);
    return `${this.#doomed.map(({ died }) => (died ? "died" : "alive")).join(", ")}; ${JSON.stringify(lines)}`;
  }

  get deaths(): number {
    return this.#doomed.filter(({ died }) => died).length;
  }

  /** @throws Error where it does not come to be equal */
  async play(): Promise<void> {
    const { source, target } = this.#pipeline;
    const table = `t${this.#table}`;
    await source.query(`UPDATE ${table} SET note = 'before' WHERE id = 1`);
    await waitFor(async () => (await target.query(`SELECT FROM ${table} WHERE note = 'before'`)).rowCount === 1, {
      what: "the change before",
      timeout: patienceMs,
    });
    // From here on the next that passes a place dies there: what is written now, or the load just before it.
    for (const { victim, arms } of this.#doomed) await victim.armed(arms);
    const { change, after } = this.#change;
    for (const statement of `${change};${after}`.split(";")) await source.query(ofTable(statement, this.#table));
    const columns = await columnsOf(source, table);
    const wanted = (await rowsOf(source, columns, table)).join("\n");
    // A column that the target does not have yet.
    const isEqual = async (): Promise<boolean> => (await rowsOf(target, columns, table).catch(() => [])).join("\n") === wanted;
    const limit = performance.now() + patienceMs;
    while (!this.#doomed.every(({ died }) => died) || this.#stops.length > 0 || !(await isEqual())) {
      if (performance.now() > limit) throw new Error(`it is not equal after ${patienceMs / 1000} s`);
      for (const each of this.#doomed) await this.#attend(each, isEqual);
      await sleep(20);
    }
  }

  /** Starts it again where it has died, and mends what it says. */
  async #attend(doomed: Doomed, isEqual: () => Promise<boolean>): Promise<void> {
    const { victim } = doomed;
    if (!victim.isRunning) {
      doomed.died = true;
      this.killedWithin ||= !(await isEqual());
      victim.restart();
      return;
    }
    const lines = victim.lines;
    const news = lines.slice(doomed.seen);
    doomed.seen = lines.length;
    const [stop] = this.#stops;
    const err = news.find(({ err: said }) => stop !== undefined && said?.code === stop.code)?.err;
    if (err === undefined || stop === undefined) return;
    this.#stops.shift();
    const { configuration, target } = this.#pipeline;
    await stop.mend({ configuration, atTarget: async (sql) => target.query(ofTable(sql, this.#table)) }, err.cure ?? "");
    this.mended.push(stop.code);
    // Sooner than it would look by itself.
    await victim.kill();
    doomed.seen = victim.lines.length;
    victim.restart();
    if (!doomed.died) victim.arm(doomed.arms);
  }
}
