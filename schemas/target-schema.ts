/**
 * What Offtake keeps in a service's database: schema `offtake`, made by `offtake up`, one migration after the other.
 *
 * applied_position is written in the same transaction as the rows, which is the whole of exactly once: a database that was restored, or failed over
 * to a lagging standby, says by itself how far it has got.
 *
 * offtake.migration lists those that have run. A migration that has been released is never changed: the next one changes what it made.
 */
import type { Migration } from "./migration.ts";

export const targetMigrations: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE offtake.applied_position (
        connector         text        PRIMARY KEY,
        topic             text        NOT NULL,
        topic_id          uuid        NOT NULL,
        "offset"          bigint      NOT NULL,
        commit_lsn        pg_lsn      NOT NULL,
        sequence          bigint      NOT NULL,
        xid               bigint      NOT NULL,
        system_identifier text        NOT NULL,
        timeline          integer     NOT NULL,
        applied_at        timestamptz NOT NULL DEFAULT clock_timestamp()
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE offtake.applied_position IS 'The last source transaction that is committed here, and the next record of the topic; written with its rows.';

      CREATE TABLE offtake.needs_copy (
        connector   text        NOT NULL,
        table_name  text        NOT NULL,
        reason      text        NOT NULL,
        since       timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (connector, table_name)
      );
      COMMENT ON TABLE offtake.needs_copy IS 'Tables of the source with rows that are not in the stream, and so not here.';`,
  },
  {
    version: 2,
    sql: `
      CREATE TABLE offtake.captured_table (
        connector   text        NOT NULL,
        table_name  text        NOT NULL,
        membership  text        NOT NULL,
        captured    boolean     NOT NULL,
        PRIMARY KEY (connector, table_name)
      );
      COMMENT ON TABLE offtake.captured_table IS 'Tables of the source that a connector captures, or has captured: one that comes back, or is in its publication anew, lacks the rows between.';`,
  },
  {
    version: 3,
    sql: `
      ALTER TABLE offtake.captured_table ADD COLUMN shape jsonb;
      COMMENT ON COLUMN offtake.captured_table.shape IS 'What the table looked like in the catalogs of the source at the last look: files, columns, partitions. A change that is in no stream shows there.';`,
  },
  {
    version: 4,
    sql: `
      CREATE TABLE offtake.dead_letter (
        id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        connector   text        NOT NULL,
        table_name  text        NOT NULL,
        queue       bigint      NOT NULL,
        op          text        NOT NULL,
        key         text        NOT NULL,
        topic       text        NOT NULL,
        topic_id    uuid        NOT NULL,
        "offset"    bigint      NOT NULL,
        commit_lsn  pg_lsn      NOT NULL,
        sequence    bigint      NOT NULL,
        event       bytea       NOT NULL,
        sqlstate    text,
        error       text,
        cure        text,
        since       timestamptz NOT NULL DEFAULT clock_timestamp(),
        state       text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'replayed', 'skipped', 'truncated')),
        ended_by    text,
        ended_at    timestamptz
      );
      CREATE INDEX dead_letter_waiting ON offtake.dead_letter (connector, queue, id) WHERE state = 'waiting';
      COMMENT ON TABLE offtake.dead_letter IS 'Events that are not applied: those that the target refused (sqlstate, error), and those that wait behind one. event: the record of the topic, byte for byte.';
      COMMENT ON COLUMN offtake.dead_letter.queue IS 'Events of one queue are applied together, in the order of their ids; the id of its first one.';

      CREATE TABLE offtake.parked (
        id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        connector   text        NOT NULL,
        table_name  text        NOT NULL,
        key_columns text[]      NOT NULL,
        key         text[]      NOT NULL,
        queue       bigint      NOT NULL,
        since       timestamptz NOT NULL DEFAULT clock_timestamp()
      );
      CREATE INDEX parked_queue ON offtake.parked (connector, queue);
      COMMENT ON TABLE offtake.parked IS 'Keys whose events go to a queue of offtake.dead_letter and not to their table, as long as the key is here.';`,
  },
  {
    version: 5,
    sql: `
      ALTER TABLE offtake.dead_letter ADD COLUMN published_at timestamptz;
      CREATE INDEX dead_letter_unpublished ON offtake.dead_letter (connector, id) WHERE published_at IS NULL;
      COMMENT ON COLUMN offtake.dead_letter.published_at IS 'When the topic of dead letters had it, where the service has one; it may have it twice.';`,
  },
];
