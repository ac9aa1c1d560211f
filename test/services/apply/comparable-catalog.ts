/**
 * A catalog as a value that two databases have in common: names instead of OIDs, the target's schema under the source's name, in an order that
 * depends on neither. What it drops is a database's own: OIDs, column numbers (dropped columns leave gaps), estimates, the server's version.
 */
import type { Catalog } from "../../../connectors/postgres/catalog-model.ts";

const dropped = new Set(["oid", "number", "index", "estimatedRows", "typmod"]);

/** @param targetSchema the schema that is shown as public */
export function comparable(catalog: Catalog, targetSchema = "public"): Record<string, unknown> {
  const shown = (schema: unknown): unknown => (schema === targetSchema ? "public" : schema);
  const nameOf = ({ schema, name }: { schema: string; name: string }): string => `${String(shown(schema))}.${name}`;
  const names = new Map([...catalog.types, ...catalog.collations, ...catalog.sequences].map((object) => [object.oid, nameOf(object)]));

  const plain = (value: unknown): unknown => {
    if (Array.isArray(value))
      return value.every((item) => typeof item === "number") ? byText(value.map((oid: number) => names.get(oid) ?? "")) : value.map(plain);
    if (typeof value !== "object" || value === null) return value;
    // Whether the name of a type is printed with its schema depends on what else is there.
    const isOwnType = "bareText" in value && "schema" in value && value.schema !== "pg_catalog";
    const entries = Object.entries(value).flatMap(([key, inner]: [string, unknown]): [string, unknown][] => {
      if (dropped.has(key) || (isOwnType && (key === "text" || key === "bareText"))) return [];
      if (key === "schema") return [[key, shown(inner)]];
      // A type's, an OID; a constraint's or index's, a text.
      if (key === "definition" && typeof inner === "number") return [];
      if (key === "sequence" && typeof inner === "number") return [[key, names.get(inner)]];
      return [[key, plain(inner)]];
    });
    return Object.fromEntries(entries);
  };
  const objects = [
    ...catalog.tables.map((table): [string, unknown] => [`table ${nameOf(table)}`, plain(table)]),
    ...catalog.types.map((type): [string, unknown] => [`type ${nameOf(type)}`, plain(type)]),
    ...catalog.collations.map((collation): [string, unknown] => [`collation ${nameOf(collation)}`, plain(collation)]),
    ...catalog.sequences.map((sequence): [string, unknown] => [`sequence ${nameOf(sequence)}`, plain(sequence)]),
  ];
  return Object.fromEntries(objects);
}

function byText(list: string[]): string[] {
  return list.toSorted((a, b) => (a < b ? -1 : 1));
}
