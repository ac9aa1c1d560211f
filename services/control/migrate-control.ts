/** Brings the schema `offtake` of the control database to this version. */
import type { ClientBase } from "pg";
import { installedVersion, migrateSchema } from "../../connectors/postgres/migrate-schema.ts";
import { controlMigrations } from "../../schemas/control-schema.ts";

const migrationTable = "offtake.control_migration";

/** @returns the versions that were applied now; empty when it was up to date */
export async function migrateControl(client: ClientBase): Promise<number[]> {
  return migrateSchema(client, migrationTable, controlMigrations);
}

/** Versions of the schema: the one that is there, 0 for none, and the one that this Offtake wants. */
export async function controlVersion(client: ClientBase): Promise<{ readonly installed: number; readonly wanted: number }> {
  return { installed: await installedVersion(client, migrationTable), wanted: controlMigrations.at(-1)!.version };
}
