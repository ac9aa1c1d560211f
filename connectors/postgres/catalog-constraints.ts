/**
 * Constraints, with the text that PostgreSQL itself would create them from.
 *
 * pg_constraint holds more rows than there are constraints: a foreign key to a partitioned table has one more for each partition on the other
 * side, with conparentid set and on the same table. Created one by one they would be dozens of foreign keys. A partition's own copies of its
 * parent's constraints look alike, but are needed where the partition is created before it is attached; `inherited` marks those.
 *
 * NOT NULL is a constraint with a name since PostgreSQL 18 only; before, the column's flag is all there is.
 *
 * Source: PostgreSQL documentation, pg_constraint, pg_get_constraintdef.
 */
import type { ClientBase } from "pg";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import type { CatalogConstraint, ConstraintKind, ForeignKeyAction } from "./catalog-model.ts";

export interface ConstraintRow {
  table: number;
  oid: number;
  name: string;
  contype: "p" | "u" | "c" | "x" | "f" | "n";
  definition: string | null;
  columns: string[];
  deferrable: boolean;
  initiallyDeferred: boolean;
  validated: boolean;
  enforced: boolean;
  noInherit: boolean;
  inherited: boolean;
  index: number | null;
  foreignSchema: string | null;
  foreignTable: string | null;
  foreignColumns: string[];
  onUpdate: string;
  onDelete: string;
}

const sql = `
SELECT c.conrelid AS table,
       c.oid,
       c.conname AS name,
       c.contype,
       pg_get_constraintdef(c.oid) AS definition,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY AS k(number, place)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.place) AS columns,
       c.condeferrable AS deferrable,
       c.condeferred AS "initiallyDeferred",
       c.convalidated AS validated,
       coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true) AS enforced, -- PostgreSQL 18
       c.connoinherit AND c.contype IN ('c', 'n') AS "noInherit", -- of keys it says nothing
       c.coninhcount > 0 OR c.conparentid <> 0 AS inherited,
       nullif(c.conindid, 0) AS index,
       fn.nspname AS "foreignSchema",
       f.relname AS "foreignTable",
       ARRAY(SELECT a.attname::text FROM unnest(c.confkey) WITH ORDINALITY AS k(number, place)
               JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number ORDER BY k.place) AS "foreignColumns",
       c.confupdtype AS "onUpdate",
       c.confdeltype AS "onDelete"
  FROM pg_constraint c
  LEFT JOIN pg_class f ON f.oid = c.confrelid
  LEFT JOIN pg_namespace fn ON fn.oid = f.relnamespace
  LEFT JOIN pg_constraint parent ON parent.oid = c.conparentid
 WHERE c.conrelid = ANY($1::oid[])
   AND c.contype IN ('p', 'u', 'c', 'x', 'f', 'n')
   AND parent.conrelid IS DISTINCT FROM c.conrelid
 ORDER BY c.conrelid, c.conname`;

export async function readConstraintRows(client: ClientBase, tables: readonly number[]): Promise<ConstraintRow[]> {
  const { rows } = await client.query<ConstraintRow>(sql, [tables]);
  return rows;
}

export interface ReferenceRow extends TableName {
  to: number;
  constraint: string;
}

const referencesSql = `
SELECT c.confrelid AS to, n.nspname AS schema, r.relname AS table, c.conname AS constraint
  FROM pg_constraint c
  JOIN pg_class r ON r.oid = c.conrelid
  JOIN pg_namespace n ON n.oid = r.relnamespace
 WHERE c.contype = 'f' AND c.confrelid = ANY($1::oid[]) AND c.conrelid <> c.confrelid AND c.conparentid = 0
 ORDER BY c.confrelid, n.nspname, r.relname, c.conname`;

/** Foreign keys of other tables to these. */
export async function readReferenceRows(client: ClientBase, tables: readonly number[]): Promise<ReferenceRow[]> {
  const { rows } = await client.query<ReferenceRow>(referencesSql, [tables]);
  return rows;
}

const kinds: Readonly<Record<ConstraintRow["contype"], ConstraintKind>> = {
  p: "primary key",
  u: "unique",
  c: "check",
  x: "exclusion",
  f: "foreign key",
  n: "not null",
};

const actions: Readonly<Record<string, ForeignKeyAction>> = { a: "no action", r: "restrict", c: "cascade", n: "set null", d: "set default" };

/** The row as the model has it; what it needs and its comment are read elsewhere. */
export function constraintOf(
  row: ConstraintRow,
  definition: string,
  needs: CatalogConstraint["needs"],
  comment: CatalogConstraint["comment"],
): CatalogConstraint {
  const { oid, name, columns, deferrable, initiallyDeferred, validated, enforced, noInherit, inherited, index } = row;
  const references =
    row.foreignSchema === null || row.foreignTable === null
      ? null
      : {
          schema: row.foreignSchema,
          table: row.foreignTable,
          columns: row.foreignColumns,
          onUpdate: actions[row.onUpdate] ?? "no action",
          onDelete: actions[row.onDelete] ?? "no action",
        };
  const flags = { deferrable, initiallyDeferred, validated, enforced, noInherit, inherited };
  return { oid, name, kind: kinds[row.contype], definition, columns, ...flags, index, references, needs, comment };
}
