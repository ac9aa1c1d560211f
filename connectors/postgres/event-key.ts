/**
 * The key of one relation's rows: as the record's key, as the old key of a row that moved, and as messages name it. A key that is read from the wrong
 * tuple finds another row at the target, or none.
 */
import { AvroWriter } from "../../schemas/avro-bytes.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { ColumnWriter } from "./column-writers.ts";
import { Old, type PgoutputDecoder, type Tuple, Value } from "./pgoutput.ts";
import type { TablePlan } from "./table-plan.ts";
import { wireHead } from "./wire-head.ts";

/** Bytes around the key: a length that turns out longer than was guessed, and the schema id. */
const frameBytes = 32;

/** Bytes of a value that a message shows. */
const shownBytes = 100;

const passByCure = "Take the table out of `tables` until its connector has passed the change, then put it back: it is marked as not copied.";

export class EventKey {
  /** Whether the table has none. */
  readonly isNone: boolean;
  readonly #plan: TablePlan;
  readonly #writers: readonly ColumnWriter[];
  /** Positions of its columns in the relation. */
  readonly #columns: readonly number[];
  readonly #head: Buffer;
  readonly #room: number;
  /** The bytes that the last length took: the next one will most likely take as many, and then nothing has to move. */
  #varint = 1;

  /** @param room bytes that stay free behind each value, for what is written without a look at the room */
  constructor(plan: TablePlan, writers: readonly ColumnWriter[], room: number) {
    this.#plan = plan;
    this.#writers = writers;
    this.#columns = plan.columns.flatMap((column, i) => (column.key ? [i] : []));
    this.isNone = this.#columns.length === 0;
    this.#head = wireHead(plan.keyId ?? 0);
    this.#room = room;
  }

  /** Whether an update moves the row to another key. Both of its events take a position of their own. */
  changes(decoder: PgoutputDecoder, bytes: Buffer): boolean {
    if (decoder.oldKind === Old.none) return false;
    for (const i of this.#columns) {
      // A key value that is not in the WAL is the one that was logged with the old key.
      if (decoder.new.kind[i] === Value.unchanged) continue;
      // A partition may have an identity without it: nothing says whether it has changed, and no row before this one does either.
      if (decoder.old.kind[i] !== Value.text) return true;
      const length = decoder.new.end[i]! - decoder.new.start[i]!;
      if (decoder.old.end[i]! - decoder.old.start[i]! !== length) return true;
      if (bytes.compare(bytes, decoder.old.start[i], decoder.old.end[i], decoder.new.start[i], decoder.new.end[i]) !== 0) return true;
    }
    return false;
  }

  /**
   * The record's key with its length before it.
   *
   * @param old where a value stands that the WAL left out of `tuple`
   */
  write(writer: AvroWriter, tuple: Tuple, old: Tuple, bytes: Buffer): void {
    const start = writer.at;
    writer.at += this.#varint;
    writer.raw(this.#head, 0, 5);
    this.values(writer, tuple, old, bytes);
    writer.reserve(frameBytes);
    this.#varint = writer.lengthInFront(start, this.#varint);
  }

  /** Its values alone. @param old as in write() */
  values(writer: AvroWriter, tuple: Tuple, old: Tuple, bytes: Buffer): void {
    for (const i of this.#columns) this.value(writer, i, tuple.kind[i] === Value.unchanged ? old : tuple, bytes);
  }

  /** One of its columns: never null. */
  value(writer: AvroWriter, i: number, tuple: Tuple, bytes: Buffer): void {
    if (tuple.kind[i] !== Value.text) throw this.#withoutValue(this.#plan.columns[i]!.name);
    writer.reserve(tuple.end[i]! - tuple.start[i]! + this.#room);
    this.#writers[i]!(writer, bytes, tuple.start[i]!, tuple.end[i]!);
  }

  /** Its Avro bytes, as the record has them behind the schema id. */
  bytes(tuple: Tuple, old: Tuple, bytes: Buffer): Buffer {
    const writer = new AvroWriter(256);
    this.values(writer, tuple, old, bytes);
    return writer.bytes.subarray(0, writer.at);
  }

  /** Names of its columns. */
  get columns(): string[] {
    return this.#columns.map((i) => this.#plan.columns[i]!.name);
  }

  /**
   * The text of its values, by which a row that was read and a change of it are recognised: UTF-8 as latin1, a zero byte between two, which no text of
   * PostgreSQL's has. keyValues() takes it apart.
   *
   * @param old as in write()
   */
  text(tuple: Tuple, old: Tuple, bytes: Buffer): string {
    const [first, ...rest] = this.#columns;
    let text = first === undefined ? "" : latin1(first, tuple, old, bytes);
    for (const i of rest) text += `\0${latin1(i, tuple, old, bytes)}`;
    return text;
  }

  /** As messages name it: (id)=(42). */
  describe(tuple: Tuple, bytes: Buffer): string {
    if (this.isNone) return "without key";
    const names = this.#columns.map((i) => this.#plan.columns[i]!.name);
    const values = this.#columns.map((i) =>
      tuple.kind[i] === Value.text ? bytes.toString("utf8", tuple.start[i], Math.min(tuple.end[i]!, tuple.start[i]! + shownBytes)) : "?",
    );
    return `(${names.join(", ")})=(${values.join(", ")})`;
  }

  #withoutValue(column: string): OfftakeError {
    const { schema, table, keyFromCatalog } = this.#plan;
    if (keyFromCatalog) return keyChanged(schema, table, `a row of the stream has no value in its column ${column}, which the primary key now has`);
    return new OfftakeError("PGOUTPUT_MALFORMED", `A row of ${schema}.${table} comes without the value of its key column ${column}.`, {
      cure: `If the table is partitioned, the REPLICA IDENTITY of a partition was without that column. ${passByCure}`,
    });
  }
}

function latin1(i: number, tuple: Tuple, old: Tuple, bytes: Buffer): string {
  const from = tuple.kind[i] === Value.unchanged ? old : tuple;
  return bytes.toString("latin1", from.start[i], from.end[i]);
}

/** The values of EventKey.text(). */
export function keyValues(text: string): string[] {
  return text.split("\0").map((value) => Buffer.from(value, "latin1").toString("utf8"));
}

/** Under REPLICA IDENTITY FULL the stream does not say which key its rows had. */
export function keyChanged(schema: string, table: string, why: string): OfftakeError {
  return new OfftakeError("TABLE_KEY_CHANGED", `The table ${schema}.${table} has REPLICA IDENTITY FULL, and its key was changed: ${why}.`, {
    cure: `${passByCure} With REPLICA IDENTITY DEFAULT the stream says the key itself.`,
  });
}
