/** Brings the schema `offtake` of a target to this version. */
import type { ClientBase } from "pg";
import { installedVersion, migrateSchema } from "../../connectors/postgres/migrate-schema.ts";
import { targetMigrations } from "../../schemas/target-schema.ts";

export const targetMigrationTable = "offtake.migration";

/** @returns the versions that were applied now; empty when it was up to date */
export async function migrateTarget(client: ClientBase): Promise<number[]> {
  return migrateSchema(client, targetMigrationTable, targetMigrations);
}

/** Versions of the schema: the one that is there, 0 for none, and the one that this Offtake wants. */
export async function targetVersion(client: ClientBase): Promise<{ readonly installed: number; readonly wanted: number }> {
  return { installed: await installedVersion(client, targetMigrationTable), wanted: targetMigrations.at(-1)!.version };
}
