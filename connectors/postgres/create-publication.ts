/**
 * Creates a connector's publication, or adds the tables that it lacks. Nothing is ever taken out of one: what else it publishes is somebody's.
 *
 * Source: PostgreSQL documentation, "CREATE PUBLICATION", "ALTER PUBLICATION".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import { readPublication } from "./publication.ts";

export interface EnsuredPublication {
  readonly done: "created" | "extended" | "present";
  /** Tables that it did not publish before. */
  readonly added: readonly TableName[];
}

/** @param joining told of the tables that it does not publish yet, before it does */
export async function ensurePublication(
  client: ClientBase,
  name: string,
  tables: readonly TableName[],
  joining: (tables: readonly TableName[]) => Promise<void>,
): Promise<EnsuredPublication> {
  const found = await readPublication(client, name);
  if (found === undefined) {
    await joining(tables);
    await client.query(publicationSql(name, tables));
    return { done: "created", added: tables };
  }
  const added = tables.filter(({ schema, table }) => !found.tables.some((each) => each.schema === schema && each.table === table));
  if (added.length === 0) return { done: "present", added };
  await joining(added);
  await client.query(`ALTER PUBLICATION ${escapeIdentifier(name)} ADD TABLE ${quoted(added)}`);
  return { done: "extended", added };
}

/** The statement that creates it. */
export function publicationSql(name: string, tables: readonly TableName[]): string {
  return `CREATE PUBLICATION ${escapeIdentifier(name)} FOR TABLE ${quoted(tables)};`;
}

function quoted(tables: readonly TableName[]): string {
  return tables.map(({ schema, table }) => `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`).join(", ");
}
