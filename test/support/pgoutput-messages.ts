/**
 * Writes pgoutput messages, protocol version 1, as PostgreSQL's documentation describes them, and knows nothing of the decoder that they are for.
 *
 * Source: PostgreSQL documentation, "Logical Replication Message Formats", "Streaming Replication Protocol", "Message Formats".
 */

/** A value that is not in the WAL: an unchanged TOASTed one. */
export const unchanged = Symbol("unchanged");

/** A column of a row: its text, NULL, or unchanged. */
export type Cell = string | null | typeof unchanged;

export type Row = readonly Cell[];

export interface Column {
  readonly name: string;
  readonly key: boolean;
  readonly typeOid: number;
  readonly typeModifier: number;
}

export type Message =
  | { readonly kind: "begin"; readonly commitLsn: bigint; readonly commitTime: bigint; readonly xid: number }
  | { readonly kind: "commit"; readonly commitLsn: bigint; readonly endLsn: bigint; readonly commitTime: bigint }
  | { readonly kind: "origin"; readonly lsn: bigint; readonly name: string }
  | {
      readonly kind: "relation";
      readonly oid: number;
      /** Empty for pg_catalog. */
      readonly schema: string;
      readonly name: string;
      readonly replicaIdentity: "d" | "n" | "f" | "i";
      readonly columns: readonly Column[];
    }
  | { readonly kind: "type"; readonly oid: number; readonly schema: string; readonly name: string }
  | { readonly kind: "insert"; readonly oid: number; readonly row: Row }
  | { readonly kind: "update"; readonly oid: number; readonly old?: OldRow; readonly row: Row }
  | { readonly kind: "delete"; readonly oid: number; readonly old: OldRow }
  | { readonly kind: "truncate"; readonly oids: readonly number[]; readonly options: number }
  | { readonly kind: "message"; readonly transactional: boolean; readonly lsn: bigint; readonly prefix: string; readonly content: Buffer };

export interface OldRow {
  /** K: the columns of the replica identity. O: all of them. */
  readonly which: "K" | "O";
  readonly row: Row;
}

const byte = (value: number): Buffer => Buffer.from([value]);
const letter = (text: string): Buffer => Buffer.from(text, "latin1");
const text = (value: string): Buffer => Buffer.concat([Buffer.from(value, "utf8"), byte(0)]);

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

/** Signed or unsigned: the same bits. */
function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt.asIntN(64, value));
  return bytes;
}

function cell(value: Cell): Buffer {
  if (value === null) return letter("n");
  if (value === unchanged) return letter("u");
  const bytes = Buffer.from(value, "utf8");
  return Buffer.concat([letter("t"), int32(bytes.length), bytes]);
}

function tuple(row: Row): Buffer {
  return Buffer.concat([int16(row.length), ...row.map(cell)]);
}

/** The message as the plugin writes it. */
export function pgoutput(message: Message): Buffer {
  return Buffer.concat(parts(message));
}

function parts(message: Message): Buffer[] {
  switch (message.kind) {
    case "begin":
      return [letter("B"), int64(message.commitLsn), int64(message.commitTime), int32(message.xid)];
    case "commit":
      return [letter("C"), byte(0), int64(message.commitLsn), int64(message.endLsn), int64(message.commitTime)];
    case "origin":
      return [letter("O"), int64(message.lsn), text(message.name)];
    case "relation":
      return [
        letter("R"),
        int32(message.oid),
        text(message.schema),
        text(message.name),
        letter(message.replicaIdentity),
        int16(message.columns.length),
        ...message.columns.flatMap(({ key, name, typeOid, typeModifier }) => [byte(key ? 1 : 0), text(name), int32(typeOid), int32(typeModifier)]),
      ];
    case "type":
      return [letter("Y"), int32(message.oid), text(message.schema), text(message.name)];
    case "insert":
      return [letter("I"), int32(message.oid), letter("N"), tuple(message.row)];
    case "update": {
      const old = message.old === undefined ? [] : [letter(message.old.which), tuple(message.old.row)];
      return [letter("U"), int32(message.oid), ...old, letter("N"), tuple(message.row)];
    }
    case "delete":
      return [letter("D"), int32(message.oid), letter(message.old.which), tuple(message.old.row)];
    case "truncate":
      return [letter("T"), int32(message.oids.length), byte(message.options), ...message.oids.map(int32)];
    case "message":
      return [
        letter("M"),
        byte(message.transactional ? 1 : 0),
        int64(message.lsn),
        text(message.prefix),
        int32(message.content.length),
        message.content,
      ];
  }
}

/** XLogData around a message: where the change lies in the WAL, where the WAL ends, the server's clock. */
export function xlogData(message: Buffer, walStart: bigint): Buffer {
  return Buffer.concat([letter("w"), int64(walStart), int64(walStart), int64(0n), message]);
}

export function keepalive(walEnd: bigint, replyNow: boolean): Buffer {
  return Buffer.concat([letter("k"), int64(walEnd), int64(0n), byte(replyNow ? 1 : 0)]);
}

/** A message of the frontend/backend protocol: its kind, its length, which counts itself, and its body. */
export function frame(kind: string, body: Buffer): Buffer {
  return Buffer.concat([letter(kind), int32(body.length + 4), body]);
}

/** CopyData, in which everything travels once START_REPLICATION was accepted. */
export function copyData(body: Buffer): Buffer {
  return frame("d", body);
}
