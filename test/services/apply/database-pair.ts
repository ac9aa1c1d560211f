/**
 * A monolith with something in it, and a target: fresh databases, with a session each.
 */
import { Client } from "pg";
import { listTables } from "../../../connectors/postgres/catalog-tables.ts";
import { createTables, type CreatedTables } from "../../../services/apply/create-tables.ts";
import type { TableName } from "../../../services/runtime/table-pattern.ts";
import { freshDatabase } from "../../support/databases.ts";

export interface DatabasePair extends AsyncDisposable {
  source: Client;
  target: Client;
  /**
   * @param tables names of schema public, or `schema.name`; all of the source's where it is left out
   * @param sessions others than the two above
   */
  create(tables?: string[], targetSchema?: string, sessions?: { source: Client; target: Client }): Promise<CreatedTables>;
  /** One more session on each side. */
  sessions(): Promise<{ source: Client; target: Client }>;
}

/** @param settings of the databases, for ALTER DATABASE … SET, in force once the SQL has run */
export async function databasePair(
  sourceSql: string,
  targetSql = "SELECT",
  settings: { source: readonly string[]; target: readonly string[] } = { source: [], target: [] },
): Promise<DatabasePair> {
  const databases = [await freshDatabase("source"), await freshDatabase("target")] as const;
  const open: Client[] = [];
  const connect = async (url: string): Promise<Client> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    open.push(client);
    return client;
  };
  const sessions = async (): Promise<{ source: Client; target: Client }> => ({
    source: await connect(databases[0].url),
    target: await connect(databases[1].url),
  });
  const first = await sessions();
  await first.source.query(sourceSql);
  await first.target.query(targetSql);
  for (const setting of settings.source) await first.source.query(`ALTER DATABASE ${databases[0].name} SET ${setting}`);
  for (const setting of settings.target) await first.target.query(`ALTER DATABASE ${databases[1].name} SET ${setting}`);
  const { source, target } = await sessions();
  return {
    source,
    target,
    sessions,
    create: async (tables, targetSchema = "public", on = { source, target }) =>
      createTables({ ...on, service: "trading", tables: tables?.map(tableName) ?? (await listTables(source)), targetSchema }),
    [Symbol.asyncDispose]: async () => {
      for (const client of open) await client.end();
      for (const database of databases) await database.drop();
    },
  };
}

function tableName(name: string): TableName {
  const dot = name.indexOf(".");
  return dot === -1 ? { schema: "public", table: name } : { schema: name.slice(0, dot), table: name.slice(dot + 1) };
}
