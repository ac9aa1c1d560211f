/**
 * DDL that ties tables together: partitions, inheritance, indexes, foreign keys.
 *
 * Each touches two tables, so one of them may be somebody else's, or may have been at the target before. What would alter a table that was there
 * is not done: a partition is not attached to a parent that was there. A foreign key to one is added, since it is the new table's; it is left
 * out where the table that was there has no fitting key.
 *
 * Pure.
 *
 * Source: PostgreSQL documentation, ALTER TABLE (ATTACH PARTITION, INHERIT), CREATE INDEX: an index on a partitioned table takes for its parts
 * the matching ones that its partitions have already, which is how those keep their names.
 */
import type { CatalogTable } from "../../connectors/postgres/catalog-model.ts";
import { keyOf, quoted, type TargetNames } from "./create-names.ts";
import { withComments, type LeftOut, type Statement } from "./create-statement.ts";
import { addConstraint, whyNot } from "./create-table.ts";
import type { TableName } from "../runtime/table-pattern.ts";

export interface Links {
  statements: Statement[];
  leftOut: LeftOut[];
}

/** Which tables are which. Names are the source's. */
export interface Membership {
  /** Created by this plan. */
  creates(table: TableName): boolean;
  /** Of this service, created or there before. */
  owns(table: TableName): boolean;
  /** Of another service, on whose list its own foreign keys are. */
  elsewhere(table: TableName): boolean;
}

export function nameOf({ schema, name }: { schema: string; name: string }): TableName {
  return { schema, table: name };
}

function text({ schema, table }: TableName): string {
  return `${schema}.${table}`;
}

/** Whether the table becomes a partition of its parent at the target too. */
export function isAttached(table: CatalogTable, membership: Membership): boolean {
  return table.partitionOf !== null && membership.creates(table.partitionOf);
}

function whyAlone(parent: TableName, membership: Membership): string {
  return membership.owns(parent) ? `${text(parent)} was at the target before and is left alone` : `${text(parent)} is not the service's`;
}

/** A child by INHERITS keeps the columns as its own too: dropping one at the parent leaves it at the child. */
export function attachTable(table: CatalogTable, membership: Membership, names: TargetNames): Links {
  const links: Links = { statements: [], leftOut: [] };
  const child = names.sql(table);
  if (table.partitionOf !== null) {
    const { bound, ...parent } = table.partitionOf;
    const sql = `ALTER TABLE ${names.sql({ schema: parent.schema, name: parent.table })} ATTACH PARTITION ${child} ${bound}`;
    if (membership.creates(parent)) links.statements.push({ sql, what: `partition ${names.text(table)}`, optional: false });
    else
      links.leftOut.push({
        what: `${text(nameOf(table))} as a partition of ${text(parent)}`,
        why: `${whyAlone(parent, membership)}; by hand: ${sql}`,
      });
  }
  for (const parent of table.inherits) {
    const sql = `ALTER TABLE ${child} INHERIT ${names.sql({ schema: parent.schema, name: parent.table })}`;
    if (membership.creates(parent)) links.statements.push({ sql, what: `inheritance of ${names.text(table)}`, optional: false });
    else links.leftOut.push({ what: `inheritance of ${text(nameOf(table))} from ${text(parent)}`, why: whyAlone(parent, membership) });
  }
  return links;
}

/** Indexes that no constraint brings. To be run for partitions before what they are a part of: see deepestFirst. */
export function createIndexes(table: CatalogTable, names: TargetNames): Links {
  const links: Links = { statements: [], leftOut: [] };
  for (const index of table.indexes) {
    if (index.constraint !== null) continue;
    const { name, unique, definition, comment, valid } = index;
    if (!valid) {
      links.leftOut.push({
        what: `index ${name} of ${text(nameOf(table))}`,
        why: "it is invalid at the source: half built, or not on all partitions",
      });
      continue;
    }
    const sql = `CREATE ${unique ? "UNIQUE " : ""}INDEX ${quoted(name)} ON ${names.sql(table)} ${definition}`;
    const sqlName = names.sql({ schema: table.schema, name });
    links.statements.push({ sql: withComments(sql, [[`INDEX ${sqlName}`, comment]]), what: `index ${name} of ${names.text(table)}`, optional: true });
  }
  return links;
}

/** Partitions before what they are a part of. */
export function deepestFirst(tables: readonly CatalogTable[]): CatalogTable[] {
  const byKey = new Map(tables.map((table) => [keyOf(table), table]));
  const depth = (table: CatalogTable): number => {
    const parent = table.partitionOf === null ? undefined : byKey.get(keyOf({ schema: table.partitionOf.schema, name: table.partitionOf.table }));
    return parent === undefined ? 0 : 1 + depth(parent);
  };
  return tables.toSorted((a, b) => depth(b) - depth(a));
}

export function createForeignKeys(table: CatalogTable, membership: Membership, names: TargetNames, version: number): Links {
  const links: Links = { statements: [], leftOut: [] };
  for (const constraint of table.constraints) {
    const { name, references, inherited } = constraint;
    if (constraint.kind !== "foreign key" || references === null) continue;
    // It comes with the parent's.
    if (inherited && isAttached(table, membership)) continue;
    const what = `foreign key ${name} of ${text(nameOf(table))} to ${text(references)}`;
    const why = membership.owns(references) ? whyNot(constraint, version) : `${text(references)} is not the service's`;
    if (why === null) links.statements.push(addConstraint(table, constraint, names));
    else links.leftOut.push({ what, why });
  }
  for (const reference of table.referencedBy) {
    if (membership.owns(reference) || membership.elsewhere(reference)) continue;
    const what = `foreign key ${reference.constraint} of ${text(reference)} to ${text(nameOf(table))}`;
    links.leftOut.push({ what, why: `${text(reference)} is not the service's` });
  }
  return links;
}
