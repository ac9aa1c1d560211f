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
        ADD COLUMN waits_for text,
        ADD CONSTRAINT snapshot_wanted CHECK ((wanted_columns IS NULL) = (wanted_keys IS NULL));
      DROP INDEX offtake.snapshot_open;
      CREATE UNIQUE INDEX snapshot_open ON offtake.snapshot (connector, table_name) WHERE state IN ('waiting', 'copying') AND wanted_columns IS NULL;
      COMMENT ON COLUMN offtake.snapshot.wanted_columns IS 'Of a job that reads a list of keys: the columns that the values in wanted_keys are of; null for one that copies its table.';
      COMMENT ON COLUMN offtake.snapshot.waits_for IS 'What holds the copy up at the moment.';`,
  },
  {
    version: 3,
    sql: `
      CREATE TABLE offtake.reconciliation (
        id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        connector    text        NOT NULL,
        service      text        NOT NULL,
        table_name   text        NOT NULL,
        level        text        NOT NULL,
        verdict      text        NOT NULL,
        started_at   timestamptz NOT NULL,
        finished_at  timestamptz NOT NULL,
        mismatches   bigint      NOT NULL,
        report       jsonb       NOT NULL
      );
      CREATE INDEX reconciliation_newest ON offtake.reconciliation (connector, table_name, id);
      CREATE INDEX reconciliation_clean ON offtake.reconciliation (connector, table_name, id) WHERE verdict = 'equal';
      COMMENT ON TABLE offtake.reconciliation IS 'Passes over tables, each with its report without the mismatches.';

      CREATE TABLE offtake.mismatch (
        reconciliation bigint NOT NULL REFERENCES offtake.reconciliation ON DELETE CASCADE,
        kind           text   NOT NULL CHECK (kind IN ('missing', 'extra', 'differing')),
        key            jsonb  NOT NULL,
        detail         jsonb  NOT NULL
      );
      CREATE INDEX mismatch_of ON offtake.mismatch (reconciliation);
      COMMENT ON TABLE offtake.mismatch IS 'Rows that a pass has found wrong. detail: as in its report.';

      CREATE TABLE offtake.audit (
        id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at        timestamptz NOT NULL DEFAULT clock_timestamp(),
        who       text        NOT NULL,
        action    text        NOT NULL,
        service   text        NOT NULL,
        subject   text        NOT NULL,
        before    jsonb       NOT NULL,
        after     jsonb       NOT NULL
      );
      CREATE INDEX audit_newest ON offtake.audit (service, id);
      COMMENT ON TABLE offtake.audit IS 'What people and programs have done through Offtake: what it was before, and after. Rows are only added.';`,
  },
  {
    version: 4,
    sql: `
      ALTER TABLE offtake.snapshot ADD COLUMN moves_from bigint;
      COMMENT ON COLUMN offtake.snapshot.moves_from IS 'Offset of the topic from which on rows may have moved to where the copy has been already.';`,
  },
  {
    version: 5,
    sql: `
      CREATE TABLE offtake.pause (
        connector  text        PRIMARY KEY,
        service    text        NOT NULL,
        paused_by  text        NOT NULL,
        paused_at  timestamptz NOT NULL DEFAULT clock_timestamp()
      );
      COMMENT ON TABLE offtake.pause IS 'Services to which nothing is to be applied until somebody resumes them. Capture goes on.';`,
  },
  {
    version: 6,
    sql: `
      CREATE TABLE offtake.job (
        id            bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind          text        NOT NULL CHECK (kind IN ('reconcile', 'repair')),
        connector     text        NOT NULL,
        service       text        NOT NULL,
        arguments     jsonb       NOT NULL,
        state         text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
        cancelled_by  text,
        attempts      integer     NOT NULL DEFAULT 0,
        progress      text,
        result        jsonb,
        error         text,
        requested_by  text        NOT NULL,
        requested_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        started_at    timestamptz,
        finished_at   timestamptz
      ) WITH (fillfactor = 50);
      CREATE INDEX job_open ON offtake.job (connector, id) WHERE state IN ('waiting', 'running');
      COMMENT ON TABLE offtake.job IS 'What somebody has asked the control process to do. cancelled_by: who does not want it any more; a running one then ends soon.';

      CREATE TABLE offtake.unit_report (
        installation  text        NOT NULL,
        process       text        NOT NULL,
        unit          text        NOT NULL,
        ready         boolean     NOT NULL,
        reason        text        NOT NULL,
        reported_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (installation, process, unit)
      ) WITH (fillfactor = 50);
      COMMENT ON TABLE offtake.unit_report IS 'What each process of Offtake says of its connectors, appliers and reconcilers. One that says nothing any more has ended, or cannot reach this database.';`,
  },
  {
    version: 7,
    sql: `
      CREATE TABLE offtake.alert (
        id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        connector  text        NOT NULL,
        service    text        NOT NULL,
        table_name text        NOT NULL,
        kind       text        NOT NULL,
        detail     text        NOT NULL,
        raised_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        cleared_at timestamptz
      );
      CREATE INDEX alert_newest ON offtake.alert (connector, table_name, kind, id);
      COMMENT ON TABLE offtake.alert IS 'What the reconciler has raised: cleared_at is null while it lasts.';`,
  },
  {
    version: 8,
    sql: `
      CREATE TABLE offtake.notification (
        installation  text        NOT NULL,
        webhook       text        NOT NULL,
        concern       text        NOT NULL,
        place         text        NOT NULL,
        detail        text        NOT NULL,
        state         text        NOT NULL CHECK (state IN ('raised', 'cleared')),
        told_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (installation, webhook, concern)
      );
      COMMENT ON TABLE offtake.notification IS 'What each webhook was told last of each thing that was not well.';`,
  },
  {
    version: 9,
    sql: `
      ALTER TABLE offtake.snapshot ADD COLUMN table_oid bigint;
      COMMENT ON COLUMN offtake.snapshot.table_oid IS 'OID of the table at the source when the copy was begun: another table of its name is copied from its beginning. Null where that is not known.';`,
  },
];
