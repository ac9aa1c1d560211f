/**
 * A table that is to be copied, as the catalogs have it: what the stream would say of it, and the order in which it is walked. Read anew for each chunk, under
 * the lock that keeps it as it is: rows of another shape would get their values into the wrong columns, and rows in another order would be passed by.
 *
 * Source: PostgreSQL documentation, "pg_index", "pg_amop"; src/backend/replication/pgoutput/pgoutput.c for what a relation message has.
 */
import type { ClientBase } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { fullName, type TableName } from "../../services/runtime/table-pattern.ts";
import type { NamedType, Relation } from "./pgoutput.ts";

/** A column of the index that the table is walked by. */
export interface WalkColumn {
  readonly name: string;
  /** Of the index, where it is not the column's own. */
  readonly collation: TypeName | null;
  /** Schema of the operators that the index is sorted by: those of an extension's type are not where names are looked for. */
  readonly operators: string;
  /** Of a domain, what is below it. */
  readonly type: TypeName & { readonly isEnum: boolean };
  /** Whether texts that differ are different under the index's collation. */
  readonly deterministic: boolean;
}

interface TypeName {
  readonly schema: string;
  readonly name: string;
}

export interface SnapshotTable extends TableName {
  readonly relation: Relation;
  /** Types that are not built in, as the stream names them. */
  readonly types: readonly NamedType[];
  readonly walk: readonly WalkColumn[];
  readonly partitioned: boolean;
  /** By its statistics and its size now; undefined for a table that was never analysed. */
  readonly estimatedRows: number | undefined;
  readonly estimatedBytes: number;
}

interface CatalogColumn {
  readonly name: string;
  readonly type: number;
  readonly modifier: number;
  readonly base: TypeName;
  readonly identity: boolean;
}

interface CatalogTable {
  readonly oid: number;
  readonly kind: string;
  readonly identity: Relation["replicaIdentity"];
  readonly rows: number | null;
  readonly bytes: number;
  readonly columns: readonly CatalogColumn[];
  readonly walk: readonly (WalkColumn & { readonly usual: boolean })[] | null;
}

// Of a domain the stream has its own number and the name of what is below it. A deferrable primary key is no key (relation-compiler.ts).
const tableSql = `
  WITH RECURSIVE of_table AS (
         SELECT c.oid, c.relkind, c.relreplident, c.reltuples
           FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')),
       walk AS (
         SELECT i.*
           FROM of_table c
           JOIN pg_catalog.pg_index i ON i.indrelid = c.oid
          WHERE CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END AND i.indimmediate),
       tree (oid) AS (SELECT oid FROM of_table UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i ON i.inhparent = tree.oid),
       base AS (
         SELECT a.attnum, t.oid, t.typtype, t.typbasetype, t.typname, t.typnamespace
           FROM of_table c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
          UNION ALL
         SELECT b.attnum, t.oid, t.typtype, t.typbasetype, t.typname, t.typnamespace
           FROM base b JOIN pg_catalog.pg_type t ON b.typtype = 'd' AND t.oid = b.typbasetype)
  SELECT c.oid::int8::float8 AS oid, c.relkind AS kind, c.relreplident AS identity,
         -- As the planner reckons: rows in a page when it was analysed, times the pages of now. One part of which nothing is known makes the whole unknown.
         (SELECT CASE WHEN coalesce(bool_and(p.pages = 0 OR p.reltuples >= 0 AND p.relpages > 0), true)
                      THEN coalesce(sum(p.reltuples / nullif(p.relpages, 0) * p.pages), 0)::float8 END
            FROM (SELECT l.reltuples, l.relpages, pg_catalog.pg_relation_size(l.oid) / current_setting('block_size')::int8 AS pages
                    FROM tree JOIN pg_catalog.pg_class l ON l.oid = tree.oid AND l.relkind = 'r') AS p) AS rows,
         (SELECT coalesce(sum(pg_catalog.pg_table_size(tree.oid)), 0)::float8 FROM tree) AS bytes,
         (SELECT json_agg(json_build_object('name', a.attname, 'type', a.atttypid::int8, 'modifier', a.atttypmod,
                                            'base', json_build_object('schema', n.nspname, 'name', b.typname),
                                            'identity', coalesce(array_position(k.indkey::int2[], a.attnum) < k.indnkeyatts, false)) ORDER BY a.attnum)
            FROM pg_catalog.pg_attribute a
            JOIN base b ON b.attnum = a.attnum AND b.typtype <> 'd'
            JOIN pg_catalog.pg_namespace n ON n.oid = b.typnamespace
            LEFT JOIN walk k ON true
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             AND (a.attgenerated = ''
                  OR a.attgenerated = 's' AND (SELECT to_jsonb(u) ->> 'pubgencols' = 's' FROM pg_catalog.pg_publication u WHERE u.pubname = $3))) AS columns,
         (SELECT json_agg(json_build_object('name', a.attname, 'operators', os.nspname, 'usual', opc.opcdefault AND (k.indoption[place.i] & 3) = 0,
                            'type', json_build_object('schema', tn.nspname, 'name', b.typname, 'isEnum', b.typtype = 'e'),
                            'deterministic', coalesce(co.collisdeterministic, true),
                            'collation', CASE WHEN k.indcollation[place.i] <> a.attcollation THEN json_build_object('schema', cs.nspname, 'name', co.collname) END)
                          ORDER BY place.i)
            FROM walk k
            CROSS JOIN generate_series(0, k.indnkeyatts - 1) AS place (i)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.indkey[place.i]
            JOIN base b ON b.attnum = a.attnum AND b.typtype <> 'd'
            JOIN pg_catalog.pg_namespace tn ON tn.oid = b.typnamespace
            JOIN pg_catalog.pg_opclass opc ON opc.oid = k.indclass[place.i]
            JOIN pg_catalog.pg_amop greater ON greater.amopfamily = opc.opcfamily AND greater.amopstrategy = 5
                                           AND greater.amoplefttype = opc.opcintype AND greater.amoprighttype = opc.opcintype
            JOIN pg_catalog.pg_operator op ON op.oid = greater.amopopr
            JOIN pg_catalog.pg_namespace os ON os.oid = op.oprnamespace
            LEFT JOIN pg_catalog.pg_collation co ON co.oid = k.indcollation[place.i]
            LEFT JOIN pg_catalog.pg_namespace cs ON cs.oid = co.collnamespace) AS walk
    FROM of_table c`;

/** OIDs below it are built in, and the stream does not name them. */
const firstNamed = 10_000;

/**
 * @param publication of the connector: it says whether generated columns are in the stream
 * @throws OfftakeError SNAPSHOT_TABLE_UNSUITABLE for a table that is gone, or has no key to walk it by
 */
export async function readSnapshotTable(source: ClientBase, name: TableName, publication: string): Promise<SnapshotTable> {
  const { rows } = await source.query<CatalogTable>(tableSql, [name.schema, name.table, publication]);
  const found = rows[0];
  if (found === undefined) throw tableGone(name);
  const { walk, columns } = found;
  if (walk === null)
    throw unsuitable(name, "has no key to walk it by", `Give it a primary key that is not deferrable, or copy its rows by hand: ${byHand}`);
  const odd = walk.find(({ usual }) => !usual);
  if (odd !== undefined)
    throw unsuitable(
      name,
      `has an index as REPLICA IDENTITY that is not in the usual order of its column ${odd.name}`,
      "Make it the usual one: a primary key, or a unique index without DESC, NULLS FIRST and an operator class of its own.",
    );
  return {
    ...name,
    relation: {
      oid: found.oid,
      schema: name.schema,
      name: name.table,
      replicaIdentity: found.identity,
      columns: columns.map((column) => ({
        name: column.name,
        key: found.identity === "f" || (found.identity !== "n" && column.identity),
        typeOid: column.type,
        typeModifier: column.modifier,
      })),
    },
    types: columns.filter(({ type }) => type >= firstNamed).map(({ type, base }) => ({ oid: type, ...base })),
    walk,
    partitioned: found.kind === "p",
    estimatedRows: found.rows ?? undefined,
    estimatedBytes: found.bytes,
  };
}

const byHand = "stop writing to it, copy it with pg_dump --data-only, and take its mark away at the target as `status` says.";

export function tableGone(name: TableName): OfftakeError {
  return unsuitable(name, "does not exist", "Take it out of `tables`, or create it.");
}

function unsuitable(name: TableName, what: string, cure: string): OfftakeError {
  return new OfftakeError("SNAPSHOT_TABLE_UNSUITABLE", `The table ${fullName(name)} cannot be copied: it ${what}.`, { cure });
}
