/**
 * A connector's publication: what of the service's tables gets into the stream. What it leaves out is missing at the target without any error, so
 * it is compared with the service's tables before anything is read.
 *
 * Source: PostgreSQL documentation, "CREATE PUBLICATION", "pg_publication_tables".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";
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
}

export interface Publication {
  readonly name: string;
  readonly allTables: boolean;
  /** Kinds of change that it leaves out: insert, update, delete, truncate. */
  readonly leavesOut: readonly string[];
  readonly viaRoot: boolean;
  readonly tables: readonly PublishedTable[];
}

const publicationSql = `
  SELECT puballtables AS all_tables, pubviaroot AS via_root,
         array_remove(ARRAY[CASE WHEN NOT pubinsert THEN 'insert' END, CASE WHEN NOT pubupdate THEN 'update' END,
                            CASE WHEN NOT pubdelete THEN 'delete' END, CASE WHEN NOT pubtruncate THEN 'truncate' END], NULL) AS leaves_out
    FROM pg_catalog.pg_publication
   WHERE pubname = $1`;

const tablesSql = `
  SELECT p.schemaname AS schema, p.tablename AS table, p.attnames::text[] AS columns, coalesce(p.rowfilter, '') AS row_filter,
         ARRAY(SELECT a.attname::text
                 FROM pg_catalog.pg_attribute a
                WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                ORDER BY a.attnum) AS publishable,
         concat_ws('.', u.oid, c.oid, r.oid, s.oid) AS membership
    FROM pg_catalog.pg_publication_tables p
    JOIN pg_catalog.pg_publication u ON u.pubname = p.pubname
    JOIN pg_catalog.pg_class c ON c.oid = format('%I.%I', p.schemaname, p.tablename)::regclass
    LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = u.oid AND r.prrelid = c.oid
    LEFT JOIN pg_catalog.pg_publication_namespace s ON s.pnpubid = u.oid AND s.pnnspid = c.relnamespace
   WHERE p.pubname = $1
   ORDER BY 1, 2`;

/** @returns undefined when there is none of that name */
export async function readPublication(client: ClientBase, name: string): Promise<Publication | undefined> {
  const publications = await client.query<{ all_tables: boolean; via_root: boolean; leaves_out: string[] }>(publicationSql, [name]);
  const found = publications.rows[0];
  if (found === undefined) return undefined;
  const tables = await client.query<Omit<PublishedTable, "rowFilter"> & { row_filter: string }>(tablesSql, [name]);
  return {
    name,
    allTables: found.all_tables,
    leavesOut: found.leaves_out,
    viaRoot: found.via_root,
    tables: tables.rows.map(({ row_filter: rowFilter, ...table }) => ({ ...table, rowFilter })),
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
    const published = publication.tables.find((each) => each.schema === schema && each.table === table);
    const quoted = `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
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
    if (published.rowFilter !== "")
      faults.push({
        what: `leaves out rows of ${schema}.${table} (WHERE ${published.rowFilter})`,
        cure: again,
      });
  }
  return faults;
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
