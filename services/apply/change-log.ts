/**
 * The changes of a batch, in source order, as offsets into the bytes of their events. Nothing is an object: a batch of 20 000 rows is a dozen arrays, and
 * the collector has nothing to do between two of them. The bytes are copied once, into memory of the log's own, so that no batch holds on to what Kafka
 * sent, and what a batch leaves behind serves the next.
 *
 * The log is kept as it came, beside any merging of it: when the merged statements do not fit the target's rows, the same changes are applied one by
 * one, in the order in which the monolith made them.
 */
import type { EventPlan } from "../../schemas/event-plan.ts";
import type { Columns, EventReader } from "../../schemas/event-reader.ts";
import { ByteArena } from "./byte-arena.ts";

/**
 * What a change does; `move` is an update of the key, `read` a row as a copy of its table found it, which may be at the target or not, `absent` a key that a repair
 * found without a row, which may be at the target or not.
 */
export const Change = { create: 0x63, update: 0x75, delete: 0x64, truncate: 0x74, read: 0x72, move: 0x6b, absent: 0x61 } as const;

export class ChangeLog {
  length = 0;
  /** Record bytes that the changes stand for. */
  bytes = 0;
  /** One of Change. */
  op = new Uint8Array(1024);
  /** Index into `plans`. */
  plan = new Int32Array(1024);
  /** Index into `buffers`. */
  buffer = new Int32Array(1024);
  /** Where the row's columns begin in `start` and `end`: of a delete the old row, of everything else the new one. */
  row = new Int32Array(1024);
  /** Where the old row's (or, for a move, the old key's) columns begin; -1 for none. */
  old = new Int32Array(1024);
  /** Where the marks of unchanged columns begin in `marks`; -1 when all columns are there. */
  unchanged = new Int32Array(1024);
  /** Offset of the record in the topic, and sequence in its transaction, so that a change that fails can be named. */
  offset = new Float64Array(1024);
  sequence = new Float64Array(1024);

  readonly plans: EventPlan[] = [];
  /** The events' bytes. */
  readonly buffers: readonly Buffer[];
  readonly #arena = new ByteArena();
  /** Where in its buffer each event begins and ends. */
  from = new Int32Array(1024);
  to = new Int32Array(1024);
  /** A value is buffers[buffer][start, end); start is -1 for NULL. */
  start = new Int32Array(16_384);
  end = new Int32Array(16_384);
  #columns = 0;
  marks = new Uint8Array(1024);
  #marks = 0;

  constructor() {
    this.buffers = this.#arena.chunks;
  }

  /**
   * Appends the event that the reader stands on.
   *
   * @param start with `end`, where the record's value lies in `event.bytes`
   */
  add(event: EventReader, offset: number, start: number, end: number): void {
    if (this.length === this.op.length) this.#grow();
    const i = this.length;
    const { plan } = event;
    this.op[i] = opOf(event);
    this.plan[i] = this.#planIndex(plan);
    const moved = this.#keep(event.bytes, start, end) - start;
    this.offset[i] = offset;
    this.sequence[i] = event.sequence;
    this.unchanged[i] = event.unchangedCount === 0 ? -1 : this.#mark(event.unchanged, plan.columns.length);
    this.row[i] = -1;
    this.old[i] = -1;
    if (event.op === Change.delete) this.row[i] = this.#put(event.before, plan.columns.length, moved);
    else if (event.op !== Change.truncate) {
      this.row[i] = this.#put(event.after, plan.columns.length, moved);
      if (event.movesKey) this.old[i] = this.#put(event.oldKey, plan.keys.length, moved);
      else if (plan.keys.length === 0 && event.hasBefore) this.old[i] = this.#put(event.before, plan.columns.length, moved);
    }
    this.length = i + 1;
    this.bytes += end - start;
  }

  /** Takes back the newest change: the delete that the second half of a move makes superfluous. */
  dropLast(): void {
    this.length -= 1;
  }

  /** Empties it, to be filled again: what has grown stays. */
  clear(): void {
    this.length = 0;
    this.bytes = 0;
    this.plans.length = 0;
    this.#arena.reset();
    this.#columns = 0;
    this.#marks = 0;
  }

  /** Moves the changes from `from` on into an empty log. */
  split(from: number, bytes: number, rest = new ChangeLog()): ChangeLog {
    for (let i = from; i < this.length; i += 1) {
      if (rest.length === rest.op.length) rest.#grow();
      const to = rest.length;
      const plan = this.plans[this.plan[i]!]!;
      const { length } = plan.columns;
      rest.op[to] = this.op[i]!;
      rest.plan[to] = rest.#planIndex(plan);
      const start = this.from[i]!;
      const moved = rest.#keep(this.buffers[this.buffer[i]!]!, start, this.to[i]!) - start;
      rest.offset[to] = this.offset[i]!;
      rest.sequence[to] = this.sequence[i]!;
      rest.row[to] = this.row[i] === -1 ? -1 : rest.#copy(this, this.row[i]!, length, moved);
      rest.old[to] = this.old[i] === -1 ? -1 : rest.#copy(this, this.old[i]!, this.op[i] === Change.move ? plan.keys.length : length, moved);
      rest.unchanged[to] = this.unchanged[i] === -1 ? -1 : rest.#mark(this.marks.subarray(this.unchanged[i]), length);
      rest.length = to + 1;
    }
    rest.bytes = bytes;
    this.length = from;
    this.bytes -= bytes;
    return rest;
  }

  /** @param moved how much further its bytes lie here */
  #put(columns: Columns, count: number, moved: number): number {
    const at = this.#room(count);
    for (let i = 0; i < count; i += 1) {
      const start = columns.start[i]!;
      this.start[at + i] = start === -1 ? -1 : start + moved;
      this.end[at + i] = start === -1 ? -1 : columns.end[i]! + moved;
    }
    return at;
  }

  #copy(from: ChangeLog, fromAt: number, count: number, moved: number): number {
    const at = this.#room(count);
    for (let i = 0; i < count; i += 1) {
      const start = from.start[fromAt + i]!;
      this.start[at + i] = start === -1 ? -1 : start + moved;
      this.end[at + i] = start === -1 ? -1 : from.end[fromAt + i]! + moved;
    }
    return at;
  }

  /** Copies the bytes of the change that is being added. @returns where they begin */
  #keep(bytes: Buffer, start: number, end: number): number {
    const at = this.#arena.take(end - start);
    const { chunk } = this.#arena;
    bytes.copy(this.buffers[chunk]!, at, start, end);
    this.buffer[this.length] = chunk;
    this.from[this.length] = at;
    this.to[this.length] = at + end - start;
    return at;
  }

  #room(count: number): number {
    const at = this.#columns;
    while (at + count > this.start.length) {
      this.start = grown(this.start, new Int32Array(this.start.length * 2));
      this.end = grown(this.end, new Int32Array(this.end.length * 2));
    }
    this.#columns = at + count;
    return at;
  }

  #mark(unchanged: Uint8Array, count: number): number {
    const at = this.#marks;
    while (at + count > this.marks.length) this.marks = grown(this.marks, new Uint8Array(this.marks.length * 2));
    this.marks.set(unchanged.subarray(0, count), at);
    this.#marks = at + count;
    return at;
  }

  // Plans are few and come in runs, so the newest are looked at first.
  #planIndex(plan: EventPlan): number {
    const found = this.plans.lastIndexOf(plan);
    return found === -1 ? this.plans.push(plan) - 1 : found;
  }

  #grow(): void {
    const capacity = this.op.length * 2;
    this.op = grown(this.op, new Uint8Array(capacity));
    this.plan = grown(this.plan, new Int32Array(capacity));
    this.buffer = grown(this.buffer, new Int32Array(capacity));
    this.from = grown(this.from, new Int32Array(capacity));
    this.to = grown(this.to, new Int32Array(capacity));
    this.row = grown(this.row, new Int32Array(capacity));
    this.old = grown(this.old, new Int32Array(capacity));
    this.unchanged = grown(this.unchanged, new Int32Array(capacity));
    this.offset = grown(this.offset, new Float64Array(capacity));
    this.sequence = grown(this.sequence, new Float64Array(capacity));
  }
}

function opOf(event: EventReader): number {
  if (event.movesKey) return Change.move;
  return event.op === Change.delete && event.isBeside ? Change.absent : event.op;
}

function grown<T extends Int32Array | Uint8Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
