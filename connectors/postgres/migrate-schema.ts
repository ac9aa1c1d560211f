/**
 * Brings a schema `offtake` to this version, one migration after the other, all in one transaction. Safe to run at any time, by several at once: the second
 * waits for the first and finds nothing to do.
 */
import type { ClientBase } from "pg";
import type { Migration } from "../../schemas/migration.ts";
import { inTransaction } from "./transaction-scope.ts";

const beginSql = `
  BEGIN;
  SET LOCAL lock_timeout = '10s';
  SELECT pg_advisory_xact_lock(hashtext('offtake migration'))`;

const thereSql = "SELECT to_regnamespace('offtake') IS NOT NULL AS schema, to_regclass($1) IS NOT NULL AS list";

/**
 * @param table that lists the versions which have run, with its schema
 * @returns the versions that were applied now; empty when it was up to date
 */
export async function migrateSchema(client: ClientBase, table: string, migrations: readonly Migration[]): Promise<number[]> {
  return inTransaction(client, beginSql, async () => {
    // IF NOT EXISTS asks for the right to create what is there already, which the role of somebody who has made it beforehand lacks.
    const there = (await client.query<{ schema: boolean; list: boolean }>(thereSql, [table])).rows[0]!;
    if (!there.schema) await client.query("CREATE SCHEMA offtake");
    if (!there.list)
      await client.query(`CREATE TABLE ${table} (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`);
    const { rows } = await client.query<{ version: number }>(`SELECT version FROM ${table}`);
    const missing = migrations.filter(({ version }) => !rows.some((row) => row.version === version));
    for (const { version, sql } of missing) {
      await client.query(sql);
      await client.query(`INSERT INTO ${table} (version) VALUES ($1)`, [version]);
    }
    return missing.map(({ version }) => version);
  });
}

/** @param table as migrateSchema() has it. @returns the newest version that has run; 0 where none has */
export async function installedVersion(client: ClientBase, table: string): Promise<number> {
  const { rows } = await client.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [table]);
  if (rows[0]?.there !== true) return 0;
  return (await client.query<{ version: number | null }>(`SELECT max(version) AS version FROM ${table}`)).rows[0]?.version ?? 0;
}
