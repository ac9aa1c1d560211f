/**
 * pgoutput's messages taken apart slowly and plainly, as PostgreSQL's documentation describes them: what our own decoder is held against where the bytes are not
 * what PostgreSQL would have written. In the form of decodedMessage().
 *
 * Source: PostgreSQL documentation, "Logical Replication Message Formats".
 */
import { type Cell, type Column, type Message, type OldRow, type Row, unchanged } from "./pgoutput-messages.ts";

class Fields {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  take(length: number): Buffer {
    if (length < 0 || length > this.#rest.length) throw new Error(`${length} bytes where ${this.#rest.length} are left`);
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  letter(allowed: string): string {
    const letter = String.fromCharCode(this.byte());
    if (!allowed.includes(letter)) throw new Error(`${letter} where one of ${allowed} belongs`);
    return letter;
  }

  int16(): number {
    return this.take(2).readInt16BE();
  }

  int32(): number {
    return this.take(4).readInt32BE();
  }

  oid(): number {
    return this.take(4).readUInt32BE();
  }

  int64(): bigint {
    return this.take(8).readBigInt64BE();
  }

  text(): string {
    const length = this.#rest.indexOf(0);
    if (length === -1) throw new Error("a string without its end");
    const text = this.take(length).toString("utf8");
    this.take(1);
    return text;
  }

  row(): Row {
    const count = this.int16();
    if (count < 0 || count > 1664) throw new Error(`${count} columns`);
    return Array.from({ length: count }, (): Cell => {
      const kind = this.letter("nut");
      if (kind === "n") return null;
      return kind === "u" ? unchanged : this.take(this.int32()).toString("utf8");
    });
  }

  end<T>(message: T): T {
    if (this.#rest.length > 0) throw new Error(`${this.#rest.length} bytes after the end`);
    return message;
  }
}

/** @throws Error for bytes that are no message */
export function modelMessage(bytes: Buffer): Partial<Message> {
  const fields = new Fields(bytes);
  const kind = fields.letter("BCORYIUDTM");
  switch (kind) {
    case "B":
      return fields.end({ kind: "begin", commitLsn: fields.int64(), commitTime: fields.int64(), xid: fields.oid() });
    case "C": {
      fields.byte();
      const commit = { kind: "commit", commitLsn: fields.int64(), endLsn: fields.int64() } as const;
      fields.int64();
      return fields.end(commit);
    }
    case "O":
      fields.int64();
      fields.text();
      return fields.end({ kind: "origin" });
    case "R":
      return fields.end(relation(fields));
    case "Y":
      return fields.end({ kind: "type", oid: fields.oid(), schema: fields.text() || "pg_catalog", name: fields.text() });
    case "T":
      return fields.end(truncate(fields));
    case "M": {
      const transactional = (fields.byte() & 1) === 1;
      fields.int64();
      return fields.end({ kind: "message", transactional, prefix: fields.text(), content: Buffer.from(fields.take(fields.int32())) });
    }
    default:
      return fields.end(change(fields, kind));
  }
}

function change(fields: Fields, kind: string): Partial<Message> {
  const oid = fields.oid();
  if (kind === "I") {
    fields.letter("N");
    return { kind: "insert", oid, row: fields.row() };
  }
  const which = fields.letter(kind === "U" ? "KON" : "KO");
  if (which === "N") return { kind: "update", oid, row: fields.row() };
  const old: OldRow = { which: which === "K" ? "K" : "O", row: fields.row() };
  if (kind === "D") return { kind: "delete", oid, old };
  fields.letter("N");
  return { kind: "update", oid, old, row: fields.row() };
}

function relation(fields: Fields): Partial<Message> {
  const oid = fields.oid();
  const schema = fields.text() || "pg_catalog";
  const name = fields.text();
  const identity = fields.letter("dnfi");
  const columns: Column[] = [];
  for (let left = fields.int16(); left > 0; left -= 1)
    columns.push({ key: (fields.byte() & 1) === 1, name: fields.text(), typeOid: fields.oid(), typeModifier: fields.int32() });
  const replicaIdentity = identity === "d" || identity === "n" || identity === "f" ? identity : "i";
  return { kind: "relation", oid, schema, name, replicaIdentity, columns };
}

function truncate(fields: Fields): Partial<Message> {
  const count = fields.int32();
  fields.byte();
  const oids: number[] = [];
  for (let left = count; left > 0; left -= 1) oids.push(fields.oid());
  if (count < 0) throw new Error(`${count} tables`);
  return { kind: "truncate", oids };
}
