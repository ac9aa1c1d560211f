/**
 * The applied position: what of a topic is committed in the target. It is written in the same transaction as the rows, first of all, so that the row's
 * lock keeps a second applier out until the commit, and a position that is not the expected one stops the transaction before it has changed anything.
 *
 * Source: schemas/target-schema.ts.
 */
import type { ClientBase } from "pg";
import { formatLsn, type Lsn, parseLsn } from "../../connectors/postgres/lsn.ts";
import type { GroupStatement } from "./statement-group.ts";
import type { TransactionEnd } from "./transaction-ends.ts";

export interface AppliedPosition {
  readonly topic: string;
  readonly topicId: string;
  /** The next record of the topic. */
  readonly offset: number;
  readonly commitLsn: Lsn;
  /** Of the last event of that transaction; 0 before the first. */
  readonly sequence: number;
  readonly xid: number;
  readonly systemIdentifier: string;
  readonly timeline: number;
}

interface AppliedTopic {
  readonly service: { readonly topic: string };
  readonly topicId: string;
}

/** The position when that transaction is committed in the target. */
export function positionBehind(end: TransactionEnd, { service, topicId }: AppliedTopic): AppliedPosition {
  const { offset, commitLsn, sequence, xid, systemIdentifier, timeline } = end;
  return { topic: service.topic, topicId, offset, commitLsn, sequence, xid, systemIdentifier, timeline };
}

// The row is written again by every transaction. While a transaction of somebody else's stays open in the database (a dump, a long report) none of the versions before can be
// removed, and by the key all of them were passed, one after the other: a batch cost a millisecond more after half a minute. From the end of the index the newest is the first
// that is found, since versions are in it in the order of their places. Two bounds instead of one value, or the planner would leave out the order.
const newest = "connector >= $1 AND connector <= $1 ORDER BY connector DESC LIMIT 1";

const readSql = `
  SELECT topic, topic_id, "offset", commit_lsn::text, sequence, xid, system_identifier, timeline
    FROM offtake.applied_position
   WHERE ${newest}`;

interface Row {
  topic: string;
  topic_id: string;
  offset: string;
  commit_lsn: string;
  sequence: string;
  xid: string;
  system_identifier: string;
  timeline: number;
}

/** @returns undefined before the first transaction */
export async function readPosition(client: ClientBase, connector: string): Promise<AppliedPosition | undefined> {
  const { rows } = await client.query<Row>(readSql, [connector]);
  const row = rows[0];
  if (row === undefined) return undefined;
  return {
    topic: row.topic,
    topicId: row.topic_id,
    offset: Number(row.offset),
    commitLsn: parseLsn(row.commit_lsn),
    sequence: Number(row.sequence),
    xid: Number(row.xid),
    systemIdentifier: row.system_identifier,
    timeline: row.timeline,
  };
}

/** As readPosition(), of a target that may not be prepared. */
export async function findPosition(client: ClientBase, connector: string): Promise<AppliedPosition | undefined> {
  return (await isPrepared(client)) ? readPosition(client, connector) : undefined;
}

/** Whether the target has a place for applied positions. */
export async function isPrepared(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>("SELECT to_regclass('offtake.applied_position') IS NOT NULL AS there");
  return rows[0]?.there === true;
}

// Each fails (division_by_zero) where it touches no row: what leaves together with it is not committed then.
const firstSql = `
  WITH moved AS (
  INSERT INTO offtake.applied_position (connector, topic, topic_id, "offset", commit_lsn, sequence, xid, system_identifier, timeline)
  VALUES ($1, $2, $3, $4, $5::pg_lsn, $6, $7, $8, $9)
  ON CONFLICT (connector) DO NOTHING
  RETURNING 1)
  SELECT 1 / count(*) FROM moved`;

const nextSql = `
  WITH moved AS (
  UPDATE offtake.applied_position
     SET topic = $2, topic_id = $3, "offset" = $4, commit_lsn = $5::pg_lsn, sequence = $6, xid = $7, system_identifier = $8, timeline = $9,
         applied_at = clock_timestamp()
   WHERE ctid = (SELECT ctid FROM offtake.applied_position WHERE ${newest}) AND connector = $1 AND commit_lsn = $10::pg_lsn AND sequence = $11
  RETURNING 1)
  SELECT 1 / count(*) FROM moved`;

/**
 * Writes the new position if the old one is still there; fails where the target has another one.
 *
 * @param expected what the target is thought to have; undefined for nothing
 * @param moved the error of another one
 */
export function positionStatement(
  connector: string,
  expected: AppliedPosition | undefined,
  next: AppliedPosition,
  moved: () => Error,
): GroupStatement {
  const { topic, topicId, offset, commitLsn, sequence, xid, systemIdentifier, timeline } = next;
  const values = [connector, topic, topicId, offset, formatLsn(commitLsn), sequence, xid, systemIdentifier, timeline];
  if (expected !== undefined) values.push(formatLsn(expected.commitLsn), expected.sequence);
  return {
    name: expected === undefined ? "offtake first position" : "offtake next position",
    sql: expected === undefined ? firstSql : nextSql,
    values: values.map((value) => Buffer.from(String(value))),
    text: true,
    no: moved,
  };
}
