/**
 * The statements that put events into `offtake.dead_letter` and keys into `offtake.parked`. They leave in the transaction that stores the position behind the event: one
 * that left without it would lose the event, or have it twice.
 *
 * The event is kept byte for byte as it stands in the topic, schema id included: what is replayed is what would have been applied.
 *
 * Source: schemas/target-schema.ts.
 */
import type { ClientBase } from "pg";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import { Change, type ChangeLog } from "./change-log.ts";
import type { ParkedKey } from "./parked-keys.ts";
import { arrayText, type GroupStatement } from "./statement-group.ts";
import { TablesChanged } from "./target-marks.ts";

/** Where the records of a log come from. */
export interface LetterSource {
  readonly connector: string;
  readonly topic: string;
  readonly topicId: string;
}

/** An event on its way into a queue. */
export interface Letter {
  /** Of the source, as schema.table. */
  readonly table: string;
  /** As messages name it. */
  readonly key: string;
  readonly queue: string;
  readonly change: number;
  readonly commitLsn: bigint;
}

/** A queue is not there any more: somebody has replayed or skipped it, and its events are to be applied again. */
export class ParkedChanged extends TablesChanged {}

const values = `
  SELECT $1, l.table_name, l.queue, l.op, l.key, $2, $3::uuid, l."offset", l.commit_lsn, l.sequence, l.event
    FROM unnest($4::text[], $5::int8[], $6::text[], $7::text[], $8::int8[], $9::pg_lsn[], $10::int8[], $11::bytea[])
         WITH ORDINALITY AS l (table_name, queue, op, key, "offset", commit_lsn, sequence, event, place)`;

const columns = 'connector, table_name, queue, op, key, topic, topic_id, "offset", commit_lsn, sequence, event';

// Fails (division_by_zero) where a queue is not there.
const queueSql = `
  WITH put AS (
  INSERT INTO offtake.dead_letter (${columns}) ${values}
   WHERE EXISTS (SELECT FROM offtake.parked p WHERE p.connector = $1 AND p.queue = l.queue)
   ORDER BY l.place
  RETURNING 1)
  SELECT 1 / (count(*) = cardinality($4::text[]))::int4 FROM put`;

/** Puts events behind those of their keys. Fails with ParkedChanged where one of the queues is not there any more. */
export function queueStatement(source: LetterSource, log: ChangeLog, letters: readonly Letter[]): GroupStatement {
  return {
    name: "offtake queue",
    sql: queueSql,
    values: letterValues(source, log, letters),
    text: true,
    no: () => new ParkedChanged(),
  };
}

function letterValues({ connector, topic, topicId }: LetterSource, log: ChangeLog, letters: readonly Letter[]): Buffer[] {
  const array = (of: (letter: Letter) => string): Buffer => arrayText(letters.map(of));
  return [
    Buffer.from(connector),
    Buffer.from(topic),
    Buffer.from(topicId),
    array(({ table }) => table),
    array(({ queue }) => queue),
    array(({ change }) => opName(log, change)),
    array(({ key }) => key),
    array(({ change }) => String(log.offset[change])),
    array(({ commitLsn }) => formatLsn(commitLsn)),
    array(({ change }) => String(log.sequence[change])),
    array(({ change }) => `\\x${log.buffers[log.buffer[change]!]!.toString("hex", log.from[change], log.to[change])}`),
  ];
}

/** As `dlq list` says it. */
export function opName(log: ChangeLog, change: number): string {
  return opNames[log.op[change]!]!;
}

const opNames: Readonly<Record<number, string>> = {
  [Change.create]: "create",
  [Change.update]: "update",
  [Change.delete]: "delete",
  [Change.read]: "copy",
  [Change.move]: "change of key",
  [Change.absent]: "repaired absence",
};

const firstSql = `INSERT INTO offtake.dead_letter (${columns}, sqlstate, error, cure) SELECT v.*, $12, $13, $14 FROM (${values}) AS v RETURNING id`;
const ownQueueSql = "UPDATE offtake.dead_letter SET queue = id WHERE id = $1";

/** Why an event was refused. */
export interface Refusal {
  readonly sqlState: string;
  readonly error: string;
  readonly cure: string;
}

/** Begins a queue with an event that was refused. @returns the queue, which is the event's own id */
export async function insertFirst(
  client: ClientBase,
  source: LetterSource,
  log: ChangeLog,
  letter: Omit<Letter, "queue">,
  refusal: Refusal,
): Promise<string> {
  // Text, but for the library it is a buffer that would go out in binary.
  const texts = letterValues(source, log, [{ ...letter, queue: "0" }]).map(String);
  const { rows } = await client.query<{ id: string }>(firstSql, [...texts, refusal.sqlState, refusal.error, refusal.cure]);
  const { id } = rows[0]!;
  await client.query(ownQueueSql, [id]);
  return id;
}

const parkSql = "INSERT INTO offtake.parked (connector, table_name, key_columns, key, queue) VALUES ($1, $2, $3, $4, $5)";

export async function insertParked(client: ClientBase, connector: string, { table, columns: names, key, queue }: ParkedKey): Promise<void> {
  await client.query(parkSql, [connector, table, names, key, queue]);
}

const joinSql = `
  WITH letters AS (UPDATE offtake.dead_letter SET queue = $3 WHERE connector = $1 AND queue = $2 AND state = 'waiting')
  UPDATE offtake.parked SET queue = $3 WHERE connector = $1 AND queue = $2`;

/** A change of key leads from one queue to another: they are one from now on. @returns how many keys went from one to the other */
export async function joinQueues(client: ClientBase, connector: string, from: string, to: string): Promise<number> {
  return (await client.query(joinSql, [connector, from, to])).rowCount ?? 0;
}

const clearSql = `
  WITH keys AS (DELETE FROM offtake.parked WHERE connector = $1 AND table_name = $2)
  UPDATE offtake.dead_letter
     SET state = 'truncated', ended_by = 'applier', ended_at = clock_timestamp()
   WHERE connector = $1 AND table_name = $2 AND state = 'waiting'`;

/** A truncate takes what the queues of its table would have brought. */
export async function clearQueues(client: ClientBase, connector: string, table: string): Promise<void> {
  await client.query(clearSql, [connector, table]);
}

const parkedSql = "SELECT table_name AS table, key_columns AS columns, key, queue FROM offtake.parked WHERE connector = $1 ORDER BY id";

/** @returns in the order in which they were parked */
export async function readParked(client: ClientBase, connector: string): Promise<ParkedKey[]> {
  return (await client.query<ParkedKey>(parkedSql, [connector])).rows;
}

/** What waits of one table. Names are public: `status --json` has them. */
export interface ParkedCount {
  /** Of the source, as schema.table. */
  readonly table: string;
  readonly keys: number;
  readonly deadLetters: number;
}

const countsSql = `
  SELECT k.table_name AS table, k.keys, letters.n AS "deadLetters"
    FROM (SELECT table_name, count(*)::float8 AS keys FROM offtake.parked WHERE connector = $1 GROUP BY table_name) AS k
    CROSS JOIN LATERAL (SELECT count(*)::float8 AS n FROM offtake.dead_letter d
                         WHERE d.connector = $1 AND d.table_name = k.table_name AND d.state = 'waiting') AS letters
   ORDER BY k.table_name`;

/** @returns in order of the tables' names; none where nothing is parked */
export async function countParked(client: ClientBase, connector: string): Promise<ParkedCount[]> {
  return (await client.query<ParkedCount>(countsSql, [connector])).rows;
}
