/**
 * Sequences that tables own or draw from, with their parameters.
 *
 * Where a sequence counts is not read: it moves on while anybody looks. It is set at the cutover, from both sides. Who else draws from it is read,
 * because two databases that count for one key hand out the same number twice.
 *
 * Source: PostgreSQL documentation, pg_sequence; pg_depend (an owned sequence depends on its column, `a` for serial, `i` for identity).
 */
import type { ClientBase } from "pg";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import type { CatalogSequence } from "./catalog-model.ts";

interface OwnerRow {
  sequence: number;
  table: number;
  owner: NonNullable<CatalogSequence["owner"]>;
}

/** A sequence, with the OID of the table that owns it. */
export interface OwnedSequence {
  sequence: CatalogSequence;
  ownerOid: number | null;
}

// Three queries over sets, joined here. As one they depend on statistics, which a database that was just restored does not have: pg_depend was
// read once for every sequence.
const ownersSql = `
SELECT d.objid AS sequence,
       d.refobjid AS table,
       json_build_object('schema', n.nspname, 'table', t.relname, 'column', a.attname,
                         'kind', CASE d.deptype WHEN 'i' THEN 'identity' ELSE 'serial' END) AS owner
  FROM pg_depend d
  JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
  JOIN pg_class t ON t.oid = d.refobjid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
   AND (d.refobjid = ANY($1::oid[]) OR d.objid = ANY($2::oid[]))`;

const usersSql = `
SELECT d.refobjid AS sequence, n.nspname AS schema, t.relname AS table, a.attname AS column
  FROM pg_depend d
  JOIN pg_attrdef f ON f.oid = d.objid
  JOIN pg_class t ON t.oid = f.adrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
  JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum
 WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = ANY($1::oid[])
 ORDER BY n.nspname, t.relname, a.attnum`;

const sql = `
SELECT c.oid,
       n.nspname AS schema,
       c.relname AS name,
       format_type(s.seqtypid, NULL) AS type,
       s.seqstart::text AS start,
       s.seqincrement::text AS increment,
       s.seqmin::text AS minimum,
       s.seqmax::text AS maximum,
       s.seqcache::text AS cache,
       s.seqcycle AS cycle
  FROM pg_sequence s
  JOIN pg_class c ON c.oid = s.seqrelid
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE s.seqrelid = ANY($1::oid[])
 ORDER BY n.nspname, c.relname`;

/**
 * @param tables whose owned sequences are wanted
 * @param sequences others that are wanted, by OID
 * @returns in the order of their names, without comments
 */
export async function readSequences(client: ClientBase, tables: readonly number[], sequences: readonly number[]): Promise<OwnedSequence[]> {
  const { rows: ownerRows } = await client.query<OwnerRow>(ownersSql, [tables, sequences]);
  const owners = new Map(ownerRows.map((row) => [row.sequence, row]));
  const wanted = [...new Set([...owners.keys(), ...sequences])];
  const { rows: userRows } = await client.query<TableName & { sequence: number; column: string }>(usersSql, [wanted]);
  const users = Map.groupBy(userRows, (row) => row.sequence);
  const { rows } = await client.query<Omit<CatalogSequence, "owner" | "usedBy" | "comment">>(sql, [wanted]);
  return rows.map((row) => {
    const usedBy = (users.get(row.oid) ?? []).map(({ schema, table, column }) => ({ schema, table, column }));
    return { sequence: { ...row, owner: owners.get(row.oid)?.owner ?? null, usedBy, comment: null }, ownerOid: owners.get(row.oid)?.table ?? null };
  });
}
