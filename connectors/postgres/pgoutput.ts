/**
 * Reads the messages of the pgoutput plugin, protocol version 1, text format.
 *
 * One decoder is reused for the whole stream: a message is read into its fields, which stay valid until the next call. A row becomes offsets
 * into the caller's bytes, never a string or an object: at 100 000 rows a second every allocation here is a million a second. Offsets are
 * checked against the end of the message, because a decoder that reads past it would publish somebody else's bytes as a row.
 *
 *     Begin     'B' final_lsn:int64 commit_time:int64 xid:int32
 *     Commit    'C' flags:int8 commit_lsn:int64 end_lsn:int64 commit_time:int64
 *     Origin    'O' lsn:int64 name:string
 *     Relation  'R' oid:int32 namespace:string name:string replica_identity:int8 columns:int16 Column*
 *     Column        flags:int8 name:string type_oid:int32 type_modifier:int32          (flag 1: part of the replica identity)
 *     Type      'Y' oid:int32 namespace:string name:string
 *     Insert    'I' relation:int32 'N' Tuple
 *     Update    'U' relation:int32 [('K' | 'O') Tuple] 'N' Tuple
 *     Delete    'D' relation:int32 ('K' | 'O') Tuple
 *     Truncate  'T' relations:int32 options:int8 relation:int32*                       (1: cascade, 2: restart identity)
 *     Message   'M' flags:int8 lsn:int64 prefix:string length:int32 byte*              (flag 1: transactional)
 *     Tuple         columns:int16 ('n' | 'u' | 't' length:int32 byte*)*
 *
 * Times are microseconds since 2000-01-01 UTC. Strings end with a zero byte. An empty namespace means pg_catalog.
 *
 * Source: PostgreSQL documentation, "Logical Replication Message Formats".
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Lsn } from "./lsn.ts";

/** The first byte of each message, and what its fields are called below. */
export const Kind = {
  begin: 0x42,
  commit: 0x43,
  origin: 0x4f,
  relation: 0x52,
  type: 0x59,
  insert: 0x49,
  update: 0x55,
  delete: 0x44,
  truncate: 0x54,
  message: 0x4d,
} as const;

/** What a tuple says of a column: its text follows, it is NULL, or its value is not in the WAL (unchanged TOAST). */
export const Value = { text: 0x74, null: 0x6e, unchanged: 0x75 } as const;

/** Which columns of the old row came along: the key's (`K`), all of them (`O`), or there was no old row. */
export const Old = { none: 0, key: 0x4b, whole: 0x4f } as const;

export interface RelationColumn {
  readonly name: string;
  /** Part of the replica identity. */
  readonly key: boolean;
  readonly typeOid: number;
  /** As pg_attribute.atttypmod, -1 for none. */
  readonly typeModifier: number;
}

export interface Relation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** pg_class.relreplident: d(efault), n(othing), f(ull), i(ndex). */
  readonly replicaIdentity: "d" | "n" | "f" | "i";
  readonly columns: readonly RelationColumn[];
}

/** A type that is not built in, so that its name can be told. */
export interface NamedType {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
}

/** PostgreSQL's limit for any row (MaxTupleAttributeNumber); a table ends at 1600. */
const maxColumns = 1664;

/** One row, as offsets into the bytes of the message. Valid until the next call of decode. */
export class Tuple {
  count = 0;
  /** One of Value for each column. */
  readonly kind = new Uint8Array(maxColumns);
  readonly start = new Int32Array(maxColumns);
  readonly end = new Int32Array(maxColumns);
}

export class PgoutputDecoder {
  /** Begin: the LSN of the commit record. Commit: the same. Compare only with other commit LSNs. */
  commitLsn: Lsn = 0n;
  /** Commit: where the commit record ends. */
  endLsn: Lsn = 0n;
  /** Begin: microseconds since 2000-01-01 UTC. */
  commitTime = 0n;
  /** Begin: the top-level transaction, 32 bits. */
  xid = 0;
  /** Insert, update, delete. */
  relationOid = 0;
  /** Update, delete: what `old` holds. */
  oldKind: number = Old.none;
  readonly old = new Tuple();
  readonly new = new Tuple();
  relation: Relation = { oid: 0, schema: "", name: "", replicaIdentity: "d", columns: [] };
  type: NamedType = { oid: 0, schema: "", name: "" };
  /** Truncate: the relations, in the server's order. */
  truncated: number[] = [];
  /** Message. */
  transactional = false;
  prefix = "";
  contentStart = 0;
  contentEnd = 0;

  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  /**
   * Reads the message in bytes[start, end).
   *
   * @returns its kind, one of Kind
   * @throws OfftakeError PGOUTPUT_MALFORMED when the bytes are not a message of protocol version 1
   */
  decode(bytes: Buffer, start: number, end: number): number {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    const kind = this.#byte();
    switch (kind) {
      case Kind.insert:
        this.relationOid = this.#int32();
        this.oldKind = Old.none;
        this.#expect(0x4e);
        this.#tuple(this.new);
        break;
      case Kind.update:
        this.#update();
        break;
      case Kind.delete:
        this.relationOid = this.#int32();
        this.#oldTuple(this.#byte());
        break;
      case Kind.begin:
        this.commitLsn = this.#int64();
        this.commitTime = this.#int64();
        this.xid = this.#int32() >>> 0;
        break;
      case Kind.commit:
        this.#skip(1);
        this.commitLsn = this.#int64();
        this.endLsn = this.#int64();
        this.#skip(8);
        break;
      case Kind.relation:
        this.#relation();
        break;
      case Kind.type:
        this.type = { oid: this.#int32() >>> 0, schema: this.#string() || "pg_catalog", name: this.#string() };
        break;
      case Kind.truncate:
        this.#truncate();
        break;
      case Kind.message:
        this.#message();
        break;
      case Kind.origin:
        this.#skip(8);
        this.#string();
        break;
      default:
        throw malformed(`a message of kind ${JSON.stringify(String.fromCharCode(kind))}, which protocol version 1 does not have`);
    }
    if (this.#at !== this.#end) throw malformed(`${this.#end - this.#at} bytes after the end of a message of kind ${String.fromCharCode(kind)}`);
    return kind;
  }

  #update(): void {
    this.relationOid = this.#int32();
    const kind = this.#byte();
    if (kind === 0x4e) this.oldKind = Old.none;
    else {
      this.#oldTuple(kind);
      this.#expect(0x4e);
    }
    this.#tuple(this.new);
  }

  #oldTuple(kind: number): void {
    if (kind !== Old.key && kind !== Old.whole) throw malformed(`an old row of kind ${JSON.stringify(String.fromCharCode(kind))}`);
    this.oldKind = kind;
    this.#tuple(this.old);
  }

  #tuple(tuple: Tuple): void {
    const count = this.#int16();
    if (count < 0 || count > maxColumns) throw malformed(`a row of ${count} columns`);
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    for (let i = 0; i < count; i += 1) {
      if (at >= end) throw malformed("a row that ends early");
      const kind = bytes[at]!;
      at += 1;
      tuple.kind[i] = kind;
      if (kind === Value.text) {
        if (at + 4 > end) throw malformed("a row that ends early");
        const length = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
        at += 4;
        if (length < 0 || length > end - at) throw malformed(`a value of ${length} bytes in a row with ${end - at} left`);
        tuple.start[i] = at;
        at += length;
        tuple.end[i] = at;
      } else if (kind !== Value.null && kind !== Value.unchanged) {
        throw malformed(`a value of kind ${JSON.stringify(String.fromCharCode(kind))} (only text was asked for)`);
      }
    }
    tuple.count = count;
    this.#at = at;
  }

  #relation(): void {
    const oid = this.#int32() >>> 0;
    const schema = this.#string() || "pg_catalog";
    const name = this.#string();
    const replicaIdentity = String.fromCharCode(this.#byte());
    if (replicaIdentity !== "d" && replicaIdentity !== "n" && replicaIdentity !== "f" && replicaIdentity !== "i")
      throw malformed(`a replica identity ${JSON.stringify(replicaIdentity)}`);
    const columns: RelationColumn[] = [];
    for (let left = this.#int16(); left > 0; left -= 1)
      columns.push({ key: (this.#byte() & 1) === 1, name: this.#string(), typeOid: this.#int32() >>> 0, typeModifier: this.#int32() });
    this.relation = { oid, schema, name, replicaIdentity, columns };
  }

  #truncate(): void {
    const count = this.#int32();
    this.#skip(1);
    if (count < 0 || count * 4 !== this.#end - this.#at) throw malformed(`a truncate of ${count} tables`);
    this.truncated = [];
    for (let i = 0; i < count; i += 1) this.truncated.push(this.#int32());
  }

  #message(): void {
    this.transactional = (this.#byte() & 1) === 1;
    this.#skip(8);
    this.prefix = this.#string();
    const length = this.#int32();
    this.contentStart = this.#at;
    this.#skip(length);
    this.contentEnd = this.#at;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw malformed("a message that ends early");
    const value = this.#bytes[this.#at]!;
    this.#at += 1;
    return value;
  }

  #expect(byte: number): void {
    const found = this.#byte();
    if (found !== byte) throw malformed(`${JSON.stringify(String.fromCharCode(found))} where ${JSON.stringify(String.fromCharCode(byte))} belongs`);
  }

  #skip(length: number): void {
    if (length < 0 || length > this.#end - this.#at) throw malformed("a message that ends early");
    this.#at += length;
  }

  #int16(): number {
    const at = this.#at;
    this.#skip(2);
    return this.#bytes.readInt16BE(at);
  }

  #int32(): number {
    const at = this.#at;
    this.#skip(4);
    return this.#bytes.readInt32BE(at);
  }

  #int64(): bigint {
    const at = this.#at;
    this.#skip(8);
    return this.#bytes.readBigInt64BE(at);
  }

  #string(): string {
    const zero = this.#bytes.indexOf(0, this.#at);
    if (zero === -1 || zero >= this.#end) throw malformed("a string without its end");
    const text = this.#bytes.toString("utf8", this.#at, zero);
    this.#at = zero + 1;
    return text;
  }
}

function malformed(what: string): OfftakeError {
  return new OfftakeError("PGOUTPUT_MALFORMED", `The replication stream holds ${what}.`);
}
