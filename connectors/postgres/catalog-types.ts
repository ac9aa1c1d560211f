/**
 * The types that columns and expressions rest on, down to the built-in ones.
 *
 * A table cannot be created before its enums, an enum's array is named nowhere but comes with it, a domain rests on a domain whose CHECK casts to
 * a composite that has a range in it. One type missed is a table that cannot be created, so the closure is the server's: every edge that
 * pg_type and its neighbours know, followed until built-in types and those of extensions, which are not for us to create.
 *
 * Source: PostgreSQL documentation, pg_type, pg_enum, pg_range, pg_attribute; IsTrueArrayType in catalog/pg_type.h.
 */
import type { ClientBase } from "pg";
import type { QualifiedName, RangeParts } from "./catalog-model.ts";

export interface TypeRow extends QualifiedName {
  oid: number;
  kind: "enum" | "domain" | "composite" | "range" | "row" | "other" | "extension" | "array" | "multirange";
  requires: number[];
  labels: string[];
  base: number;
  typmod: number;
  notNull: boolean;
  default: string | null;
  collation: number | null;
  constraints: { oid: number; name: string; definition: string; validated: boolean }[];
  /** Of a composite or row type: its pg_class. */
  relation: number;
  relationSchema: string | null;
  relationName: string | null;
  attributes: { number: number; name: string; type: number; typmod: number; collation: number | null }[];
  range: RangeRow | null;
}

interface RangeRow extends RangeParts {
  subtype: number;
  collation: number | null;
}

const memberOfExtension = (classId: string, oid: string): string =>
  `SELECT e.extname FROM pg_depend m JOIN pg_extension e ON e.oid = m.refobjid
    WHERE m.classid = '${classId}'::regclass AND m.objid = ${oid} AND m.deptype = 'e'`;

const differenceFunction = `(SELECT json_build_object('schema', n.nspname, 'name', p.proname,
                             'custom', p.oid >= 16384 AND NOT EXISTS (${memberOfExtension("pg_proc", "p.oid")}))
      FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = r.rngsubdiff)`;

const sql = `
WITH RECURSIVE edge(holder, oid) AS (
    SELECT 0::oid, unnest($1::oid[])
  UNION
    SELECT t.oid, part.oid
      FROM edge
      JOIN pg_type t ON t.oid = edge.oid
     CROSS JOIN LATERAL (
           SELECT t.typelem WHERE t.typsubscript = 'array_subscript_handler'::regproc
         UNION ALL
           SELECT t.typbasetype WHERE t.typtype = 'd'
         UNION ALL -- in a domain's default
           SELECT d.refobjid FROM pg_depend d
            WHERE t.typtype = 'd' AND d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.refclassid = 'pg_type'::regclass
         UNION ALL -- in its constraints
           SELECT d.refobjid FROM pg_constraint c
             JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_type'::regclass
            WHERE t.typtype = 'd' AND c.contypid = t.oid AND d.refobjid <> t.oid
         UNION ALL
           SELECT a.atttypid FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid
            WHERE t.typtype = 'c' AND r.oid = t.typrelid AND r.relkind = 'c' AND a.attnum > 0 AND NOT a.attisdropped
         UNION ALL
           SELECT r.rngsubtype FROM pg_range r WHERE t.typtype = 'r' AND r.rngtypid = t.oid
         UNION ALL
           SELECT r.rngtypid FROM pg_range r WHERE t.typtype = 'm' AND r.rngmultitypid = t.oid
           ) AS part(oid)
     WHERE part.oid >= 16384 AND NOT EXISTS (${memberOfExtension("pg_type", "t.oid")})
)
SELECT t.oid,
       n.nspname AS schema,
       t.typname AS name,
       CASE WHEN EXISTS (${memberOfExtension("pg_type", "t.oid")}) THEN 'extension'
            WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN 'array'
            WHEN t.typtype = 'm' THEN 'multirange'
            WHEN t.typtype = 'e' THEN 'enum'
            WHEN t.typtype = 'd' THEN 'domain'
            WHEN t.typtype = 'c' AND rel.relkind = 'c' THEN 'composite'
            WHEN t.typtype = 'c' THEN 'row'
            WHEN t.typtype = 'r' THEN 'range'
            ELSE 'other' END AS kind,
       ARRAY(SELECT DISTINCT edge.oid FROM edge WHERE edge.holder = t.oid) AS requires,
       ARRAY(SELECT l.enumlabel::text FROM pg_enum l WHERE l.enumtypid = t.oid ORDER BY l.enumsortorder) AS labels,
       t.typbasetype AS base,
       t.typtypmod AS typmod,
       t.typnotnull AS "notNull",
       pg_get_expr(t.typdefaultbin, 0) AS default,
       CASE WHEN t.typtype = 'd' AND t.typcollation <> b.typcollation THEN t.typcollation END AS collation,
       coalesce((SELECT json_agg(json_build_object('oid', c.oid::int8, 'name', c.conname, 'definition', pg_get_constraintdef(c.oid),
                                                   'validated', c.convalidated) ORDER BY c.conname)
          FROM pg_constraint c WHERE c.contypid = t.oid AND c.contype = 'c'), '[]') AS constraints,
       t.typrelid AS relation,
       rn.nspname AS "relationSchema",
       rel.relname AS "relationName",
       coalesce((SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname, 'type', a.atttypid::int8, 'typmod', a.atttypmod,
                                 'collation', CASE WHEN a.attcollation <> at.typcollation THEN a.attcollation::int8 END) ORDER BY a.attnum)
          FROM pg_attribute a JOIN pg_type at ON at.oid = a.atttypid
         WHERE rel.relkind = 'c' AND a.attrelid = rel.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS attributes,
       (SELECT json_build_object(
                 'subtype', r.rngsubtype::int8,
                 'multirange', json_build_object('schema', mtn.nspname, 'name', mt.typname),
                 'collation', CASE WHEN r.rngcollation <> st.typcollation THEN r.rngcollation::int8 END,
                 'operatorClass', (SELECT json_build_object('schema', ocn.nspname, 'name', oc.opcname, 'default', oc.opcdefault,
                                                            'extension', (${memberOfExtension("pg_opclass", "oc.oid")}))
                                     FROM pg_opclass oc JOIN pg_namespace ocn ON ocn.oid = oc.opcnamespace WHERE oc.oid = r.rngsubopc),
                 'canonical', r.rngcanonical <> 0,
                 'difference', ${differenceFunction})
          FROM pg_range r JOIN pg_type st ON st.oid = r.rngsubtype JOIN pg_type mt ON mt.oid = r.rngmultitypid
          JOIN pg_namespace mtn ON mtn.oid = mt.typnamespace
         WHERE r.rngtypid = t.oid) AS range
  FROM (SELECT DISTINCT oid FROM edge) AS needed
  JOIN pg_type t ON t.oid = needed.oid AND t.oid >= 16384
  JOIN pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_class rel ON rel.oid = t.typrelid
  LEFT JOIN pg_namespace rn ON rn.oid = rel.relnamespace
 ORDER BY n.nspname, t.typname`;

/** These types and all that they rest on, but for built-in ones; nothing below a type of an extension. */
export async function readTypeRows(client: ClientBase, types: readonly number[]): Promise<TypeRow[]> {
  const { rows } = await client.query<TypeRow>(sql, [types]);
  return rows;
}
