/**
 * What Offtake keeps in the control database: schema `offtake`, made by `offtake up`, one migration after the other. Nothing in it is needed for a stream or
 * an applier to go on: positions are in the topics and the targets.
 *
 * offtake.control_migration lists those that have run, under a name of its own: the database may be one that has a target's schema `offtake`, too.
 */
import type { Migration } from "./migration.ts";

export const controlMigrations: readonly Migration[] = [
  {
    version: 1,
    sql: `
      CREATE TABLE offtake.snapshot (
        id               bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        connector        text        NOT NULL,
        service          text        NOT NULL,
        table_name       text        NOT NULL,
        reason           text        NOT NULL,
        state            text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'copying', 'copied', 'cancelled', 'failed')),
        key_columns      text[],
        last_key         text[],
        rows             bigint      NOT NULL DEFAULT 0,
        bytes            bigint      NOT NULL DEFAULT 0,
        estimated_rows   bigint,
        estimated_bytes  bigint,
        error            text,
        requested_by     text        NOT NULL,
        requested_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_at       timestamptz,
        finished_at      timestamptz,
        verified_at      timestamptz
      ) WITH (fillfactor = 50);
      CREATE UNIQUE INDEX snapshot_open ON offtake.snapshot (connector, table_name) WHERE state IN ('waiting', 'copying');
      CREATE INDEX snapshot_newest ON offtake.snapshot (connector, table_name, id);
      COMMENT ON TABLE offtake.snapshot IS 'Copies of tables, one job each. last_key: of the last row that is in the topic; verified_at: when the copy was found equal to the source.';`,
  },
  {
    version: 2,
    sql: `
      ALTER TABLE offtake.snapshot
        ADD COLUMN wanted_columns text[],
        ADD COLUMN wanted_keys jsonb,
        ADD COLUMN topic_offset bigint,
        ADD COLUMN waits_for text,
        ADD CONSTRAINT snapshot_wanted CHECK ((wanted_columns IS NULL) = (wanted_keys IS NULL));
      DROP INDEX offtake.snapshot_open;
      CREATE UNIQUE INDEX snapshot_open ON offtake.snapshot (connector, table_name) WHERE state IN ('waiting', 'copying') AND wanted_columns IS NULL;
      COMMENT ON COLUMN offtake.snapshot.wanted_columns IS 'Of a job that reads a list of keys: the columns that the values in wanted_keys are of; null for one that copies its table.';
      COMMENT ON COLUMN offtake.snapshot.topic_offset IS 'Where the topic is read from when the copy goes on: what was put there since last_key was written down.';
      COMMENT ON COLUMN offtake.snapshot.waits_for IS 'What holds the copy up at the moment.';`,
  },
];
