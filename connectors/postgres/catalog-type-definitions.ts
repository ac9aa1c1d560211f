/**
 * Rows of the type catalogs as the model has them.
 *
 * Arrays and multiranges are in no list of things to create: they come with their element and their range. So whatever needs one needs that.
 */
import type { Comments } from "./catalog-comments.ts";
import type { Dependencies } from "./catalog-dependencies.ts";
import type { CatalogType, CollationName, TypeName } from "./catalog-model.ts";
import type { TypeUse } from "./catalog-type-names.ts";
import type { TypeRow } from "./catalog-types.ts";

/** What has been read besides the rows themselves. */
export interface TypeSurroundings {
  typeName(use: TypeUse): TypeName;
  collation(oid: number | null): CollationName | null;
  dependencies: Dependencies;
  comments: Comments;
}

/** The types that have to be created, or be there, for these rows' sake. */
export function typeDefinitions(rows: readonly TypeRow[], around: TypeSurroundings): CatalogType[] {
  const definitionOf = definitions(rows);
  return rows.flatMap((row) => {
    const type = typeOf(row, around, definitionOf);
    return type === null ? [] : [type];
  });
}

/** Follows an array to its element and a multirange to its range; others stay what they are. */
export function definitions(rows: readonly TypeRow[]): (oid: number) => number {
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  const follow = (oid: number): number => {
    const row = byOid.get(oid);
    const next = row?.kind === "array" || row?.kind === "multirange" ? row.requires[0] : undefined;
    return next === undefined ? oid : follow(next);
  };
  return follow;
}

function typeOf(row: TypeRow, around: TypeSurroundings, definitionOf: (oid: number) => number): CatalogType | null {
  const { oid, schema, name, kind } = row;
  if (kind === "array" || kind === "multirange" || kind === "extension") return null;
  const identity = {
    oid,
    schema,
    name,
    requires: [...new Set(row.requires.map((required) => definitionOf(required)))],
    needs: around.dependencies.of("pg_type", oid),
    comment: around.comments.of("pg_type", oid),
  };
  if (kind === "enum") return { ...identity, kind, labels: row.labels };
  if (kind === "domain") {
    const constraints = row.constraints.map((constraint) => ({
      name: constraint.name,
      definition: constraint.definition,
      validated: constraint.validated,
      needs: around.dependencies.of("pg_constraint", constraint.oid),
      comment: around.comments.of("pg_constraint", constraint.oid),
    }));
    const base = around.typeName({ type: row.base, typmod: row.typmod });
    return { ...identity, kind, base, notNull: row.notNull, default: row.default, collation: around.collation(row.collation), constraints };
  }
  if (kind === "composite") {
    const attributes = row.attributes.map((attribute) => ({
      name: attribute.name,
      type: around.typeName(attribute),
      collation: around.collation(attribute.collation),
      comment: around.comments.of("pg_class", row.relation, attribute.number),
    }));
    return { ...identity, kind, attributes };
  }
  if (kind === "range" && row.range !== null) {
    const { subtype, collation, ...range } = row.range;
    return { ...identity, kind, ...range, subtype: around.typeName({ type: subtype, typmod: -1 }), collation: around.collation(collation) };
  }
  if (kind === "row") return { ...identity, kind, of: { schema: row.relationSchema ?? schema, table: row.relationName ?? name } };
  return { ...identity, kind: "other" };
}
