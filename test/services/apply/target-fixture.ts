/**
 * A service's database with the tables that a test wants, and the session that an applier has with it.
 */
import { Client } from "pg";
import { endSession } from "../../../connectors/postgres/session.ts";
import { columnTypes } from "../../../schemas/column-types.ts";
import { bind } from "../../../services/apply/apply-merged.ts";
import type { ChangeLog } from "../../../services/apply/change-log.ts";
import { ByteArena } from "../../../services/apply/byte-arena.ts";
import { RowSet } from "../../../services/apply/row-set.ts";
import type { Statement } from "../../../services/apply/statements.ts";
import { type Mapped, mappingOf } from "../../../services/runtime/table-mapping.ts";
import { readTargetTable, type TargetTable } from "../../../services/apply/target-table.ts";
import { openTargetSession, type TargetSession } from "../../../services/apply/target-session.ts";
import type { ServiceConfiguration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase } from "../../support/databases.ts";
import type { WrittenTable } from "./event-writer.ts";

export interface TargetFixture extends AsyncDisposable {
  /** A superuser's, with the server's own settings. */
  readonly admin: Client;
  readonly url: string;
  readonly service: ServiceConfiguration;
  readonly session: TargetSession;
  /** Empties the database and makes these objects in it. */
  reset(sql: string): Promise<void>;
  /** @param service whose mapping counts; the fixture's own where it is left out */
  table(written: WrittenTable, service?: Mapped): Promise<TargetTable>;
  /** Sends a statement as the applier does. @returns rows that it touched */
  run(statement: Statement, log: ChangeLog, changes: readonly number[] | RowSet): Promise<number>;
  /** Every row of a table, each as one text, as the source's canonical settings print it. */
  texts(table: string, orderBy?: string): Promise<string[]>;
}

/** Applier settings as a configuration has them by default. */
export function serviceOf(url: string, schema = "public", parks: readonly string[] = []): ServiceConfiguration {
  return {
    name: "trading",
    topic: "test.trading",
    target: { url: new Secret(url), schema },
    tables: parks.map((table) => ({ pattern: table, schema: "public", table, poison: "park" })),
    apply: { synchronousCommit: false, batchRows: 5000, batchBytes: 4 << 20 },
    snapshot: { connections: 2 },
  };
}

/** A role that may read and write everything in public, and may not put triggers and foreign keys to sleep. @returns its connection string */
export async function plainRole(target: TargetFixture, name: string): Promise<string> {
  await target.admin.query(
    `CREATE ROLE ${name} LOGIN PASSWORD 'plain'; GRANT ALL ON SCHEMA public, offtake TO ${name}; GRANT ALL ON ALL TABLES IN SCHEMA public, offtake TO ${name};
     GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${name}`,
  );
  const url = new URL(target.url);
  url.username = name;
  url.password = "plain";
  return url.href;
}

export async function targetFixture(schema = "public"): Promise<TargetFixture> {
  const database = await freshDatabase("target");
  const admin = new Client({ connectionString: database.url });
  await admin.connect();
  const service = serviceOf(database.url, schema);
  const session = await openTargetSession(service);
  return {
    admin,
    url: database.url,
    service,
    session,
    reset: async (sql) => {
      const { rows } = await admin.query<{ name: string }>(
        "SELECT quote_ident(nspname) AS name FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'",
      );
      for (const { name } of rows) await admin.query(`DROP SCHEMA ${name} CASCADE`);
      await admin.query(`CREATE SCHEMA public; ${sql}`);
    },
    table: async (written, mapped = service) =>
      readTargetTable(session.client, written.plan, mappingOf(mapped, written.plan), session.replica, columnTypes(written.envelope)),
    run: async (statement, log, changes) => {
      const { sql, values, name } = bind(log, new ByteArena(), statement, changes instanceof RowSet ? changes : RowSet.of(changes));
      return (await session.client.query({ ...(name === undefined ? {} : { name }), text: sql, values })).rowCount ?? 0;
    },
    texts: async (table, orderBy = "1") => {
      const { rows } = await session.client.query<{ row: string }>(`SELECT (x.*)::text AS row FROM ${table} AS x ORDER BY ${orderBy}`);
      return rows.map(({ row }) => row);
    },
    [Symbol.asyncDispose]: async () => {
      await endSession(session.client);
      await admin.end();
      await database.drop();
    },
  };
}
