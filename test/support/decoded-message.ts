/** What the decoder says of a message, as the message that was written: so that the two can be compared. */
import { Kind, Old, type PgoutputDecoder, type Tuple, Value } from "../../connectors/postgres/pgoutput.ts";
import { type Cell, type Message, type OldRow, type Row, unchanged } from "./pgoutput-messages.ts";

/**
 * @param bytes those that decode() was called with
 * @returns of commit, origin and truncate only what the decoder keeps
 */
export function decodedMessage(decoder: PgoutputDecoder, kind: number, bytes: Buffer): Partial<Message> {
  switch (kind) {
    case Kind.begin:
      return { kind: "begin", commitLsn: decoder.commitLsn, commitTime: decoder.commitTime, xid: decoder.xid };
    case Kind.commit:
      return { kind: "commit", commitLsn: decoder.commitLsn, endLsn: decoder.endLsn };
    case Kind.origin:
      return { kind: "origin" };
    case Kind.relation:
      return { kind: "relation", ...decoder.relation };
    case Kind.type:
      return { kind: "type", ...decoder.type };
    case Kind.insert:
      return { kind: "insert", oid: decoder.relationOid >>> 0, row: rowOf(decoder.new, bytes) };
    case Kind.update: {
      const old = oldRow(decoder, bytes);
      return { kind: "update", oid: decoder.relationOid >>> 0, ...(old === undefined ? {} : { old }), row: rowOf(decoder.new, bytes) };
    }
    case Kind.delete:
      return { kind: "delete", oid: decoder.relationOid >>> 0, old: oldRow(decoder, bytes)! };
    case Kind.truncate:
      return { kind: "truncate", oids: decoder.truncated.map((oid) => oid >>> 0) };
    case Kind.message:
      return {
        kind: "message",
        transactional: decoder.transactional,
        prefix: decoder.prefix,
        content: Buffer.from(bytes.subarray(decoder.contentStart, decoder.contentEnd)),
      };
    default:
      throw new Error(`the decoder knows no kind ${kind}`);
  }
}

function oldRow(decoder: PgoutputDecoder, bytes: Buffer): OldRow | undefined {
  if (decoder.oldKind === Old.none) return undefined;
  return { which: decoder.oldKind === Old.whole ? "O" : "K", row: rowOf(decoder.old, bytes) };
}

function rowOf(tuple: Tuple, bytes: Buffer): Row {
  return Array.from({ length: tuple.count }, (_, i): Cell => {
    if (tuple.kind[i] === Value.null) return null;
    return tuple.kind[i] === Value.unchanged ? unchanged : bytes.toString("utf8", tuple.start[i], tuple.end[i]);
  });
}
