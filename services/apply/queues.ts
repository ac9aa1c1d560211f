/**
 * Queues of dead letters as people look at them and drop from them. Whoever changes one holds the row of the applied position, as the applier does in each of its
 * transactions from the first statement on: so neither ever sees what the other has half done, and none of them can be waiting for the other's rows.
 *
 * What was done, by whom and when, stands in the letters themselves: in the transaction that did it, and in no database that may be away.
 *
 * Source: schemas/target-schema.ts.
 */
import type { ClientBase } from "pg";
import { inTransaction } from "../../connectors/postgres/transaction-scope.ts";
import { OfftakeError } from "../runtime/errors.ts";

/** An event that is not applied. Names are public: `dlq list --json` and `dlq show --json` have them. */
export interface DeadLetter {
  readonly id: string;
  /** Of the source, as schema.table. */
  readonly table: string;
  readonly op: string;
  /** As messages name it. */
  readonly key: string;
  readonly position: string;
  readonly topic: string;
  readonly offset: number;
  /** ISO 8601. */
  readonly since: string;
  /** Null for one that only waits behind another. */
  readonly sqlState: string | null;
  readonly error: string | null;
  readonly cure: string | null;
}

/** Dead letters that are applied together, in their order. */
export interface Queue {
  readonly deadLetters: number;
  /** Keys that are parked with it. */
  readonly keys: number;
  readonly first: DeadLetter;
}

const letterColumns = `
  l.id, l.table_name AS table, l.op, l.key, l.commit_lsn || ':' || l.sequence AS position, l.topic, l."offset"::float8 AS offset,
  to_char(l.since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS since, l.sqlstate AS "sqlState", l.error, l.cure`;

const queuesSql = `
  SELECT ${letterColumns}, q.n AS letters, (SELECT count(*)::float8 FROM offtake.parked p WHERE p.connector = $1 AND p.queue = l.queue) AS keys
    FROM (SELECT min(id) AS id, count(*)::float8 AS n FROM offtake.dead_letter WHERE connector = $1 AND state = 'waiting' GROUP BY queue) AS q
    JOIN offtake.dead_letter l ON l.id = q.id
   ORDER BY l.id`;

/** @returns in the order in which they began */
export async function readQueues(client: ClientBase, connector: string): Promise<Queue[]> {
  const { rows } = await client.query<DeadLetter & { letters: number; keys: number }>(queuesSql, [connector]);
  return rows.map(({ letters, keys, ...first }) => ({ deadLetters: letters, keys, first }));
}

/** A dead letter with the record of the topic, byte for byte. */
export interface LetterRecord extends DeadLetter {
  readonly event: Buffer;
}

const recordsSql = `
  SELECT ${letterColumns}, l.event
    FROM offtake.dead_letter l
   WHERE l.connector = $1 AND l.queue = $2 AND l.state = 'waiting'
   ORDER BY l.id
   LIMIT $3`;

/** @returns the first of a queue, in their order */
export async function readRecords(client: ClientBase, connector: string, queue: string, limit: number): Promise<LetterRecord[]> {
  return (await client.query<LetterRecord>(recordsSql, [connector, queue, limit])).rows;
}

/** Names are public: `dlq show --json` has them. */
export interface QueueSize {
  /** Events. */
  readonly waiting: number;
  /** Keys that are parked with it. */
  readonly keys: number;
}

const sizeSql = `
  SELECT (SELECT count(*)::float8 FROM offtake.dead_letter WHERE connector = $1 AND queue = $2 AND state = 'waiting') AS waiting,
         (SELECT count(*)::float8 FROM offtake.parked WHERE connector = $1 AND queue = $2) AS keys`;

export async function readQueueSize(client: ClientBase, connector: string, queue: string): Promise<QueueSize> {
  return (await client.query<QueueSize>(sizeSql, [connector, queue])).rows[0]!;
}

const positionSql = "SELECT FROM offtake.applied_position WHERE connector = $1 FOR UPDATE";

/** Runs work while no transaction of the applier is under way, in one transaction that is durable when it returns. */
export async function besideApplier<T>(client: ClientBase, connector: string, work: () => Promise<T>): Promise<T> {
  return inTransaction(client, "BEGIN; SET LOCAL synchronous_commit = on", async () => {
    await client.query(positionSql, [connector]);
    return work();
  });
}

const queueSql = `
  SELECT l.queue, (SELECT min(f.id) FROM offtake.dead_letter f WHERE f.connector = $1 AND f.queue = l.queue AND f.state = 'waiting') AS first
    FROM offtake.dead_letter l
   WHERE l.connector = $1 AND l.id = $2 AND l.state = 'waiting'`;

/**
 * @param id of a dead letter
 * @returns the queue that it waits in, and the id of that one's first
 * @throws OfftakeError USAGE where it does not wait
 */
export async function queueOf(client: ClientBase, connector: string, id: string): Promise<{ readonly queue: string; readonly first: string }> {
  const { rows } = await client.query<{ queue: string; first: string }>(queueSql, [connector, id]);
  if (rows[0] !== undefined) return rows[0];
  throw new OfftakeError("USAGE", `No dead letter ${id} waits.`, { cure: "`offtake dlq list` has those that do." });
}

const endSql = `
  UPDATE offtake.dead_letter
     SET state = $3, ended_by = $4, ended_at = clock_timestamp()
   WHERE connector = $1 AND queue = $2 AND state = 'waiting' AND ($5::int8 IS NULL OR id = $5)`;

const freeSql = `
  DELETE FROM offtake.parked p
   WHERE p.connector = $1 AND p.queue = $2
     AND NOT EXISTS (SELECT FROM offtake.dead_letter l WHERE l.connector = $1 AND l.queue = $2 AND l.state = 'waiting')`;

export interface Ending {
  readonly state: "replayed" | "skipped";
  readonly by: string;
  /** Only this one; all where it is left out. */
  readonly only?: string;
}

/** Ends waiting of dead letters, and frees the keys where none is left. @returns how many have ended */
export async function endLetters(client: ClientBase, connector: string, queue: string, { state, by, only }: Ending): Promise<number> {
  const { rowCount } = await client.query(endSql, [connector, queue, state, by, only ?? null]);
  await client.query(freeSql, [connector, queue]);
  return rowCount ?? 0;
}

/**
 * Drops a dead letter, which has to be the first of its queue; or with `all` the whole queue.
 *
 * @returns how many were dropped
 * @throws OfftakeError USAGE; the server's own error
 */
export async function skipLetters(client: ClientBase, connector: string, id: string, { all, by }: { all: boolean; by: string }): Promise<number> {
  return besideApplier(client, connector, async () => {
    const { queue, first } = await queueOf(client, connector, id);
    if (!all && first !== id)
      throw new OfftakeError("USAGE", `The dead letter ${id} waits behind others; the first of its queue is ${first}.`, {
        cure: "Skip that one, or all of them with --all.",
      });
    return endLetters(client, connector, queue, { state: "skipped", by, ...(all ? {} : { only: id }) });
  });
}
