/**
 * Reads what PostgreSQL's catalogs say about tables and all that they rest on.
 *
 * A target is created from this and judged by it. What is read in two snapshots contradicts itself (a column of one moment, an index of another);
 * what is read table by table takes a minute on a monolith. So: one snapshot, and a fixed number of queries however many tables there are.
 * The functions that print definitions look at the present, not at the snapshot. A definition that vanishes meanwhile is an error that says to
 * read again; one that changes at that very moment is not noticed, unless the statement made from it fails, which rolls everything back.
 *
 * No table is locked and no row read. Every role may read the catalogs.
 *
 * Source: PostgreSQL documentation, "System Catalogs".
 */
import type { ClientBase } from "pg";
import { messageOf } from "../../services/runtime/errors.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import { collationNameOf, collationOf, readCollationRows } from "./catalog-collations.ts";
import { readColumnRows } from "./catalog-columns.ts";
import { Comments } from "./catalog-comments.ts";
import { readConstraintRows, readReferenceRows } from "./catalog-constraints.ts";
import { Dependencies, type Holder } from "./catalog-dependencies.ts";
import { readIndexRows } from "./catalog-indexes.ts";
import type { Catalog, CollationName } from "./catalog-model.ts";
import { readOtherRows } from "./catalog-others.ts";
import { readSequences } from "./catalog-sequences.ts";
import { inCatalogSnapshot } from "./catalog-session.ts";
import { sqlState } from "./session.ts";
import { assembleTable, catalogChanged, present } from "./catalog-table-definitions.ts";
import { readTableRows } from "./catalog-tables.ts";
import { definitions, typeDefinitions, type TypeSurroundings } from "./catalog-type-definitions.ts";
import { TypeNames, type TypeUse } from "./catalog-type-names.ts";
import { readTypeRows } from "./catalog-types.ts";

/**
 * @param client connected, not in a transaction, with pg's default type parsers
 * @param names tables; the partitions of a partitioned one come with it. Names that are no table are not in the answer
 * @param searchPath schemas whose objects are printed without them in expressions and definitions (see catalog-session.ts). Of a target whose
 *   texts are to be compared: the one that `public` became, and those of the extensions that the source has in `public`
 * @throws OfftakeError CATALOG_CHANGED when something was dropped while it was being read; else errors of pg
 */
export async function readCatalog(client: ClientBase, names: readonly TableName[], searchPath: readonly string[] = ["public"]): Promise<Catalog> {
  try {
    return await inCatalogSnapshot(client, searchPath, () => readAll(client, names));
  } catch (error) {
    // "cache lookup failed", "could not open relation": the snapshot has what is gone by now.
    if (sqlState(error) === "XX000") throw catalogChanged(messageOf(error), error);
    throw error;
  }
}

async function readAll(client: ClientBase, names: readonly TableName[]): Promise<Catalog> {
  const tables = await readTableRows(client, names);
  const oids = tables.map((table) => table.oid);
  const columns = await readColumnRows(client, oids);
  const constraints = await readConstraintRows(client, oids);
  const references = await readReferenceRows(client, oids);
  const indexes = await readIndexRows(client, oids);
  const others = await readOtherRows(client, oids);

  const dependencies = new Dependencies();
  await dependencies.read(client, [
    ...columns.flatMap((column): Holder[] => (column.expressionOid === null ? [] : [{ class: "pg_attrdef", oid: column.expressionOid }])),
    ...constraints.map(({ oid }): Holder => ({ class: "pg_constraint", oid })),
    ...indexes.map(({ oid }): Holder => ({ class: "pg_class", oid })),
    ...tables.flatMap((table): Holder[] => (table.partitionBy === null ? [] : [{ class: "pg_class", oid: table.oid }])),
  ]);
  const types = await readTypeRows(client, [...new Set([...columns.map((column) => column.type), ...dependencies.all("types")])]);
  await dependencies.read(
    client,
    types.flatMap((type): Holder[] => [
      { class: "pg_type", oid: type.oid },
      ...type.constraints.map(({ oid }): Holder => ({ class: "pg_constraint", oid })),
    ]),
  );
  const sequences = await readSequences(client, oids, dependencies.all("sequences"));
  const collations = await readCollationRows(client, [
    ...new Set([
      ...dependencies.all("collations"),
      ...[...columns, ...types, ...types.flatMap((type) => [...type.attributes, ...(type.range === null ? [] : [type.range])])].flatMap((holder) =>
        holder.collation === null ? [] : [holder.collation],
      ),
    ]),
  ]);

  const typeNames = new TypeNames();
  await typeNames.read(client, [...columns, ...types.flatMap(usesOfType)]);

  const comments = new Comments();
  await comments.read(client, {
    pg_class: [...oids, ...indexes.map(({ oid }) => oid), ...sequences.map(({ sequence }) => sequence.oid), ...types.map((type) => type.relation)],
    pg_constraint: [...constraints.map(({ oid }) => oid), ...types.flatMap((type) => type.constraints.map(({ oid }) => oid))],
    pg_type: types.map(({ oid }) => oid),
    pg_collation: collations.map(({ oid }) => oid),
  });
  const { rows: versions } = await client.query<{ version: number }>("SELECT current_setting('server_version_num')::int AS version");

  dependencies.resolveTypes(definitions(types));
  const collationNames = new Map(collations.map((row): [number, CollationName] => [row.oid, collationNameOf(row)]));
  const around: TypeSurroundings = {
    typeName: (use) => present(typeNames.of(use), `type with OID ${use.type}`),
    collation: (oid) => (oid === null ? null : present(collationNames.get(oid), `collation with OID ${oid}`)),
    dependencies,
    comments,
  };
  const byTable = {
    columns: Map.groupBy(columns, (row) => row.table),
    constraints: Map.groupBy(constraints, (row) => row.table),
    indexes: Map.groupBy(indexes, (row) => row.table),
    references: Map.groupBy(references, (row) => row.to),
    others: Map.groupBy(others, (row) => row.table),
    sequences: Map.groupBy(sequences, (row) => row.ownerOid),
    types: new Map(types.map((type) => [type.oid, type])),
  };
  return {
    version: present(versions[0], "server_version_num").version,
    tables: tables.map((row) => assembleTable(row, byTable, around)),
    types: typeDefinitions(types, around),
    collations: collations.flatMap((row) => collationOf(row, comments.of("pg_collation", row.oid)) ?? []),
    sequences: sequences.map(({ sequence }) => ({ ...sequence, comment: comments.of("pg_class", sequence.oid) })),
  };
}

/** What a type is made of, with modifiers. */
function usesOfType({ oid, kind, base, typmod, attributes, range }: Awaited<ReturnType<typeof readTypeRows>>[number]): TypeUse[] {
  const domain = kind === "domain" ? [{ type: base, typmod }] : [];
  return [{ type: oid, typmod: -1 }, ...domain, ...attributes, ...(range === null ? [] : [{ type: range.subtype, typmod: -1 }])];
}
