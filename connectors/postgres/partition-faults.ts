/**
 * What the partitions of a captured partitioned table must have. Their rows come under the root's name and with the root's key, but what is logged of
 * an old row is decided by each partition's own REPLICA IDENTITY, and a new partition gets DEFAULT whatever its root has: where that is without a column of
 * the key, an update of that column looks like one of another row, and nothing in the stream says so.
 *
 * Source: PostgreSQL documentation, "ALTER TABLE", REPLICA IDENTITY; "Table Partitioning", Limitations.
 */
import type { ClientBase } from "pg";
import { fullName, quotedName, type TableName } from "../../services/runtime/table-pattern.ts";

/** A table below a partitioned one, and what of its old rows is logged. */
export interface LeafIdentity extends TableName {
  readonly foreign: boolean;
  readonly unlogged: boolean;
  /** REPLICA IDENTITY FULL. */
  readonly whole: boolean;
  /** Of its replica identity; empty for none. */
  readonly columns: readonly string[];
  /** REPLICA IDENTITY that has its root's key, as ALTER TABLE takes it. */
  readonly cure: string;
  readonly virtuals: readonly string[];
}

export interface PartitionedTable extends TableName {
  /** By which the target finds a row; empty for all columns. */
  readonly key: readonly string[];
  readonly leaves: readonly LeafIdentity[];
}

const columnsOf = (index: string): string =>
  `SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = ${index}.indrelid AND array_position(${index}.indkey::int2[], a.attnum) < ${index}.indnkeyatts`;

// The key of a root is that of its replica identity, or under FULL of a primary key that is not deferrable: see relation-compiler.ts.
const treesSql = `
  SELECT n.nspname AS schema, c.relname AS table,
         ARRAY(SELECT k.attname::text
                 FROM pg_catalog.pg_index i, LATERAL (${columnsOf("i")}) AS k
                WHERE i.indexrelid = root.index) AS key,
         (SELECT json_agg(json_build_object(
                   'schema', ln.nspname, 'table', l.relname, 'foreign', l.relkind = 'f', 'unlogged', l.relpersistence = 'u', 'whole', l.relreplident = 'f',
                   'columns', ARRAY(SELECT k.attname FROM pg_catalog.pg_index i, LATERAL (${columnsOf("i")}) AS k
                                     WHERE i.indrelid = l.oid AND i.indimmediate AND i.indisvalid
                                       AND CASE l.relreplident WHEN 'i' THEN i.indisreplident WHEN 'd' THEN i.indisprimary ELSE false END),
                   'cure', coalesce((SELECT CASE WHEN i.indisprimary THEN 'DEFAULT' ELSE 'USING INDEX ' || quote_ident(x.relname) END
                                       FROM pg_catalog.pg_index i
                                       JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
                                      WHERE i.indrelid = l.oid AND i.indexrelid IN (SELECT relid FROM pg_catalog.pg_partition_tree(root.index))), 'FULL'),
                   'virtuals', ARRAY(SELECT a.attname FROM pg_catalog.pg_attribute a WHERE a.attrelid = l.oid AND a.attgenerated = 'v' AND NOT a.attisdropped))
                 ORDER BY ln.nspname, l.relname)
            FROM pg_catalog.pg_partition_tree(c.oid) AS tree
            JOIN pg_catalog.pg_class l ON l.oid = tree.relid
            JOIN pg_catalog.pg_namespace ln ON ln.oid = l.relnamespace
           WHERE l.relkind <> 'p') AS leaves
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind = 'p'
    LEFT JOIN LATERAL (SELECT i.indexrelid AS index
                         FROM pg_catalog.pg_index i
                        WHERE i.indrelid = c.oid AND i.indimmediate AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END) root ON true
   ORDER BY 1, 2`;

/** Those of the tables that are partitioned. */
export async function readPartitioned(source: ClientBase, tables: readonly TableName[]): Promise<PartitionedTable[]> {
  const { rows } = await source.query<Omit<PartitionedTable, "leaves"> & { leaves: LeafIdentity[] | null }>(treesSql, [
    tables.map(({ schema }) => schema),
    tables.map(({ table }) => table),
  ]);
  return rows.map(({ leaves, ...table }) => ({ ...table, leaves: leaves ?? [] }));
}

export interface PartitionFault {
  readonly partition: TableName;
  /** What is wrong, behind "the table …". */
  readonly what: string;
  readonly cure: string;
}

/** Why changes of some partitions do not come, or cannot be told apart. Pure. */
export function partitionFaults({ schema, table, key, leaves }: PartitionedTable): PartitionFault[] {
  return leaves.flatMap((leaf): PartitionFault[] => {
    const name = quotedName(leaf);
    const say = (what: string, cure: string): PartitionFault[] => [{ partition: leaf, what, cure }];
    if (leaf.foreign)
      return say(
        `has the foreign partition ${fullName(leaf)}: its changes are not in the WAL`,
        `ALTER TABLE ${quotedName({ schema, table })} DETACH PARTITION ${name}; -- or name the other partitions in \`tables\``,
      );
    if (leaf.unlogged) return say(`has the unlogged partition ${fullName(leaf)}: its changes are not in the WAL`, `ALTER TABLE ${name} SET LOGGED;`);
    if (leaf.whole && leaf.virtuals.length > 0)
      return say(
        `has the partition ${fullName(leaf)} with REPLICA IDENTITY FULL and the virtual generated column ${leaf.virtuals.join(", ")}: once it is published, the monolith itself refuses to update or delete its rows`,
        `ALTER TABLE ${name} REPLICA IDENTITY ${leaf.cure === "FULL" ? "USING INDEX …" : leaf.cure};`,
      );
    if (leaf.whole) return [];
    const missing = key.filter((column) => !leaf.columns.includes(column));
    if (key.length > 0 && missing.length === 0) return [];
    return say(
      `has the partition ${fullName(leaf)}, whose REPLICA IDENTITY is without ${key.length === 0 ? "the whole row, by which rows are found" : `${missing.join(", ")} of the key`}`,
      `ALTER TABLE ${name} REPLICA IDENTITY ${leaf.cure};`,
    );
  });
}
