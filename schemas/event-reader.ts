/**
 * Reads change events in place. A column becomes two offsets, so that its value goes from the record into a statement without having been a
 * string. One reader is used for all records of a topic: what it found is valid until the next read.
 *
 * Source: schemas/envelope.ts; Apache Avro specification, "Binary Encoding".
 */
import { messageOf, OfftakeError } from "../services/runtime/errors.ts";
import { AvroCursor } from "./avro-bytes.ts";
import { passOver } from "./avro-skip.ts";
import { type EventColumn, type EventPlan, Field } from "./event-plan.ts";

/** Debezium's ops of the same. */
const read = 0x72;
const deleted = 0x64;

/** Offsets of a row's columns. */
export class Columns {
  /** Where the value begins: of a string or bytes their content, of anything else its Avro form. -1 for null. */
  start: Int32Array = new Int32Array(0);
  end: Int32Array = new Int32Array(0);

  resize(count: number): void {
    if (this.start.length >= count) return;
    this.start = new Int32Array(count);
    this.end = new Int32Array(count);
  }
}

export class EventReader {
  plan: EventPlan;
  bytes: Buffer = Buffer.alloc(0);
  /** Debezium's op, as a character code. */
  op = 0;
  hasBefore = false;
  hasAfter = false;
  readonly before = new Columns();
  readonly after = new Columns();
  /** The key of the row before it moved; valid when movesKey. Indexed like plan.keys. */
  readonly oldKey = new Columns();
  movesKey = false;
  /** The position's commit LSN in two words, and that of the transaction before. */
  commitHigh = 0;
  commitLow = 0;
  hasPrevious = false;
  previousHigh = 0;
  previousLow = 0;
  sequence = 0;
  /** Which of its transaction's published events it is, from 1; 0 where it does not say. */
  totalOrder = 0;
  /** Where the 8 bytes of the system identifier are. */
  identifierStart = 0;
  timeline = 0;
  last = false;
  /** When its transaction was committed at the source, microseconds since 1970. */
  commitMicros = 0;
  /** Of its transaction. */
  xid = 0;
  /** For each column 1 when its value was not in the WAL. */
  unchanged: Uint8Array = new Uint8Array(0);
  unchangedCount = 0;
  /** Content of a message. */
  contentStart = 0;
  contentEnd = 0;

  #sourceStart = 0;
  readonly #cursor = new AvroCursor();

  constructor(plan: EventPlan) {
    this.plan = plan;
  }

  /**
   * @param start first byte behind the schema id
   * @throws OfftakeError EVENT_MALFORMED
   */
  read(plan: EventPlan, bytes: Buffer, start: number, end: number): void {
    this.plan = plan;
    this.bytes = bytes;
    this.hasBefore = false;
    this.hasAfter = false;
    this.unchangedCount = 0;
    this.movesKey = false;
    this.totalOrder = 0;
    const cursor = this.#cursor.over(bytes, start, end);
    for (const { field, skip } of plan.steps) {
      switch (field) {
        case Field.before:
          this.hasBefore = isPresent(cursor);
          if (this.hasBefore) this.#columns(cursor, plan.columns, this.before);
          break;
        case Field.after:
          this.hasAfter = isPresent(cursor);
          if (this.hasAfter) this.#columns(cursor, plan.columns, this.after);
          break;
        case Field.source:
          this.#sourceStart = cursor.at;
          this.#source(cursor, plan);
          break;
        case Field.transaction:
          if (!isPresent(cursor)) break;
          cursor.slice();
          this.totalOrder = cursor.long();
          cursor.skipLong();
          break;
        case Field.op:
          if (cursor.long() !== 1) throw malformed("an op that is not one character");
          this.op = cursor.byte();
          break;
        case Field.message:
          cursor.slice();
          this.contentStart = cursor.slice();
          this.contentEnd = cursor.at;
          break;
        case Field.offtake:
          if (!isPresent(cursor)) throw malformed("no position: it was not written by Offtake");
          this.#offtake(cursor, plan);
          break;
        default:
          skip(cursor);
      }
    }
    if (cursor.at !== end) throw malformed(`${end - cursor.at} bytes after its end`);
  }

  /** Whether it is no change of a transaction but was read beside the stream: a row of a copy, or a key that a repair found without one. */
  get isBeside(): boolean {
    return this.op === read || (this.op === deleted && this.totalOrder === 0 && this.plan.kind === "row");
  }

  /** The `source` of the event just read: rarely needed, so decoded on demand. */
  source(): {
    readonly lsn: bigint | number;
    readonly db: string;
    readonly schema: string;
    readonly table: string;
  } {
    try {
      const decoded: { value: ReturnType<EventReader["source"]> } = this.plan.source.decode(this.bytes, this.#sourceStart);
      return decoded.value;
    } catch (error) {
      throw new OfftakeError("EVENT_MALFORMED", `An event has a source that cannot be read: ${messageOf(error)}.`, { cause: error });
    }
  }

  #source(cursor: AvroCursor, plan: EventPlan): void {
    for (const { field, skip } of plan.sources) {
      if (field === Field.other) skip(cursor);
      else {
        if (!isPresent(cursor)) throw malformed("neither a time of its commit nor the number of its transaction");
        if (field === Field.xid) this.xid = cursor.long();
        else this.commitMicros = cursor.long();
      }
    }
  }

  #offtake(cursor: AvroCursor, plan: EventPlan): void {
    for (const { field, skip } of plan.offtake) {
      switch (field) {
        case Field.commitLsn:
          cursor.words();
          this.commitHigh = cursor.high;
          this.commitLow = cursor.low;
          break;
        case Field.sequence:
          this.sequence = cursor.long();
          break;
        case Field.previous:
          this.hasPrevious = isPresent(cursor);
          if (this.hasPrevious) {
            cursor.words();
            this.previousHigh = cursor.high;
            this.previousLow = cursor.low;
          }
          break;
        case Field.systemIdentifier:
          this.identifierStart = cursor.at;
          cursor.skip(8);
          break;
        case Field.timeline:
          this.timeline = cursor.long();
          break;
        case Field.last:
          this.last = cursor.byte() !== 0;
          break;
        case Field.unchanged:
          if (isPresent(cursor)) this.#unchanged(cursor, plan);
          break;
        case Field.oldKey:
          this.movesKey = isPresent(cursor);
          if (this.movesKey) this.#oldKey(cursor, plan);
          break;
        default:
          skip(cursor);
      }
    }
  }

  #columns(cursor: AvroCursor, columns: readonly EventColumn[], into: Columns): void {
    into.resize(columns.length);
    const { start, end } = into;
    for (let i = 0; i < columns.length; i += 1) {
      const column = columns[i]!;
      if (column.valueBranch !== -1 && isPresent(cursor) !== (column.valueBranch === 1)) {
        start[i] = -1;
        end[i] = -1;
        continue;
      }
      start[i] = passOver(cursor, column.form);
      end[i] = cursor.at;
    }
  }

  #oldKey(cursor: AvroCursor, plan: EventPlan): void {
    this.oldKey.resize(plan.keys.length);
    for (let i = 0; i < plan.keys.length; i += 1) {
      this.oldKey.start[i] = passOver(cursor, plan.columns[plan.keys[i]!]!.form);
      this.oldKey.end[i] = cursor.at;
    }
  }

  #unchanged(cursor: AvroCursor, plan: EventPlan): void {
    if (this.unchanged.length < plan.columns.length) this.unchanged = new Uint8Array(plan.columns.length);
    this.unchanged.fill(0);
    for (let count = cursor.long(); count !== 0; count = cursor.long()) {
      if (count < 0) {
        cursor.skipLong();
        count = -count;
      }
      for (; count > 0; count -= 1) {
        const name = cursor.string();
        const i = plan.columns.findIndex((column) => column.field === name);
        if (i === -1) throw malformed(`an unchanged column ${name} that the table does not have`);
        this.unchanged[i] = 1;
        this.unchangedCount += 1;
      }
    }
  }
}

/** Which branch of a union of two types follows: false for the first. */
function isPresent(cursor: AvroCursor): boolean {
  const branch = cursor.byte();
  if (branch !== 0 && branch !== 2) throw malformed("a union branch that its schema does not have");
  return branch === 2;
}

function malformed(what: string): OfftakeError {
  return new OfftakeError("EVENT_MALFORMED", `An event has ${what}.`);
}
