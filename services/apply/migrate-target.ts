/**
 * Brings the schema `offtake` of a target to this version, one migration after the other, all in one transaction. Safe to run at any time, by several at
 * once: the second waits for the first and finds nothing to do.
 */
import type { Client } from "pg";
import { targetMigrations } from "../../schemas/target-schema.ts";

const beginSql = `
  BEGIN;
  SET LOCAL lock_timeout = '10s';
  SELECT pg_advisory_xact_lock(hashtext('offtake migration'));
  CREATE SCHEMA IF NOT EXISTS offtake;
  CREATE TABLE IF NOT EXISTS offtake.migration (version integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`;

/** @returns the versions that were applied now; empty when it was up to date */
export async function migrateTarget(client: Client): Promise<number[]> {
  try {
    await client.query(beginSql);
    const { rows } = await client.query<{ version: number }>("SELECT version FROM offtake.migration");
    const missing = targetMigrations.filter(({ version }) => !rows.some((row) => row.version === version));
    for (const { version, sql } of missing) {
      await client.query(sql);
      await client.query("INSERT INTO offtake.migration (version) VALUES ($1)", [version]);
    }
    await client.query("COMMIT");
    return missing.map(({ version }) => version);
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
