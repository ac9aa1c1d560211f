/**
 * The dead letters that their topic does not have yet, oldest first. The column `published_at` is written when the brokers have acknowledged a letter, and not before: one that
 * dies in between publishes it again, and none is passed over.
 *
 * One at a time: the applier joins queues in the same table, and who holds the row of one letter only and waits for none cannot be in a deadlock with it.
 *
 * Source: schemas/target-schema.ts.
 */
import type { ClientBase } from "pg";

export interface UnpublishedLetter {
  /** An int8 as text. */
  readonly id: string;
  /** What the letter is, and why it is one, by the names that its headers have behind `offtake.dead-letter.`. */
  readonly headers: Readonly<Record<string, string | null>>;
  /** The record of the service's topic, byte for byte. */
  readonly event: Buffer;
}

// The queue of a letter is its own id where it was refused; else that of the one it waits behind.
const nextSql = `
  SELECT id, event,
         json_build_object('id', id::text, 'queue', queue::text, 'table', table_name, 'op', op, 'key', key, 'position', commit_lsn || ':' || sequence,
                           'topic', topic, 'offset', "offset"::text, 'sqlstate', sqlstate, 'error', error, 'cure', cure,
                           'since', to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) AS headers
    FROM offtake.dead_letter
   WHERE connector = $1 AND published_at IS NULL
   ORDER BY id
   LIMIT 1`;

/** @returns the oldest; undefined where the topic has all */
export async function nextUnpublished(client: ClientBase, connector: string): Promise<UnpublishedLetter | undefined> {
  return (await client.query<UnpublishedLetter>(nextSql, [connector])).rows[0];
}

const publishedSql = "UPDATE offtake.dead_letter SET published_at = clock_timestamp() WHERE connector = $1 AND id = $2";

/** The brokers have acknowledged it. */
export async function markPublished(client: ClientBase, connector: string, id: string): Promise<void> {
  await client.query(publishedSql, [connector, id]);
}
