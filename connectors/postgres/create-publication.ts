/**
 * Creates a connector's publication, or adds the tables that it lacks. Nothing is ever taken out of one: what else it publishes is somebody's.
 *
 * Source: PostgreSQL documentation, "CREATE PUBLICATION", "ALTER PUBLICATION".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import { needsGeneratedSql, publishedAs, readPublication } from "./publication.ts";

export interface EnsuredPublication {
  readonly done: "created" | "extended" | "present";
  /** Tables that it did not publish before. */
  readonly added: readonly TableName[];
}

const generatedSql = `
  SELECT coalesce(bool_or(${needsGeneratedSql}), false) AS needed
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name`;

/**
 * Whether a publication of these tables must have their generated columns: without them the monolith could no longer update or delete rows.
 *
 * Source: PostgreSQL documentation, "CREATE PUBLICATION", publish_generated_columns; "Generated Column Replication".
 */
export async function needsGenerated(client: ClientBase, tables: readonly TableName[]): Promise<boolean> {
  const { rows } = await client.query<{ needed: boolean }>(generatedSql, [tables.map(({ schema }) => schema), tables.map(({ table }) => table)]);
  return rows[0]?.needed === true;
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
    await client.query(publicationSql(name, tables, await needsGenerated(client, tables)));
    return { done: "created", added: tables };
  }
  // One that is published under its root's name would still be after it was added.
  const added = tables.filter(
    (wanted) =>
      publishedAs(found, wanted) === undefined && !found.tables.some(({ schema, table }) => schema === wanted.schema && table === wanted.table),
  );
  if (added.length === 0) return { done: "present", added };
  await joining(added);
  const publication = `ALTER PUBLICATION ${escapeIdentifier(name)}`;
  // Before the tables and, as one message, in one transaction with them: no update of the monolith's may fall in between.
  const generated = !found.generated && (await needsGenerated(client, added)) ? `${publication} SET (publish_generated_columns = stored); ` : "";
  await client.query(`${generated}${publication} ADD TABLE ${quoted(added)}`);
  return { done: "extended", added };
}

/** The statement that creates it. @param generated whether it has the stored generated columns, which only PostgreSQL 18 and later know */
export function publicationSql(name: string, tables: readonly TableName[], generated: boolean): string {
  const options = generated ? " WITH (publish_generated_columns = stored)" : "";
  return `CREATE PUBLICATION ${escapeIdentifier(name)} FOR TABLE ${quoted(tables)}${options};`;
}

function quoted(tables: readonly TableName[]): string {
  return tables.map(({ schema, table }) => `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`).join(", ");
}
