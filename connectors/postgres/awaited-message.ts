/**
 * A message of the replication stream that is too long to be collected, judged by its first bytes. A row of the service's must be refused before it fills the
 * memory; one of a table that is not the service's, or a message, is anybody's, and must not stop this connector: it is passed over as it comes, and its
 * positions are counted, or every event behind it in its transaction would have another position after a restart.
 *
 * Source: PostgreSQL documentation, "Logical Replication Message Formats".
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import { formatLsn } from "./lsn.ts";
import { Kind, type Relation } from "./pgoutput.ts";
import { xlogDataHeader } from "./replication-messages.ts";
import type { StreamTables } from "./stream-tables.ts";
import type { Transaction } from "./transaction.ts";

/** Bytes that must be there: frame, XLogData, its kind, the relation, and whether an old row comes first. */
export const awaitedHead = 5 + xlogDataHeader + 6;

/** 'N', where an update has no old row. */
const newRow = 0x4e;

export interface AwaitedMessage {
  /** As an error names it. */
  readonly what: string;
  /** Whether it is the service's, so that it can neither be passed over nor published. */
  readonly belongs: boolean;
  /** Undefined for what is no row. */
  readonly relation: Relation | undefined;
  /** How many it takes in its transaction when it is passed over. */
  readonly positions: number;
}

/**
 * @param at where the message begins, with its kind
 * @throws OfftakeError PGOUTPUT_MALFORMED for a row of a relation that was not described
 */
export function judgeAwaited(bytes: Buffer, at: number, tables: StreamTables, inTransaction: boolean): AwaitedMessage {
  const kind = bytes[at]!;
  if (kind === Kind.message) {
    const counts = (bytes[at + 1]! & 1) === 1 && inTransaction;
    return { what: "message", belongs: false, relation: undefined, positions: counts ? 1 : 0 };
  }
  // No other kind is that long: what claims to be is refused as if it were the service's.
  if (kind !== Kind.insert && kind !== Kind.update && kind !== Kind.delete)
    return { what: "message", belongs: true, relation: undefined, positions: 0 };
  const { relation, encoder } = tables.table(bytes.readInt32BE(at + 1));
  const positions = kind === Kind.update && bytes[at + 5] !== newRow ? 2 : 1;
  return { what: `row of ${relation.schema}.${relation.name}`, belongs: encoder !== undefined, relation, positions };
}

/** @param what was found, and its size */
export function tooLarge(what: string, maxEventBytes: number, { commitLsn, sequence }: Transaction): OfftakeError {
  return new OfftakeError("EVENT_TOO_LARGE", `${what}; kafka.maxEvent is ${maxEventBytes}. Position ${formatLsn(commitLsn)}:${sequence}.`, {
    cure: "Raise kafka.maxEvent and run `offtake up`, or take the column out of the publication.",
  });
}
