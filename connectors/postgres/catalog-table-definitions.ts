/**
 * Rows of the table catalogs as the model has them.
 *
 * The one judgement here is which columns UPDATE and DELETE put into the WAL. PostgreSQL takes the primary key for it unless told otherwise, but
 * not a deferrable one; taken for a key, such a table replicates until the first UPDATE fails at the monolith.
 *
 * Source: PostgreSQL documentation, "Replica Identity"; RelationGetIndexList in the server's utils/cache/relcache.c.
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { ColumnRow } from "./catalog-columns.ts";
import { constraintOf, type ConstraintRow, type ReferenceRow } from "./catalog-constraints.ts";
import type { IndexRow } from "./catalog-indexes.ts";
import type { CatalogColumn, CatalogIndex, CatalogTable, Expression, TypeName } from "./catalog-model.ts";
import type { OtherRow } from "./catalog-others.ts";
import type { OwnedSequence } from "./catalog-sequences.ts";
import type { TableRow } from "./catalog-tables.ts";
import type { TypeSurroundings } from "./catalog-type-definitions.ts";
import type { TypeRow } from "./catalog-types.ts";

/** Everything that was read, by the table it belongs to. */
export interface RowsByTable {
  columns: Map<number, ColumnRow[]>;
  constraints: Map<number, ConstraintRow[]>;
  indexes: Map<number, IndexRow[]>;
  references: Map<number, ReferenceRow[]>;
  others: Map<number, OtherRow[]>;
  sequences: Map<number | null, OwnedSequence[]>;
  types: Map<number, TypeRow>;
}

/** What a catalog function did not find any more. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value !== null && value !== undefined) return value;
  throw catalogChanged(`${what} is gone`);
}

export function catalogChanged(what: string, cause?: unknown): OfftakeError {
  return new OfftakeError("CATALOG_CHANGED", `A table was altered or dropped while the catalogs were being read: ${what}.`, {
    cause,
    cure: "Run the command again.",
  });
}

export function assembleTable(row: TableRow, rows: RowsByTable, around: TypeSurroundings): CatalogTable {
  const { oid, schema, name } = row;
  const columns = (rows.columns.get(oid) ?? []).map((column) => columnOf(column, rows, around));
  const indexRows = rows.indexes.get(oid) ?? [];
  const partitionBy = row.partitionBy === null ? null : { text: row.partitionBy, needs: around.dependencies.of("pg_class", oid) };
  return {
    oid,
    schema,
    name,
    kind: row.parentName !== null && row.relkind === "r" ? "partition" : row.relkind === "p" ? "partitioned" : "ordinary",
    persistence: persistences[row.persistence],
    columns,
    primaryKey: namesOf(indexRows.find((index) => index.primary)),
    replicaIdentity: replicaIdentityOf(row, columns, indexRows),
    constraints: (rows.constraints.get(oid) ?? []).map((constraint) =>
      constraintOf(
        constraint,
        present(constraint.definition, `constraint ${constraint.name} of ${schema}.${name}`),
        around.dependencies.of("pg_constraint", constraint.oid),
        around.comments.of("pg_constraint", constraint.oid),
      ),
    ),
    indexes: indexRows.map((index) => indexOf(index, `index ${index.name} of ${schema}.${name}`, around)),
    partitionBy,
    partitionOf:
      row.parentSchema === null || row.parentName === null
        ? null
        : { schema: row.parentSchema, table: row.parentName, bound: present(row.bound, `bound of partition ${schema}.${name}`) },
    inherits: row.inherits,
    referencedBy: (rows.references.get(oid) ?? []).map((reference) => ({
      schema: reference.schema,
      table: reference.table,
      constraint: reference.constraint,
    })),
    others: (rows.others.get(oid) ?? []).map((other) => ({ kind: other.kind, name: other.name })),
    rowSecurity: row.rowSecurity,
    comment: around.comments.of("pg_class", oid),
    estimatedRows: row.estimatedRows,
  };
}

const persistences = { p: "permanent", u: "unlogged", t: "temporary" } as const;

const identities = { d: "default", i: "index", f: "full", n: "nothing" } as const;

function columnOf(row: ColumnRow, rows: RowsByTable, around: TypeSurroundings): CatalogColumn {
  const expression: Expression | null =
    row.expression === null ? null : { text: row.expression, needs: around.dependencies.of("pg_attrdef", row.expressionOid) };
  const sequence = rows.sequences
    .get(row.table)
    ?.find((owned) => owned.sequence.owner?.kind === "identity" && owned.sequence.owner.column === row.name);
  const type = around.typeName(row);
  return {
    name: row.name,
    number: row.number,
    type,
    base: baseOf(type, rows.types, around),
    notNull: row.notNull,
    default: row.generated === "" ? expression : null,
    generated:
      row.generated === ""
        ? null
        : { kind: row.generated === "s" ? "stored" : "virtual", expression: present(expression, `expression of generated column ${row.name}`) },
    identity: row.identity === "" ? null : { kind: row.identity === "a" ? "always" : "by default", sequence: sequence?.sequence.oid ?? null },
    collation: around.collation(row.collation),
    comment: around.comments.of("pg_class", row.table, row.number),
  };
}

function baseOf(type: TypeName, types: Map<number, TypeRow>, around: TypeSurroundings): TypeName {
  const row = types.get(type.oid);
  return row?.kind === "domain" ? baseOf(around.typeName({ type: row.base, typmod: row.typmod }), types, around) : type;
}

function indexOf(row: IndexRow, what: string, around: TypeSurroundings): CatalogIndex {
  const { oid, name, method, columns, included, unique, immediate, partial, nullsNotDistinct, valid, replicaIdentity, constraint, inherited } = row;
  return {
    oid,
    name,
    method,
    definition: present(row.definition, what),
    columns,
    included,
    unique,
    immediate,
    partial,
    nullsNotDistinct,
    valid,
    replicaIdentity,
    constraint,
    inherited,
    needs: around.dependencies.of("pg_class", oid),
    comment: around.comments.of("pg_class", oid),
  };
}

function namesOf(index: IndexRow | undefined): string[] {
  return (index?.columns ?? []).filter((column) => column !== null);
}

function replicaIdentityOf(row: TableRow, columns: readonly CatalogColumn[], indexes: readonly IndexRow[]): CatalogTable["replicaIdentity"] {
  const kind = identities[row.replident];
  if (kind === "default") return { kind, columns: namesOf(indexes.find((index) => index.primary && index.immediate)) };
  if (kind === "index") return { kind, columns: namesOf(indexes.find((index) => index.replicaIdentity && index.valid)) };
  return { kind, columns: kind === "full" ? columns.map((column) => column.name) : [] };
}
