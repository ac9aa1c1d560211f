/**
 * What an object of the monolith is called at the target.
 *
 * Tables, types and sequences of schema `public` go to the service's `target.schema`; those of any other schema keep it. A type of an extension is
 * wherever the target has that extension. A name that is mapped in one place and not in another is a column of somebody else's type.
 *
 * Pure.
 */
import { escapeIdentifier, escapeLiteral } from "pg";
import type { CollationName, QualifiedName, TypeName } from "../../connectors/postgres/catalog-model.ts";
import type { TableName } from "../runtime/table-pattern.ts";

/** The schema of the monolith that has another name at the target. */
export const mappedSchema = "public";

/** An extension of the target: where its objects are, and where its types are (some extensions have schemas of their own for these). */
export interface TargetExtension {
  schema: string;
  types: Map<string, string>;
}

export class TargetNames {
  readonly #targetSchema: string;
  readonly #extensions: ReadonlyMap<string, TargetExtension>;

  constructor(targetSchema: string, extensions: ReadonlyMap<string, TargetExtension>) {
    this.#targetSchema = targetSchema;
    this.#extensions = extensions;
  }

  schema(source: string): string {
    return source === mappedSchema ? this.#targetSchema : source;
  }

  table({ schema, table }: TableName): TableName {
    return { schema: this.schema(schema), table };
  }

  /** The key under which TargetContents has it. */
  key({ schema, name }: QualifiedName): string {
    return keyOf({ schema: this.schema(schema), name });
  }

  /** For SQL. */
  sql({ schema, name }: QualifiedName): string {
    return quoted(this.schema(schema), name);
  }

  /** For people. */
  text({ schema, name }: QualifiedName): string {
    return `${this.schema(schema)}.${name}`;
  }

  /** A type with its modifier, for SQL. Built-in types have words that must not be quoted, so their text is the server's. */
  type(type: TypeName): string {
    if (type.schema === "pg_catalog") return type.text;
    const { extension, schema, name, modifier, array } = type;
    const there = extension === null ? undefined : this.#extensions.get(extension);
    const home = there === undefined ? this.schema(schema) : (there.types.get(name) ?? there.schema);
    return `${quoted(home, name)}${modifier}${array ? "[]" : ""}`;
  }

  /** ` COLLATE "…"`, or nothing. */
  collate(collation: CollationName | null): string {
    return collation === null ? "" : ` COLLATE ${this.member(collation)}`;
  }

  /** Something that may be of an extension, such as a collation or an operator class. */
  member({ schema, name, extension }: QualifiedName & { extension: string | null }): string {
    const there = extension === null ? undefined : this.#extensions.get(extension);
    return quoted(there?.schema ?? this.schema(schema), name);
  }

  /**
   * Where expressions, read from the monolith with `mappedSchema` as search_path, find at the target what they name without a schema: what came
   * from there, and extensions that were installed there and may be elsewhere here.
   */
  searchPath(extensions: readonly string[]): string[] {
    const schemas = extensions.flatMap((name) => this.#extensions.get(name)?.schema ?? []);
    return [...new Set([this.#targetSchema, ...schemas.filter((schema) => schema !== "pg_catalog").toSorted()])];
  }
}

export function quoted(...names: string[]): string {
  return names.map((name) => escapeIdentifier(name)).join(".");
}

/** A string constant. One with a backslash comes with a space in front, for use after a word. */
export function literal(text: string): string {
  return escapeLiteral(text).trimStart();
}

/** A name as a key: quoted, so that no two differ only in where the dot is. */
export function keyOf({ schema, name }: QualifiedName): string {
  return quoted(schema, name);
}
