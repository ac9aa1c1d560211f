/**
 * Creates a connector's publication, or adds the tables that it lacks. Nothing is ever taken out of one: what else it publishes is somebody's.
 *
 * Source: PostgreSQL documentation, "CREATE PUBLICATION", "ALTER PUBLICATION".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Partition } from "../../services/runtime/expand-tables.ts";
import { fullName, quotedName, type TableName } from "../../services/runtime/table-pattern.ts";
import { listPartitions } from "./catalog-tables.ts";
import { needsGeneratedSql, type Publication, publishedAs, readPublication, refusePublication } from "./publication.ts";

export interface EnsuredPublication {
  readonly done: "created" | "extended" | "present";
  /** Tables that it did not publish before. */
  readonly added: readonly TableName[];
}

/** What a publication must be told for the monolith to update its rows, and for them to come under their table's name. */
export interface PublicationOptions {
  /** Stored generated columns, which only PostgreSQL 18 and later know. */
  readonly generated: boolean;
  /** Rows of partitions come as rows of the partitioned table. */
  readonly viaRoot: boolean;
}

const optionsSql = `
  SELECT coalesce(bool_or(${needsGeneratedSql}), false) AS generated, coalesce(bool_or(c.relkind = 'p'), false) AS "viaRoot"
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name`;

/**
 * What a publication of these tables needs. Without their generated columns the monolith could no longer update or delete rows.
 *
 * Source: PostgreSQL documentation, "CREATE PUBLICATION", publish_generated_columns, publish_via_partition_root; "Generated Column Replication".
 */
export async function neededOptions(client: ClientBase, tables: readonly TableName[]): Promise<PublicationOptions> {
  const { rows } = await client.query<PublicationOptions>(optionsSql, [tables.map(({ schema }) => schema), tables.map(({ table }) => table)]);
  return rows[0]!;
}

/**
 * @param joining told of the tables that it does not publish yet, before it does
 * @throws OfftakeError PUBLICATION_DIFFERS where it splits a partitioned table, or takes a partition for its root: which of the two is meant, it cannot know
 */
export async function ensurePublication(
  client: ClientBase,
  name: string,
  tables: readonly TableName[],
  joining: (tables: readonly TableName[]) => Promise<void>,
): Promise<EnsuredPublication> {
  const found = await readPublication(client, name);
  if (found === undefined) {
    await joining(tables);
    await client.query(publicationSql(name, tables, await neededOptions(client, tables)));
    return { done: "created", added: tables };
  }
  const publishes = (wanted: TableName): boolean => found.tables.some(({ schema, table }) => schema === wanted.schema && table === wanted.table);
  const added = tables.filter((wanted) => !publishes(wanted));
  // Those that it has under another name would still be there after they were added.
  const misnamed = added.filter(
    (wanted) => publishedAs(found, wanted) !== undefined || found.split.some((each) => each.schema === wanted.schema && each.table === wanted.table),
  );
  if (misnamed.length > 0) refusePublication(name, found, misnamed);
  if (added.length === 0) return { done: "present", added };
  await joining(added);
  const publication = `ALTER PUBLICATION ${escapeIdentifier(name)}`;
  const needed = await neededOptions(client, added);
  if (needed.viaRoot && !found.viaRoot) refuseSwallowed(found, tables, await listPartitions(client));
  const missing = optionList({ generated: needed.generated && !found.generated, viaRoot: needed.viaRoot && !found.viaRoot });
  // Before the tables and, as one message, in one transaction with them: no update of the monolith's may fall in between.
  await client.query(`${missing === "" ? "" : `${publication} SET (${missing}); `}${publication} ADD TABLE ${quoted(added)}`);
  return { done: "extended", added };
}

/** With publish_via_partition_root, partitions that are the service's own tables must not vanish under a root that the publication happens to hold. */
function refuseSwallowed(publication: Publication, tables: readonly TableName[], partitions: readonly Partition[]): void {
  for (const { ancestors, schema, table } of partitions) {
    const root = ancestors.find((ancestor) => publication.split.some((each) => fullName(each) === fullName(ancestor)));
    if (root === undefined || !tables.some((each) => fullName(each) === fullName({ schema, table }))) continue;
    const name = escapeIdentifier(publication.name);
    throw new OfftakeError(
      "PUBLICATION_DIFFERS",
      `The publication ${publication.name} needs publish_via_partition_root for a partitioned table, and holds ${fullName(root)}: changes of its partition ${schema}.${table}, which is a table of its own, would come as changes of ${fullName(root)}.`,
      {
        cure: `BEGIN; ALTER PUBLICATION ${name} DROP TABLE ${quoted([root])}; ALTER PUBLICATION ${name} ADD TABLE ${quoted([{ schema, table }])}; COMMIT; -- and its other partitions`,
      },
    );
  }
}

/** The statement that creates it. */
export function publicationSql(name: string, tables: readonly TableName[], options: PublicationOptions): string {
  const list = optionList(options);
  return `CREATE PUBLICATION ${escapeIdentifier(name)} FOR TABLE ${quoted(tables)}${list === "" ? "" : ` WITH (${list})`};`;
}

function optionList({ generated, viaRoot }: PublicationOptions): string {
  return [...(generated ? ["publish_generated_columns = stored"] : []), ...(viaRoot ? ["publish_via_partition_root = true"] : [])].join(", ");
}

function quoted(tables: readonly TableName[]): string {
  return tables.map(quotedName).join(", ");
}
