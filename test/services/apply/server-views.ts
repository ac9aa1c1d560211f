/**
 * What PostgreSQL's own views and functions say about a database, without any code of ours: the oracle of the round trip. A reader that reads
 * enum labels in the wrong order finds them in the same wrong order on both sides, and would agree with itself.
 */
import type { Client } from "pg";

const own = "NOT starts_with(n.nspname, 'pg_') AND n.nspname <> 'information_schema'";
const noExtension = (catalog: string): string =>
  `NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '${catalog}'::regclass AND e.objid = o.oid AND e.deptype = 'e')`;

/** Each answers with one text per row, in an order of its own. */
const views: Readonly<Record<string, string>> = {
  // Positions have gaps where columns were dropped, so they only give the order.
  columns: `SELECT (to_jsonb(c) - '{table_catalog,udt_catalog,domain_catalog,collation_catalog,ordinal_position,dtd_identifier}'::text[])::text
    FROM information_schema.columns c JOIN pg_namespace n ON n.nspname = c.table_schema WHERE ${own} ORDER BY table_schema, table_name, ordinal_position`,
  attributes: `SELECT concat_ws(' | ', o.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attgenerated,
      a.attcollation::regcollation, pg_get_expr(d.adbin, d.adrelid), col_description(o.oid, a.attnum), pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(o.relname), a.attname))
    FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace JOIN pg_attribute a ON a.attrelid = o.oid LEFT JOIN pg_attrdef d ON d.adrelid = o.oid AND d.adnum = a.attnum
    WHERE ${own} AND o.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY o.oid::regclass::text, a.attnum`,
  "composite attributes": `SELECT concat_ws(' | ', o.oid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, col_description(o.oid, a.attnum))
    FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace JOIN pg_attribute a ON a.attrelid = o.oid
    WHERE ${own} AND o.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY o.oid::regclass::text, a.attnum`,
  tables: `SELECT concat_ws(' | ', o.oid::regclass, o.relkind, o.relpersistence, o.relispartition, pg_get_partkeydef(o.oid), pg_get_expr(o.relpartbound, o.oid), obj_description(o.oid, 'pg_class'))
    FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace WHERE ${own} AND ${noExtension("pg_class")} ORDER BY 1`,
  inheritance: `SELECT concat_ws(' | ', inhrelid::regclass, inhparent::regclass, inhseqno) FROM pg_inherits ORDER BY 1`,
  constraints: `SELECT concat_ws(' | ', nullif(conrelid, 0)::regclass, nullif(contypid, 0)::regtype, conname, contype, pg_get_constraintdef(o.oid, true), convalidated, coninhcount,
      nullif(conindid, 0)::regclass, obj_description(o.oid, 'pg_constraint'))
    FROM pg_constraint o JOIN pg_namespace n ON n.oid = o.connamespace WHERE ${own} ORDER BY 1`,
  "referential constraints": `SELECT (to_jsonb(c) - '{constraint_catalog,unique_constraint_catalog}'::text[])::text FROM information_schema.referential_constraints c ORDER BY 1`,
  "key columns": `SELECT (to_jsonb(c) - '{constraint_catalog,table_catalog}'::text[])::text FROM information_schema.key_column_usage c ORDER BY 1`,
  indexes: `SELECT concat_ws(' | ', schemaname, tablename, indexname, indexdef) FROM pg_indexes ORDER BY 1`,
  enums: `SELECT enumtypid::regtype || ' ' || string_agg(quote_literal(enumlabel), ',' ORDER BY enumsortorder) FROM pg_enum GROUP BY enumtypid ORDER BY 1`,
  domains: `SELECT (to_jsonb(d) - '{domain_catalog,udt_catalog,collation_catalog}'::text[])::text FROM information_schema.domains d WHERE domain_schema <> 'information_schema' ORDER BY 1`,
  types: `SELECT concat_ws(' | ', o.oid::regtype, o.typtype, format_type(o.typbasetype, o.typtypmod), o.typnotnull, o.typdefault, o.typcollation::regcollation, obj_description(o.oid, 'pg_type'))
    FROM pg_type o JOIN pg_namespace n ON n.oid = o.typnamespace WHERE ${own} AND ${noExtension("pg_type")} ORDER BY 1`,
  ranges: `SELECT concat_ws(' | ', rngtypid::regtype, rngsubtype::regtype, rngmultitypid::regtype, rngcollation::regcollation, opcname, rngsubdiff::regproc)
    FROM pg_range JOIN pg_opclass ON pg_opclass.oid = rngsubopc ORDER BY 1`,
  collations: `SELECT (to_jsonb(o) - '{oid,collnamespace,collowner}'::text[])::text || coalesce(obj_description(o.oid, 'pg_collation'), '')
    FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace WHERE ${own} ORDER BY 1`,
  sequences: `SELECT (to_jsonb(s) - '{last_value}'::text[])::text || coalesce(obj_description((quote_ident(schemaname) || '.' || quote_ident(sequencename))::regclass), '') FROM pg_sequences s ORDER BY 1`,
};

/** By the name of the view. Read with an empty search_path, so that every name has its schema. */
export async function serverViews(client: Client): Promise<Record<string, string[]>> {
  await client.query(
    "BEGIN; SET LOCAL search_path = pg_catalog; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = ISO; SET LOCAL quote_all_identifiers = off",
  );
  await client.query(
    "SET LOCAL standard_conforming_strings = on; SET LOCAL IntervalStyle = postgres; SET LOCAL bytea_output = hex; SET LOCAL extra_float_digits = 1",
  );
  const answers: Record<string, string[]> = {};
  for (const [name, sql] of Object.entries(views)) {
    const { rows } = await client.query<string[]>({ text: sql, rowMode: "array" });
    answers[name] = rows.flat();
  }
  await client.query("ROLLBACK");
  return answers;
}
