/**
 * Keys of which an event could not be applied: the events of such a key wait in a queue, and none of them may pass the one in front of it. A key that is not
 * found here gets an update on a row that is older than the update knows.
 *
 * A key is the text of its columns. Numbers that are equal and not the same (1.0 and 1.00), and texts that differ in blanks at their end, are taken for one key:
 * to queue an event too many is safe. Keys of one queue belong together, since a change of key has led from one to the other.
 *
 * Source: schemas/target-schema.ts, offtake.parked.
 */
import type { EventPlan } from "../../schemas/event-plan.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { fullName } from "../runtime/table-pattern.ts";
import { Change, type ChangeLog } from "./change-log.ts";
import { textOf } from "./value-writer.ts";

export interface ParkedKey {
  /** Of the source, as schema.table. */
  readonly table: string;
  readonly columns: readonly string[];
  /** Text of each of them, as keysOf() gives it. */
  readonly key: readonly string[];
  /** An int8 as text. */
  readonly queue: string;
}

interface ParkedTable {
  readonly columns: string;
  /** The queue of each key. */
  readonly queues: Map<string, string>;
}

export class ParkedKeys {
  readonly #tables = new Map<string, ParkedTable>();
  size = 0;

  constructor(keys: Iterable<ParkedKey> = []) {
    for (const key of keys) this.add(key);
  }

  add({ table, columns, key, queue }: ParkedKey): void {
    let parked = this.#tables.get(table);
    if (parked === undefined) {
      parked = { columns: columns.join("\0"), queues: new Map() };
      this.#tables.set(table, parked);
    }
    const text = key.join("\0");
    if (!parked.queues.has(text)) this.size += 1;
    parked.queues.set(text, queue);
  }

  /** All keys of one queue go to another. */
  join(table: string, from: string, to: string): void {
    const queues = this.#tables.get(table)?.queues;
    for (const [key, queue] of queues ?? []) if (queue === from) queues?.set(key, to);
  }

  /** A truncate has taken what was waited for. */
  clear(table: string): void {
    this.size -= this.#tables.get(table)?.queues.size ?? 0;
    this.#tables.delete(table);
  }

  has(table: string): boolean {
    return this.#tables.has(table);
  }

  /** @returns the queues of these keys, undefined for one that is not parked */
  queuesOf(table: string, keys: readonly (readonly string[])[]): (string | undefined)[] {
    const queues = this.#tables.get(table)?.queues;
    return keys.map((key) => queues?.get(key.join("\0")));
  }

  /** Whether the table's key, which has parked ones, is of the columns that it was of when they were parked. */
  fits(plan: EventPlan): boolean {
    return this.#tables.get(fullName(plan))?.columns === keyColumns(plan).join("\0");
  }

  /** What is to be said where it is not. */
  otherKey(plan: EventPlan): OfftakeError {
    const was = this.#tables.get(fullName(plan))?.columns.replaceAll("\0", ", ") ?? "";
    return new OfftakeError(
      "PARKED_KEY_CHANGED",
      `Keys of ${fullName(plan)} are parked by (${was}), and the table's key is (${keyColumns(plan).join(", ")}) now.`,
      { cure: "Which of its events belong behind them cannot be told: replay or skip them first (`offtake dlq`). The applier goes on by itself." },
    );
  }

  copy(): ParkedKeys {
    const copy = new ParkedKeys();
    for (const [table, { columns, queues }] of this.#tables) copy.#tables.set(table, { columns, queues: new Map(queues) });
    copy.size = this.size;
    return copy;
  }
}

export function keyColumns({ keys, columns }: EventPlan): string[] {
  return keys.map((key) => columns[key]!.name);
}

/** The keys that a change of a row belongs to: the new one first, then, of a change of key, the old one. */
export function keysOf(log: ChangeLog, change: number): [string[]] | [string[], string[]] {
  const plan = log.plans[log.plan[change]!]!;
  const bytes = log.buffers[log.buffer[change]!]!;
  const text = (at: number, key: number): string => settled(textOf(bytes, log.start[at]!, log.end[at]!, plan.columns[key]!.form));
  const now = plan.keys.map((key) => text(log.row[change]! + key, key));
  if (log.op[change] !== Change.move) return [now];
  return [now, plan.keys.map((key, i) => text(log.old[change]! + i, key))];
}

/** One text for what a unique index may take for one key. */
export function settled(text: string): string {
  const last = text.charCodeAt(text.length - 1);
  if (last === blank) return text.trimEnd();
  if (text === "-0") return "0";
  return last === zero && decimal.test(text) ? text.replace(/\.?0+$/, "") : text;
}

const blank = 0x20;
const zero = 0x30;
const decimal = /^-?\d+\.\d+$/;
