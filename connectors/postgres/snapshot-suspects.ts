/**
 * Transactions that may have been published before the stream was watched for a table, by this connector or one before it, and that others do not see yet: one
 * that waits for a synchronous standby can do so for hours. A chunk without its rows would put the rows before it behind its events. Afterwards the stream itself
 * tells (table-watch.ts).
 *
 * One that has written to the table holds its lock until others see it, so that whoever holds none is no suspect. Of the others one has certainly not been
 * committed by then whose session waits for its client, or runs a statement that began later, or that comes in the stream later; a prepared one, unless somebody
 * may just be committing it. A write transaction that stays open is thus ruled out, and holds up nothing.
 *
 * Source: PostgreSQL documentation, "pg_locks", "pg_stat_activity"; src/backend/access/transam/xact.c, CommitTransaction, for what happens in which order.
 */
import type { ClientBase } from "pg";
import type { TableWatch } from "./table-watch.ts";
import type { Visibility } from "./snapshot-visibility.ts";

// The state of a session is read before its transaction, which it has had since before `since`: so both are of the same one.
const suspectsSql = `
  WITH RECURSIVE tree (oid) AS (SELECT $2::oid UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid),
       locks AS MATERIALIZED (SELECT * FROM pg_catalog.pg_locks WHERE granted),
       activity AS MATERIALIZED (SELECT * FROM pg_catalog.pg_stat_activity)
  SELECT own.transactionid::text::float8 AS xid
    FROM locks own
    LEFT JOIN pg_catalog.pg_prepared_xacts p ON p.transaction = own.transactionid
   WHERE own.locktype = 'transactionid' AND own.mode = 'ExclusiveLock' AND ($1::text[] IS NULL OR own.transactionid::text = ANY ($1))
     AND EXISTS (SELECT FROM locks l JOIN tree ON tree.oid = l.relation
                  WHERE l.locktype = 'relation' AND l.virtualtransaction = own.virtualtransaction
                    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
                    AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock'))
     AND NOT EXISTS (SELECT FROM activity a
                      WHERE a.backend_xid = own.transactionid AND (a.state LIKE 'idle in transaction%' OR a.query_start > $3::timestamptz))
     AND (p.transaction IS NULL
          OR EXISTS (SELECT FROM activity a
                      WHERE a.pid <> pg_backend_pid() AND a.backend_type = 'client backend' AND a.state IS DISTINCT FROM 'idle'
                        AND (a.query IS NULL OR a.state IS NULL OR a.query ILIKE '%prepared%'
                             OR octet_length(a.query) + 1 >= (SELECT s.setting::int4 FROM pg_catalog.pg_settings s WHERE s.name = 'track_activity_query_size'))))`;

export class SnapshotSuspects {
  readonly #table: number;
  readonly #watch: TableWatch;
  readonly #since: string;
  #xids: readonly number[] = [];

  private constructor(table: number, watch: TableWatch, since: string) {
    this.#table = table;
    this.#watch = watch;
    this.#since = since;
  }

  /** @param watch has begun already: what begins to write from now on comes in the stream later */
  static async of(source: ClientBase, table: number, watch: TableWatch): Promise<SnapshotSuspects> {
    const { rows } = await source.query<{ now: string }>("SELECT clock_timestamp()::text AS now");
    const suspects = new SnapshotSuspects(table, watch, rows[0]!.now);
    suspects.#xids = await readSuspects(source, table, suspects.#since);
    return suspects;
  }

  /** Rules out what can be, before a snapshot is taken. Costs nothing once nobody is left. */
  async look(source: ClientBase): Promise<void> {
    const left = this.#xids.filter((xid) => !this.#watch.has(xid));
    this.#xids = left.length === 0 ? left : await readSuspects(source, this.#table, this.#since, left);
  }

  /** @returns one that a chunk of this visibility may be without, although it is published */
  unseenBy(visibility: Visibility): number | undefined {
    return this.#xids.find((xid) => !visibility.sees(xid) && !this.#watch.has(xid));
  }
}

/**
 * Transactions that have written to a table, that others do not see yet, and that may have been committed by a moment.
 *
 * @param since that moment, by the source's clock
 * @param among undefined for all; not those of a snapshot's list, which ends with the newest that has ended
 */
export async function readSuspects(source: ClientBase, table: number, since: string, among?: readonly number[]): Promise<number[]> {
  const { rows } = await source.query<{ xid: number }>(suspectsSql, [among?.map(String), table, since]);
  return rows.map(({ xid }) => xid);
}
