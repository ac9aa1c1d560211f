/**
 * Changes of the schema under kills: each of them between two changes of one row, while connector and applier are killed at a place between any two of their steps. What
 * stops one of them is mended by what its error says, as a person would; behind each place the table must be what the monolith's is, in every column.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { columnsOf, rowsOf, rowsSql, type SchemaChange, schemaChanges, type Stop } from "../services/apply/schema-changes.ts";
import { waitFor } from "../support/wait-for.ts";
import { AlteredPipeline, ofTable } from "./altered-pipeline.ts";
import type { BankServers } from "./bank-pipeline.ts";
import { applierCells, connectorCells } from "./failpoint-matrix.ts";
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
  /** Errors that were mended by what they said, by code. */
  readonly mended: Readonly<Record<string, number>>;
  /** Rows of the monolith, of all tables that were altered, all of which were compared. */
  readonly rows: number;
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

/** @throws Error that names change and place, where they do not come to be equal */
export async function alteredMatrix(servers: BankServers, { cells, folder, progress }: AlteredMatrixOptions): Promise<AlteredMatrix> {
  const mended: Record<string, number> = {};
  let [changes, kills, rows, different] = [0, 0, 0, 0];
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
    for (const [number, { name, place }] of group.entries()) {
      const cell = new AlteredCell(pipeline, schemaChanges[name]!, number, place);
      await cell.play().catch((error: unknown) => {
        throw new Error(`${name}, killed at ${cell.where}: ${cell.lastError}`, { cause: error });
      });
      changes += 1;
      kills += 2;
      for (const code of cell.mended) mended[code] = (mended[code] ?? 0) + 1;
      progress(`${name}, killed at ${cell.where}: equal`);
    }
    for (const number of group.keys()) {
      const table = `t${number}`;
      const columns = await columnsOf(source, table);
      const [left, right] = [await rowsOf(source, columns, table), await rowsOf(target, columns, table)];
      rows += left.length;
      different += left.filter((row, i) => row !== right[i]).length + Math.max(right.length - left.length, 0);
    }
  }
  return { changes, kills, mended, rows, different };
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
    const doom = (victim: Victim, { place: at, begin }: typeof connector): Doomed => {
      // Where it comes by for each transaction: at the one behind the change.
      const visit = /keepalive|confirmed|offset/.test(at) ? 1 : 2;
      return { victim, place: at, arms: [begin ?? "later", `${at}:kill:${visit}`].join(","), seen: victim.lines.length, died: false };
    };
    this.#doomed = [doom(pipeline.connector, connector), doom(pipeline.applier, applier)];
  }

  get lastError(): string {
    const lines = this.#doomed.map(({ victim }) => victim.lines.findLast(({ err }) => err !== undefined)?.err);
    return `${this.#doomed.map(({ died }) => (died ? "died" : "alive")).join(", ")}; ${JSON.stringify(lines)}`;
  }

  /** @throws Error where it does not come to be equal */
  async play(): Promise<void> {
    const { source, target } = this.#pipeline;
    for (const { victim, arms } of this.#doomed) victim.arm(arms);
    const { change, after } = this.#change;
    for (const statement of `UPDATE t SET note = 'before' WHERE id = 1;${change};${after}`.split(";"))
      await source.query(ofTable(statement, this.#table));
    const table = `t${this.#table}`;
    const columns = await columnsOf(source, table);
    const wanted = (await rowsOf(source, columns, table)).join("\n");
    // A column that the target does not have yet.
    const isEqual = async (): Promise<boolean> => (await rowsOf(target, columns, table).catch(() => [])).join("\n") === wanted;
    const limit = performance.now() + patienceMs;
    while (!this.#doomed.every(({ died }) => died) || this.#stops.length > 0 || !(await isEqual())) {
      if (performance.now() > limit) throw new Error(`it is not equal after ${patienceMs / 1000} s`);
      // Places that come by for a transaction come by.
      await source.query("UPDATE beside SET n = n + 1");
      for (const each of this.#doomed) await this.#attend(each);
      await sleep(20);
    }
  }

  /** Starts it again where it has died, and mends what it says. */
  async #attend(doomed: Doomed): Promise<void> {
    const { victim } = doomed;
    if (!victim.isRunning) {
      doomed.died = true;
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
