/**
 * A connector's publication: what of the service's tables gets into the stream. What it leaves out is missing at the target without any error, so
 * it is compared with the service's tables before anything is read.
 *
 * Source: PostgreSQL documentation, "CREATE PUBLICATION", "pg_publication_tables".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { quotedName, type TableName } from "../../services/runtime/table-pattern.ts";
import type { CapturedTable } from "./captured-tables.ts";

export interface PublishedTable extends TableName {
  /** Columns that are published; the view names them all where there is no list. */
  readonly columns: readonly string[];
  /** Columns of the table that can be published: those that are not generated. */
  readonly publishable: readonly string[];
  /** The WHERE clause; empty for none. */
  readonly rowFilter: string;
  /** OIDs of the publication, of the table, and of what joins them: one that is new means that the table was out, or is another one. */
  readonly membership: string;
  /** Whether the server refuses to update or delete its rows where the publication is without their generated columns. */
  readonly needsGenerated: boolean;
  /** Partitions whose changes come under this table's name, for which there is no event of their own. */
  readonly partitions: readonly TableName[];
}

export interface Publication {
  readonly name: string;
  readonly allTables: boolean;
  /** Kinds of change that it leaves out: insert, update, delete, truncate. */
  readonly leavesOut: readonly string[];
  readonly viaRoot: boolean;
  /** Whether it has the stored generated columns, which no server before 18 can publish. */
  readonly generated: boolean;
  readonly tables: readonly PublishedTable[];
  /** Partitioned tables that it holds and of which it publishes the partitions, each under its own name. */
  readonly split: readonly TableName[];
}

const publicationSql = `
  SELECT puballtables AS all_tables, pubviaroot AS via_root, coalesce(to_jsonb(p) ->> 'pubgencols' = 's', false) AS generated,
         array_remove(ARRAY[CASE WHEN NOT pubinsert THEN 'insert' END, CASE WHEN NOT pubupdate THEN 'update' END,
                            CASE WHEN NOT pubdelete THEN 'delete' END, CASE WHEN NOT pubtruncate THEN 'truncate' END], NULL) AS leaves_out
    FROM pg_catalog.pg_publication p
   WHERE pubname = $1`;

/**
 * Under REPLICA IDENTITY FULL every column is the identity, and from PostgreSQL 18 on one that is not published takes the table's updates away. Of a
 * partitioned table it is the identity of the partition that counts.
 */
export const needsGeneratedSql = `
  (current_setting('server_version_num')::int4 >= 180000
   AND EXISTS (SELECT 1 FROM pg_catalog.pg_attribute g WHERE g.attrelid = c.oid AND g.attgenerated = 's' AND NOT g.attisdropped)
   AND EXISTS (SELECT 1
                 FROM (SELECT c.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)) AS parts (oid)
                 JOIN pg_catalog.pg_class f ON f.oid = parts.oid AND f.relreplident = 'f'))`;

// A partitioned table's rows come under other names while publish_via_partition_root is off, so any ALTER PUBLICATION … SET makes it a member anew.
// Joined by name: a cast to regclass may be made of tables that are not published, in schemas that the role may not look into.
const tablesSql = `
  SELECT p.schemaname AS schema, p.tablename AS table, p.attnames::text[] AS columns, coalesce(p.rowfilter, '') AS row_filter,
         ARRAY(SELECT a.attname::text
                 FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                ORDER BY a.attnum) AS publishable,
         concat_ws('.', u.oid, c.oid, r.oid, s.oid, CASE WHEN c.relkind = 'p' THEN u.xmin::text END) AS membership, ${needsGeneratedSql} AS needs_generated,
         coalesce((SELECT json_agg(json_build_object('schema', (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = l.relnamespace), 'table', l.relname))
                     FROM pg_catalog.pg_partition_tree(c.oid) AS tree
                     JOIN pg_catalog.pg_class l ON l.oid = tree.relid
                    WHERE u.pubviaroot AND tree.relid <> c.oid), '[]') AS partitions
    FROM pg_catalog.pg_publication_tables p
    JOIN pg_catalog.pg_publication u ON u.pubname = p.pubname
    JOIN pg_catalog.pg_namespace own ON own.nspname = p.schemaname
    JOIN pg_catalog.pg_class c ON c.relnamespace = own.oid AND c.relname = p.tablename
    LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = u.oid AND r.prrelid = c.oid
    LEFT JOIN pg_catalog.pg_publication_namespace s ON s.pnpubid = u.oid AND s.pnnspid = c.relnamespace
   WHERE p.pubname = $1
   ORDER BY 1, 2`;

const splitSql = `
  SELECT n.nspname AS schema, c.relname AS table
    FROM pg_catalog.pg_publication u
    JOIN pg_catalog.pg_class c ON c.relkind = 'p'
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE u.pubname = $1 AND NOT u.pubviaroot
     AND (u.puballtables OR EXISTS (SELECT FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = u.oid AND r.prrelid = c.oid)
          OR EXISTS (SELECT FROM pg_catalog.pg_publication_namespace s WHERE s.pnpubid = u.oid AND s.pnnspid = c.relnamespace))`;

/** @returns undefined when there is none of that name */
export async function readPublication(client: ClientBase, name: string): Promise<Publication | undefined> {
  const publications = await client.query<{ all_tables: boolean; via_root: boolean; generated: boolean; leaves_out: string[] }>(publicationSql, [
    name,
  ]);
  const found = publications.rows[0];
  if (found === undefined) return undefined;
  const tables = await client.query<Omit<PublishedTable, "rowFilter" | "needsGenerated"> & { row_filter: string; needs_generated: boolean }>(
    tablesSql,
    [name],
  );
  return {
    name,
    allTables: found.all_tables,
    leavesOut: found.leaves_out,
    viaRoot: found.via_root,
    generated: found.generated,
    tables: tables.rows.map(({ row_filter: rowFilter, needs_generated: needsGenerated, ...table }) => ({ ...table, rowFilter, needsGenerated })),
    split: (await client.query<TableName>(splitSql, [name])).rows,
  };
}

/** One thing that the publication would keep from the target, and the SQL that mends it. */
export interface PublicationFault {
  readonly what: string;
  readonly cure: string;
}

/** Pure. @param tables the service's, as the catalog names them */
export function publicationFaults(publication: Publication, tables: readonly TableName[]): PublicationFault[] {
  const name = escapeIdentifier(publication.name);
  const faults: PublicationFault[] = [];
  if (publication.leavesOut.length > 0)
    faults.push({
      what: `does not publish ${publication.leavesOut.join(", ")}`,
      cure: `ALTER PUBLICATION ${name} SET (publish = 'insert, update, delete, truncate');`,
    });
  for (const { schema, table } of tables) {
    const published = publication.tables.find((each) => isSame(each, { schema, table }));
    const quoted = quotedName({ schema, table });
    const root = publishedAs(publication, { schema, table });
    if (published === undefined && root !== undefined) {
      const whole = quotedName(root);
      const needed = publication.tables.some((each) => each.partitions.length > 0 && tables.some((own) => isSame(own, each)));
      faults.push({
        what: `has publish_via_partition_root: changes of the partition ${schema}.${table} come as changes of ${root.schema}.${root.table}, and TRUNCATE of it alone does not come at all`,
        cure: needed
          ? `BEGIN; ALTER PUBLICATION ${name} DROP TABLE ${whole}; ALTER PUBLICATION ${name} ADD TABLE ${quoted}; COMMIT; -- and its other partitions`
          : `ALTER PUBLICATION ${name} SET (publish_via_partition_root = false);`,
      });
      continue;
    }
    if (published === undefined && publication.split.some((each) => isSame(each, { schema, table }))) {
      faults.push({
        what: `has not publish_via_partition_root: changes of the partitioned table ${schema}.${table} come as changes of its partitions`,
        cure: `ALTER PUBLICATION ${name} SET (publish_via_partition_root = true);`,
      });
      continue;
    }
    if (published === undefined) {
      faults.push({ what: `does not hold the table ${schema}.${table}`, cure: `ALTER PUBLICATION ${name} ADD TABLE ${quoted};` });
      continue;
    }
    // In one transaction: no row may find the table out of the publication.
    const again = `BEGIN; ALTER PUBLICATION ${name} DROP TABLE ${quoted}; ALTER PUBLICATION ${name} ADD TABLE ${quoted}; COMMIT;`;
    const missing = published.publishable.filter((column) => !published.columns.includes(column));
    if (missing.length > 0)
      faults.push({
        what: `leaves out the columns ${missing.join(", ")} of ${schema}.${table}`,
        cure: again,
      });
    if (published.needsGenerated && !publication.generated)
      faults.push({
        what: `leaves out the generated columns of ${schema}.${table}, which has REPLICA IDENTITY FULL: the monolith itself refuses to update or delete its rows`,
        cure: `ALTER PUBLICATION ${name} SET (publish_generated_columns = stored);`,
      });
    if (published.rowFilter !== "")
      faults.push({
        what: `leaves out rows of ${schema}.${table} (WHERE ${published.rowFilter})`,
        cure: again,
      });
  }
  return faults;
}

function isSame(a: TableName, b: TableName): boolean {
  return a.schema === b.schema && a.table === b.table;
}

/** @returns the partitioned table under whose name the publication has the changes of this one; undefined for none */
export function publishedAs(publication: Publication, { schema, table }: TableName): PublishedTable | undefined {
  return publication.tables.find(({ partitions }) => partitions.some((each) => each.schema === schema && each.table === table));
}

/**
 * @returns the publication, which has all that the service needs
 * @throws OfftakeError PUBLICATION_MISSING, PUBLICATION_DIFFERS with the first fault
 */
export function refusePublication(name: string, publication: Publication | undefined, tables: readonly TableName[]): Publication {
  if (publication === undefined)
    throw new OfftakeError("PUBLICATION_MISSING", `The publication ${name} does not exist at the source.`, {
      cure: "Run `offtake up`, which creates it.",
    });
  const [fault] = publicationFaults(publication, tables);
  if (fault !== undefined) throw new OfftakeError("PUBLICATION_DIFFERS", `The publication ${name} ${fault.what}.`, { cure: fault.cure });
  return publication;
}

/** Those of the service's tables that it publishes, as captured-tables.ts keeps them. */
export function capturedTables(publication: Publication, tables: readonly TableName[]): CapturedTable[] {
  return publication.tables
    .filter((published) => tables.some(({ schema, table }) => published.schema === schema && published.table === table))
    .map(({ schema, table, membership }) => ({ name: `${schema}.${table}`, membership }));
}
