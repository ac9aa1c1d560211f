/**
 * Decides with which statements, in which order, a service's tables come to be at its target, and what they come without.
 *
 * A statement in the wrong place fails and takes everything with it; something left out without a word is found missing at the cutover. So the
 * order follows from what each thing rests on, and whatever the monolith has and the target does not get is on the list.
 *
 * Left out: what ties a table to another service's (foreign keys in both directions, partitions and parents), what acts on its own (triggers,
 * rules, row security), what belongs to the monolith's roles (owners, privileges), what its own rows may violate (NOT VALID). REPLICA IDENTITY is not
 * copied: nobody replicates from the target. Nothing that is there already is altered; a table that is there is left alone with all it has.
 *
 * Pure.
 */
import type { Catalog, CatalogTable } from "../../connectors/postgres/catalog-model.ts";
import type { TableName } from "../runtime/table-pattern.ts";
import type { TargetContents } from "./create-existing.ts";
import { requiredExtensions } from "./create-extensions.ts";
import { attachTable, createForeignKeys, createIndexes, deepestFirst, isAttached, nameOf, type Membership } from "./create-links.ts";
import { keyOf, quoted, TargetNames } from "./create-names.ts";
import { planSequences } from "./create-sequence-plan.ts";
import type { LeftOut, Statement } from "./create-statement.ts";
import { alterTable, createTable, leftOutOfTable, type TableSurroundings } from "./create-table.ts";
import { createCollation } from "./create-types.ts";
import { TypeOrder } from "./create-type-order.ts";

export interface TablePlan {
  statements: Statement[];
  leftOut: LeftOut[];
  /** Names at the target. */
  created: TableName[];
  present: TableName[];
  /** Types, collations and sequences that are used as they are, for people. */
  reused: string[];
  /** Under which the statements have to run. */
  searchPath: string[];
}

/**
 * @param source what readCatalog says about the service's tables, read with `mappedSchema`
 * @param targetSchema where the tables of schema public go
 * @param elsewhere tables of other services
 * @throws OfftakeError TARGET_EXTENSION_MISSING, TARGET_TYPE_MISSING
 */
export function planTables(source: Catalog, existing: TargetContents, targetSchema: string, elsewhere: readonly TableName[] = []): TablePlan {
  const names = new TargetNames(targetSchema, existing.extensions);
  const isPresent = (table: CatalogTable): boolean => existing.relations.has(names.key(table));
  const tables = source.tables.filter((table) => !isPresent(table));
  const membership = membershipOf(source.tables, tables, elsewhere);
  const sequences = new Map(source.sequences.map((sequence) => [sequence.oid, sequence]));
  const surroundings = (table: CatalogTable): TableSurroundings => ({
    names,
    version: existing.version,
    attached: isAttached(table, membership),
    identitySequence: (oid) => {
      const sequence = sequences.get(oid);
      return sequence && { sequence, free: !existing.relations.has(names.key(sequence)) };
    },
  });

  const order = new TypeOrder(source, tables, existing, names, (table) => createTable(table, surroundings(table)));
  for (const table of tables) order.visitTable(table);
  const extensions = requiredExtensions(tables, order.types, existing.extensions);
  const sequencePlan = planSequences(source, tables, membership, existing, names);
  const collations = source.collations.filter(({ oid }) => order.needsCollation(oid));
  const newCollations = collations.filter((collation) => !existing.collations.has(names.key(collation)));
  const upwards = deepestFirst(tables);
  // Downwards, since a partition that is attached hands its parent's identity on to no partitions of its own.
  const attached = upwards.toReversed().map((table) => attachTable(table, membership, names));
  const indexes = upwards.map((table) => createIndexes(table, names));
  const foreignKeys = tables.map((table) => createForeignKeys(table, membership, names, existing.version));
  const links = [...attached, ...indexes, ...foreignKeys];
  const schemas = [...tables, ...order.types, ...newCollations].map(({ schema }) => schema);

  const targetName = (table: CatalogTable): TableName => names.table(nameOf(table));
  return {
    statements: [
      ...createSchemas([...schemas, ...sequencePlan.schemas], existing, names),
      ...newCollations.map((collation) => createCollation(collation, names)),
      ...sequencePlan.statements,
      ...order.statements,
      ...tables.flatMap((table) => alterTable(table, surroundings(table))),
      ...links.flatMap((each) => each.statements),
      ...sequencePlan.owners,
    ],
    leftOut: [
      ...links.flatMap((each) => each.leftOut),
      ...order.leftOut,
      ...sequencePlan.leftOut,
      ...tables.flatMap((table) => leftOutOfTable(table, existing.version)),
      ...(tables.length === 0
        ? []
        : [{ what: "owners and privileges", why: "the target's roles are its own; what is created belongs to the role that creates it" }]),
    ],
    created: tables.map(targetName),
    present: source.tables.filter(isPresent).map(targetName),
    reused: [
      ...order.reused,
      ...sequencePlan.reused,
      ...collations.filter((collation) => !newCollations.includes(collation)).map((collation) => `collation ${names.text(collation)}`),
    ],
    searchPath: names.searchPath(extensions),
  };
}

function membershipOf(owned: readonly CatalogTable[], created: readonly CatalogTable[], elsewhere: readonly TableName[]): Membership {
  const ownedKeys = new Set(owned.map((table) => keyOf(table)));
  const elsewhereKeys = new Set(elsewhere.map(({ schema, table }) => keyOf({ schema, name: table })));
  const createdKeys = new Set(created.map((table) => keyOf(table)));
  return {
    owns: ({ schema, table }) => ownedKeys.has(keyOf({ schema, name: table })),
    elsewhere: ({ schema, table }) => elsewhereKeys.has(keyOf({ schema, name: table })),
    creates: ({ schema, table }) => createdKeys.has(keyOf({ schema, name: table })),
  };
}

/** @param schemas of the source, of whatever is created */
function createSchemas(schemas: readonly string[], existing: TargetContents, names: TargetNames): Statement[] {
  const wanted = new Set(schemas.map((schema) => names.schema(schema)));
  return [...wanted]
    .filter((schema) => !existing.schemas.has(schema))
    .map((schema) => ({ sql: `CREATE SCHEMA ${quoted(schema)}`, what: `schema ${schema}`, optional: false }));
}
