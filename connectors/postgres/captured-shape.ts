/**
 * What of a captured table's catalog entry tells that its rows were changed by something that is not in the stream: kept with the list of captured
 * tables, and compared at the next look (shape-change.ts). A field that is missing here is a kind of change that nobody notices.
 *
 * Source: PostgreSQL documentation, pg_class, pg_attribute, pg_inherits, pg_enum, "System Columns". Tried on PostgreSQL 15, 16, 17 and 18.
 */
import type { ClientBase } from "pg";
import { fullName, quotedName, type TableName } from "../../services/runtime/table-pattern.ts";
import { sqlState } from "./session.ts";

/** Where rows are stored. TRUNCATE, VACUUM FULL, CLUSTER and an ALTER TABLE that rewrites give a table another file. */
export interface StoredShape {
  /** relfilenode; 0 for none. */
  readonly file: number;
  /** OID of the TOAST table; 0 for none. Of what gives a table another file, an ALTER TABLE gives it another TOAST table too, and nothing else does. */
  readonly toast: number;
  readonly unlogged: boolean;
}

export interface CapturedColumn {
  readonly number: number;
  readonly name: string;
  /** OID. */
  readonly type: number;
  readonly modifier: number;
  /** Transaction that wrote its row of pg_attribute. */
  readonly written: string;
}

export interface CapturedEnumValue {
  readonly oid: number;
  readonly type: string;
  readonly label: string;
}

/** A table below a partitioned one. */
export interface CapturedPartition extends StoredShape {
  readonly oid: number;
  readonly name: string;
  /** OID of what it is directly a partition of. */
  readonly parent: number;
  readonly leaf: boolean;
  /** Transaction that made it one: another one means that it was out. */
  readonly joined: string;
  /** Whether it was created as a partition, so that all its rows came as the root's. */
  readonly born: boolean;
  /** Transaction that wrote its row of pg_class. */
  readonly written: string;
  /** Whether VACUUM FULL or CLUSTER wrote its file last, and found rows. */
  readonly compacted: boolean;
  /** Which rows it has, as SQL; null for all. */
  readonly where: string | null;
}

export interface CapturedShape extends StoredShape {
  readonly oid: number;
  readonly partitioned: boolean;
  readonly columns: readonly CapturedColumn[];
  /** Of the enums that its columns hold, in whatever they are wrapped. */
  readonly enums: readonly CapturedEnumValue[];
  readonly partitions: readonly CapturedPartition[];
}

// ATTACH PARTITION writes every column's row anew, in the command that writes the row of pg_inherits; PARTITION OF has written some of them before. So a
// column's row that is older than that of pg_inherits, and of the same transaction, shows that the table never was anything but a partition.
const bornSql = `
  EXISTS (SELECT FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = i.inhrelid AND a.attnum > 0 AND NOT a.attisdropped
             AND a.xmin = i.xmin AND a.cmin::text::int8 < i.cmin::text::int8)`;

// TRUNCATE writes the TOAST table's row between those of the table and of its first index; VACUUM FULL and CLUSTER write the index's in the next command. An
// index that was built later has another transaction, or a later command.
const compactedSql = `
  (p.reltoastrelid <> 0 AND p.reltuples > 0
   AND coalesce((SELECT bool_and(x.xmin = p.xmin) AND min(x.cmin::text::int8) = p.cmin::text::int8 + 1
                   FROM pg_catalog.pg_index ix JOIN pg_catalog.pg_class x ON x.oid = ix.indexrelid
                  WHERE ix.indrelid = p.oid), false))`;

// An array, a domain, a composite or a range of an enum holds its values, too.
const enumsSql = `
  WITH RECURSIVE held AS (
    SELECT a.atttypid AS oid FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid >= 16384
    UNION
    SELECT inner_type.oid
      FROM held
      JOIN pg_catalog.pg_type t ON t.oid = held.oid
      CROSS JOIN LATERAL (SELECT t.typelem AS oid UNION ALL SELECT t.typbasetype
                          UNION ALL SELECT f.atttypid FROM pg_catalog.pg_attribute f WHERE f.attrelid = t.typrelid AND t.typrelid <> 0 AND f.attnum > 0 AND NOT f.attisdropped
                          UNION ALL SELECT r.rngsubtype FROM pg_catalog.pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)) AS inner_type
     WHERE inner_type.oid >= 16384
  )
  SELECT json_agg(json_build_object('oid', e.oid::int8, 'type', format('%I.%I', n.nspname, t.typname), 'label', e.enumlabel) ORDER BY e.oid)
    FROM held
    JOIN pg_catalog.pg_enum e ON e.enumtypid = held.oid
    JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace`;

const shapesSql = `
  SELECT n.nspname AS schema, c.relname AS table,
         json_build_object(
           'oid', c.oid::int8, 'partitioned', c.relkind = 'p', 'file', c.relfilenode::int8, 'toast', c.reltoastrelid::int8, 'unlogged', c.relpersistence = 'u',
           'columns', (SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname, 'type', a.atttypid::int8, 'modifier', a.atttypmod, 'written', a.xmin::text)
                                       ORDER BY a.attnum)
                         FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
           'enums', (${enumsSql}),
           'partitions', CASE c.relkind WHEN 'p' THEN
             (SELECT json_agg(json_build_object(
                       'oid', p.oid::int8, 'name', pn.nspname || '.' || p.relname, 'parent', i.inhparent::int8, 'leaf', tree.isleaf, 'joined', i.xmin::text, 'born', ${bornSql},
                       'file', p.relfilenode::int8, 'toast', p.reltoastrelid::int8, 'unlogged', p.relpersistence = 'u', 'written', p.xmin::text,
                       'compacted', ${compactedSql}, 'where', pg_catalog.pg_get_partition_constraintdef(p.oid)) ORDER BY p.oid)
                FROM pg_catalog.pg_partition_tree(c.oid) AS tree
                JOIN pg_catalog.pg_inherits i ON i.inhrelid = tree.relid AND NOT i.inhdetachpending
                JOIN pg_catalog.pg_class p ON p.oid = tree.relid
                JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace) END) AS shape
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name`;

type Nullable<T> = { readonly [key in keyof T]: T[key] | null };

/** @returns by schema.table */
export async function readCapturedShapes(source: ClientBase, tables: readonly TableName[]): Promise<Map<string, CapturedShape>> {
  const { rows } = await source.query<
    TableName & {
      shape: Pick<CapturedShape, "oid" | "partitioned" | keyof StoredShape> & Nullable<Pick<CapturedShape, "columns" | "enums" | "partitions">>;
    }
  >(shapesSql, [tables.map(({ schema }) => schema), tables.map(({ table }) => table)]);
  return new Map(
    rows.map(({ shape, ...name }) => [
      fullName(name),
      { ...shape, columns: shape.columns ?? [], enums: shape.enums ?? [], partitions: shape.partitions ?? [] },
    ]),
  );
}

// A table without a page has no rows, and everybody may see that: few give rights to each new partition, which nobody names.
const nameSql = `
  SELECT n.nspname AS schema, c.relname AS table, pg_catalog.pg_relation_size(c.oid) = 0 AS blank
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = $1`;

/** SQLSTATEs of a look that is not allowed, that takes too long, and of a table that is gone or locked. */
const unseen: ReadonlySet<string> = new Set(["42501", "57014", "42P01", "55P03"]);

/** @returns OIDs of those that have rows; one that cannot be looked into counts as if it had */
export async function partitionsWithRows(source: ClientBase, partitions: readonly CapturedPartition[]): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (const { oid } of partitions) {
    try {
      const { rows: names } = await source.query<TableName & { blank: boolean | null }>(nameSql, [oid]);
      const [name] = names;
      if (name === undefined || name.blank === true) continue;
      const { rows } = await source.query<{ some: boolean }>(`SELECT EXISTS (SELECT FROM ${quotedName(name)}) AS some`);
      if (rows[0]?.some !== false) found.add(oid);
    } catch (error) {
      if (!unseen.has(sqlState(error) ?? "")) throw error;
      found.add(oid);
    }
  }
  return found;
}
