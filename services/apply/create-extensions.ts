/**
 * Which extensions the target must have before a service's tables can be created.
 *
 * Found in the middle it would be `type "citext" does not exist` for the first of nine extensions; so all of them are named at once, each with
 * what needs it. Offtake does not create them: that may need a package on the server, and a superuser's judgement.
 *
 * Pure.
 */
import { escapeIdentifier } from "pg";
import type { CatalogTable, CatalogType, TypeName } from "../../connectors/postgres/catalog-model.ts";
import { OfftakeError } from "../runtime/errors.ts";
import type { TargetExtension } from "./create-names.ts";

/**
 * @param tables those to be created
 * @param types those to be created
 * @returns names of all extensions that they need
 * @throws OfftakeError TARGET_EXTENSION_MISSING
 */
export function requiredExtensions(
  tables: readonly CatalogTable[],
  types: readonly CatalogType[],
  installed: ReadonlyMap<string, TargetExtension>,
): string[] {
  const places = new Map<string, string>();
  const note = (extensions: readonly string[], place: string): void => {
    for (const extension of extensions) if (!places.has(extension)) places.set(extension, place);
  };
  for (const table of tables) noteTable(table, note);
  for (const type of types) noteType(type, note);
  const missing = [...places].filter(([extension]) => !installed.has(extension));
  if (missing.length === 0) return [...places.keys()];
  const list = missing.map(([extension, place]) => `${extension} (${place})`).join(", ");
  const cure = missing.map(([extension]) => `CREATE EXTENSION ${escapeIdentifier(extension)};`).join(" ");
  throw new OfftakeError("TARGET_EXTENSION_MISSING", `The target lacks extensions that the tables need: ${list}.`, {
    cure: `At the target, as a superuser: ${cure}`,
  });
}

type Note = (extensions: readonly string[], place: string) => void;

function noteTable(table: CatalogTable, note: Note): void {
  const of = `${table.schema}.${table.name}`;
  for (const column of table.columns) {
    note(extensionsOf(column.type), `column ${of}.${column.name}`);
    note((column.generated?.expression ?? column.default)?.needs.extensions ?? [], `expression of column ${of}.${column.name}`);
  }
  for (const { name, needs } of table.constraints) note(needs.extensions, `constraint ${name} of ${of}`);
  for (const { name, needs } of table.indexes) note(needs.extensions, `index ${name} of ${of}`);
  note(table.partitionBy?.needs.extensions ?? [], `partition key of ${of}`);
}

function noteType(type: CatalogType, note: Note): void {
  const place = `type ${type.schema}.${type.name}`;
  note(type.needs.extensions, place);
  if (type.kind === "domain") {
    note(extensionsOf(type.base), place);
    for (const { name, needs } of type.constraints) note(needs.extensions, `constraint ${name} of domain ${type.schema}.${type.name}`);
  }
  if (type.kind === "composite") for (const attribute of type.attributes) note(extensionsOf(attribute.type), place);
  if (type.kind === "range") note(extensionsOf(type.subtype), place);
}

function extensionsOf({ extension }: TypeName): string[] {
  return extension === null ? [] : [extension];
}
