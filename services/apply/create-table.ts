/**
 * DDL for one table: what has to be there from the beginning, and what is added when everything it may name is there.
 *
 * Columns, NOT NULL, generated columns, identity and keys are part of CREATE TABLE: without any of them it is not the table that the applier
 * writes, so the target has to take them or nothing is created. Defaults, CHECK and EXCLUDE constraints are added one by one, since each may
 * call a function that the target does not have, and rows can be replicated without.
 *
 * Pure.
 *
 * Source: PostgreSQL documentation, CREATE TABLE, ALTER TABLE.
 */
import type { CatalogColumn, CatalogConstraint, CatalogSequence, CatalogTable } from "../../connectors/postgres/catalog-model.ts";
import { quoted, type TargetNames } from "./create-names.ts";
import { sequenceOptions } from "./create-sequences.ts";
import { withComments, type LeftOut, type Statement } from "./create-statement.ts";
import { notValid } from "./create-types.ts";

export interface TableSurroundings {
  names: TargetNames;
  /** server_version_num of the target. */
  version: number;
  /** Whether the table will be attached as a partition, and so gets from its parent what it shares with it. */
  attached: boolean;
  /** The sequence behind an identity column, and whether its name is free at the target. */
  identitySequence(oid: number): { sequence: CatalogSequence; free: boolean } | undefined;
}

const postgres18 = 180_000;

export function createTable(table: CatalogTable, around: TableSurroundings): Statement {
  const { names } = around;
  const name = names.sql(table);
  const keys = table.constraints.filter((constraint) => isKey(constraint));
  const parts = [
    ...table.columns.map((column) => columnDefinition(column, table, around)),
    ...keys.map((key) => `CONSTRAINT ${quoted(key.name)} ${key.definition}`),
  ];
  const partitionBy = table.partitionBy === null ? "" : ` PARTITION BY ${table.partitionBy.text}`;
  const sql = `CREATE TABLE ${name} (\n  ${parts.join(",\n  ")}\n)${partitionBy}`;
  const comments: [string, string | null][] = [[`TABLE ${name}`, table.comment]];
  for (const column of table.columns) comments.push([`COLUMN ${name}.${quoted(column.name)}`, column.comment]);
  for (const constraint of table.constraints)
    if (isKey(constraint) || (constraint.kind === "not null" && constraint.validated && around.version >= postgres18))
      comments.push([`CONSTRAINT ${quoted(constraint.name)} ON ${name}`, constraint.comment]);
  for (const index of table.indexes)
    if (keys.some((key) => key.name === index.constraint))
      comments.push([`INDEX ${names.sql({ schema: table.schema, name: index.name })}`, index.comment]);
  return { sql: withComments(sql, comments), what: `table ${names.text(table)}`, optional: false };
}

function isKey({ kind }: CatalogConstraint): boolean {
  return kind === "primary key" || kind === "unique";
}

function columnDefinition(column: CatalogColumn, table: CatalogTable, around: TableSurroundings): string {
  const { names, version } = around;
  const parts = [quoted(column.name), `${names.type(column.type)}${names.collate(column.collation)}`];
  const notNull = notNullOf(column, table);
  if (notNull === "named" || notNull === "plain") {
    const constraint = notNullConstraint(column, table);
    // Before PostgreSQL 18 NOT NULL had no name, and always reached the children.
    const inherit = constraint?.noInherit === true && version >= postgres18 ? " NO INHERIT" : "";
    parts.push(notNull === "named" && constraint !== undefined ? `CONSTRAINT ${quoted(constraint.name)} NOT NULL${inherit}` : "NOT NULL");
  }
  if (column.generated !== null) {
    const kind = column.generated.kind === "virtual" && version >= postgres18 ? "VIRTUAL" : "STORED";
    parts.push(`GENERATED ALWAYS AS (${column.generated.expression.text}) ${kind}`);
  }
  // A partition counts with its root: attaching one with an identity of its own is refused.
  if (column.identity !== null && !around.attached) {
    const { kind, sequence: oid } = column.identity;
    const behind = oid === null ? undefined : around.identitySequence(oid);
    const options =
      behind === undefined ? "" : ` (${behind.free ? `SEQUENCE NAME ${names.sql(behind.sequence)} ` : ""}${sequenceOptions(behind.sequence)})`;
    parts.push(`GENERATED ${kind === "always" ? "ALWAYS" : "BY DEFAULT"} AS IDENTITY${options}`);
  }
  return parts.join(" ");
}

/** `not valid`: PostgreSQL 18 has a NOT NULL that rows from before may violate. */
function notNullOf(column: CatalogColumn, table: CatalogTable): "none" | "plain" | "named" | "not valid" {
  if (!column.notNull) return "none";
  const constraint = notNullConstraint(column, table);
  if (constraint === undefined) return "plain";
  return constraint.validated ? "named" : "not valid";
}

function notNullConstraint(column: CatalogColumn, table: CatalogTable): CatalogConstraint | undefined {
  return table.constraints.find(({ kind, columns }) => kind === "not null" && columns[0] === column.name);
}

/** Defaults, CHECK and EXCLUDE, one statement each. */
export function alterTable(table: CatalogTable, around: TableSurroundings): Statement[] {
  const { names } = around;
  const name = names.sql(table);
  const text = names.text(table);
  const defaults = table.columns.flatMap((column): Statement[] =>
    column.default === null
      ? []
      : [
          {
            sql: `ALTER TABLE ${name} ALTER COLUMN ${quoted(column.name)} SET DEFAULT ${column.default.text}`,
            what: `default of ${text}.${column.name}`,
            optional: true,
          },
        ],
  );
  const constraints = table.constraints
    .filter((constraint) => isAdded(constraint, around))
    .map((constraint) => addConstraint(table, constraint, names));
  return [...defaults, ...constraints];
}

function isAdded(constraint: CatalogConstraint, { version, attached }: TableSurroundings): boolean {
  const { kind, inherited } = constraint;
  if (whyNot(constraint, version) !== null) return false;
  // CHECKs have to be there before a table is attached to its parent; an EXCLUDE is made again by the parent's, whatever the table has.
  return kind === "check" || (kind === "exclusion" && !(attached && inherited));
}

export function addConstraint(table: CatalogTable, { name, kind, definition, comment }: CatalogConstraint, names: TargetNames): Statement {
  const sql = `ALTER TABLE ${names.sql(table)} ADD CONSTRAINT ${quoted(name)} ${definition}`;
  return {
    sql: withComments(sql, [[`CONSTRAINT ${quoted(name)} ON ${names.sql(table)}`, comment]]),
    what: `${kind === "check" || kind === "exclusion" ? `${kind} constraint` : kind} ${name} of ${names.text(table)}`,
    optional: true,
  };
}

/** Why a CHECK or foreign key is not created, or null. */
export function whyNot({ validated, enforced }: CatalogConstraint, version: number): string | null {
  if (!enforced) return version >= postgres18 ? null : "it is NOT ENFORCED, which the target's version does not know";
  return validated ? null : notValid;
}

/** What of the table's own the statements above leave out. */
export function leftOutOfTable(table: CatalogTable, version: number): LeftOut[] {
  const of = `${table.schema}.${table.name}`;
  const leftOut: LeftOut[] = [];
  if (table.persistence !== "permanent")
    leftOut.push({
      what: `${table.persistence} storage of ${of}`,
      why: "changes of such a table are not in the WAL; at the target it is an ordinary one",
    });
  for (const column of table.columns) {
    leftOut.push(...leftOutOfNotNull(column, table, version));
    if (column.generated?.kind === "virtual" && version < postgres18)
      leftOut.push({ what: `VIRTUAL of generated column ${of}.${column.name}`, why: "the target's version knows only STORED, which it is there" });
  }
  for (const constraint of table.constraints) {
    const why = constraint.kind === "check" ? whyNot(constraint, version) : null;
    if (why !== null) leftOut.push({ what: `check constraint ${constraint.name} of ${of}`, why });
  }
  for (const { kind, name } of table.others)
    leftOut.push({
      what: `${kind} ${name} of ${of}`,
      why: "only what the rows themselves need is created; create it at the target if the service needs it",
    });
  if (table.rowSecurity) leftOut.push({ what: `row level security of ${of}`, why: "the target's roles are its own" });
  return leftOut;
}

function leftOutOfNotNull(column: CatalogColumn, table: CatalogTable, version: number): LeftOut[] {
  const what = `NOT NULL of ${table.schema}.${table.name}.${column.name}`;
  const constraint = notNullConstraint(column, table);
  if (notNullOf(column, table) === "not valid") return [{ what, why: notValid }];
  if (constraint === undefined || version >= postgres18) return [];
  const leftOut: LeftOut[] = [];
  if (constraint.noInherit) leftOut.push({ what: `NO INHERIT of ${what}`, why: "before PostgreSQL 18 NOT NULL always reaches the children" });
  if (constraint.comment !== null)
    leftOut.push({ what: `comment on ${what}`, why: "before PostgreSQL 18 NOT NULL is no constraint that could have one" });
  return leftOut;
}
