/**
 * Tables of the source with rows that are not in the stream, and so not at the target: `offtake.needs_copy`. A table that should be here and is not
 * looks whole and is not, so it is marked before the step after which nobody could tell any more.
 *
 * Source: schemas/target-schema.ts.
 */
import type { ClientBase } from "pg";
import type { CopiedMessage, RecoveredGap } from "../../schemas/offtake-message.ts";
import { arrayText, type GroupStatement } from "./statement-group.ts";

const markSql = `
  INSERT INTO offtake.needs_copy (connector, table_name, reason)
  SELECT $1, name, $3 FROM unnest($2::text[]) AS name
  ON CONFLICT (connector, table_name) DO NOTHING`;

/** @param tables of the source, as schema.table; one that is marked already keeps its reason */
export async function markNeedsCopy(client: ClientBase, connector: string, tables: readonly string[], reason: string): Promise<void> {
  if (tables.length > 0) await client.query(markSql, [connector, tables, reason]);
}

const addSql = `
  INSERT INTO offtake.needs_copy AS kept (connector, table_name, reason)
  SELECT $1, name, $3 FROM unnest($2::text[]) AS name
  ON CONFLICT (connector, table_name) DO UPDATE SET reason = kept.reason || '; ' || excluded.reason WHERE position(excluded.reason IN kept.reason) = 0`;

/** As markNeedsCopy(), and one that is marked already has this reason besides: a copy that was asked for before does not mend it. */
export async function addNeedsCopy(client: ClientBase, connector: string, tables: readonly string[], reason: string): Promise<void> {
  if (tables.length > 0) await client.query(addSql, [connector, tables, reason]);
}

/** The marks of a gap, in the transaction in which the target passes it: one that was restored since they were made must not be behind the gap without them. */
export function gapStatement(connector: string, { tables, reason }: RecoveredGap): GroupStatement {
  return { name: "offtake gap", sql: addSql, values: [Buffer.from(connector), arrayText(tables), Buffer.from(reason)], text: true };
}

const unmarkSql = "DELETE FROM offtake.needs_copy WHERE connector = $1 AND table_name = ANY ($2) AND reason = $3";

/** Takes marks back that were made for this reason, and no others. */
export async function unmarkNeedsCopy(client: ClientBase, connector: string, tables: readonly string[], reason: string): Promise<void> {
  if (tables.length > 0) await client.query(unmarkSql, [connector, tables, reason]);
}

const readSql = "SELECT table_name AS table, reason FROM offtake.needs_copy WHERE connector = $1 ORDER BY table_name";

export interface NeedsCopy {
  /** schema.table of the source. */
  readonly table: string;
  readonly reason: string;
}

/** @returns in order of their names */
export async function readMarks(client: ClientBase, connector: string): Promise<NeedsCopy[]> {
  return (await client.query<NeedsCopy>(readSql, [connector])).rows;
}

/** @returns schema.table of each, in order */
export async function readNeedsCopy(client: ClientBase, connector: string): Promise<string[]> {
  return (await readMarks(client, connector)).map(({ table }) => table);
}

const copiedSql = `
  DELETE FROM offtake.needs_copy n
   USING unnest($2::text[], $3::text[]) AS c (name, reason)
   WHERE n.connector = $1 AND n.table_name = c.name AND n.reason = c.reason`;

/**
 * Takes the marks away from tables that have been copied, in the transaction of what was copied last. A mark that has got another reason since the copy was asked for
 * stays: a row that was read before that is not what it should be.
 */
export function copiedStatement(connector: string, copies: readonly CopiedMessage[]): GroupStatement {
  const values = [Buffer.from(connector), arrayText(copies.map(({ table }) => table)), arrayText(copies.map(({ reason }) => reason))];
  return { name: "offtake copied", sql: copiedSql, values, text: true };
}

const doubtSql = `
  UPDATE offtake.needs_copy
     SET reason = reason || '; ' || $2
   WHERE connector = $1 AND position($2 IN reason) = 0`;

/**
 * Records of the topic are gone that were not applied: no transaction is missing, but nobody knows whether rows of a copy were among them.
 *
 * @param start the topic's first offset: with it, a loss is told from the one before, which a copy may have been asked for since
 */
export async function doubtCopies(client: ClientBase, connector: string, start: number): Promise<void> {
  await client.query(doubtSql, [
    connector,
    `records of the topic were removed before they were applied, those before offset ${start}, and rows of its copy may have been among them`,
  ]);
}
