/**
 * The order in which types and tables come to be.
 *
 * Types come before the tables that use them, but a composite or a column may have the row type of a table, which comes with that table. So both
 * are one order: whatever something rests on first, each once, the first time that it is needed.
 *
 * Pure.
 */
import type { Catalog, CatalogTable, CatalogType, Needs } from "../../connectors/postgres/catalog-model.ts";
import { OfftakeError } from "../runtime/errors.ts";
import type { TargetContents } from "./create-existing.ts";
import { keyOf, type TargetNames } from "./create-names.ts";
import type { LeftOut, Statement } from "./create-statement.ts";
import { createType, isCreatable } from "./create-types.ts";

export class TypeOrder {
  readonly statements: Statement[] = [];
  readonly leftOut: LeftOut[] = [];
  /** Types and collations that are there already, for people. */
  readonly reused: string[] = [];
  /** Types that are created. */
  readonly types: CatalogType[] = [];
  readonly #typesByOid: ReadonlyMap<number, CatalogType>;
  readonly #tablesByKey: ReadonlyMap<string, CatalogTable>;
  readonly #collations = new Set<number>();
  readonly #visited = new Set<CatalogTable | CatalogType>();
  readonly #existing: TargetContents;
  readonly #names: TargetNames;
  readonly #createTable: (table: CatalogTable) => Statement;

  /** @param tables those to be created */
  constructor(
    source: Catalog,
    tables: readonly CatalogTable[],
    existing: TargetContents,
    names: TargetNames,
    createTableStatement: (table: CatalogTable) => Statement,
  ) {
    this.#typesByOid = new Map(source.types.map((type) => [type.oid, type]));
    this.#tablesByKey = new Map(tables.map((table) => [keyOf(table), table]));
    this.#existing = existing;
    this.#names = names;
    this.#createTable = createTableStatement;
  }

  visitTable(table: CatalogTable): void {
    if (this.#visited.has(table)) return;
    this.#visited.add(table);
    const of = `${table.schema}.${table.name}`;
    for (const column of table.columns) {
      const where = `column ${of}.${column.name}`;
      this.#visitType(column.type.definition, where);
      if (column.collation !== null) this.#collations.add(column.collation.oid);
      this.#visitNeeds(column.generated?.expression.needs ?? column.default?.needs, where);
    }
    for (const constraint of table.constraints) this.#visitNeeds(constraint.needs, `constraint ${constraint.name} of ${of}`);
    for (const index of table.indexes) this.#visitNeeds(index.needs, `index ${index.name} of ${of}`);
    this.#visitNeeds(table.partitionBy?.needs, `partition key of ${of}`);
    this.statements.push(this.#createTable(table));
  }

  /** Whether something that was visited needs it. */
  needsCollation(oid: number): boolean {
    return this.#collations.has(oid);
  }

  #visitNeeds(needs: Needs | undefined, where: string): void {
    for (const type of needs?.types ?? []) this.#visitType(type, where);
    for (const collation of needs?.collations ?? []) this.#collations.add(collation);
  }

  #visitType(oid: number, where: string): void {
    const type = this.#typesByOid.get(oid);
    // Built in, or an extension's.
    if (type === undefined || this.#visited.has(type)) return;
    this.#visited.add(type);
    const what = `type ${this.#names.text(type)}`;
    const table = type.kind === "row" ? this.#tablesByKey.get(keyOf({ schema: type.of.schema, name: type.of.table })) : undefined;
    if (table !== undefined) {
      this.visitTable(table);
      return;
    }
    if (this.#existing.types.has(this.#names.key(type))) {
      this.reused.push(what);
      return;
    }
    if (!isCreatable(type))
      throw new OfftakeError("TARGET_TYPE_MISSING", `The ${what}, for ${where}, ${whyNotCreatable(type)}.`, { cure: cureFor(type) });
    for (const required of type.requires) this.#visitType(required, where);
    this.#visitNeeds(type.needs, where);
    this.#visitParts(type);
    this.types.push(type);
    const base = type.kind === "domain" ? this.#typesByOid.get(type.base.oid) : undefined;
    const created = createType(type, this.#names, base?.kind === "domain");
    this.statements.push(...created.statements);
    this.leftOut.push(...created.leftOut);
  }

  #visitParts(type: CatalogType): void {
    const collations =
      type.kind === "composite"
        ? type.attributes.map(({ collation }) => collation)
        : type.kind === "domain" || type.kind === "range"
          ? [type.collation]
          : [];
    for (const collation of collations) if (collation !== null) this.#collations.add(collation.oid);
    if (type.kind === "domain") for (const { needs, name } of type.constraints) this.#visitNeeds(needs, `constraint ${name} of domain ${type.name}`);
  }
}

function whyNotCreatable(type: CatalogType): string {
  if (type.kind === "row") return `is the row type of ${type.of.schema}.${type.of.table}, which is not a table of the service`;
  if (type.kind === "range") return "is a range with a canonical function, which has to be written in C";
  return "is a base type, which has to be written in C";
}

function cureFor(type: CatalogType): string {
  if (type.kind === "row") return `Create a composite type of that name at the target, or give the service ${type.of.schema}.${type.of.table} too.`;
  return "Create the type at the target as it was created at the source, then run this again.";
}
