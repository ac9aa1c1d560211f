/** Brings the schema `offtake` of a target to this version. */
import type { ClientBase } from "pg";
import { migrateSchema } from "../../connectors/postgres/migrate-schema.ts";
import { targetMigrations } from "../../schemas/target-schema.ts";

export const targetMigrationTable = "offtake.migration";

/** @returns the versions that were applied now; empty when it was up to date */
export async function migrateTarget(client: ClientBase): Promise<number[]> {
  return migrateSchema(client, targetMigrationTable, targetMigrations);
}
