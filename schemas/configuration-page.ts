/**
 * docs/configuration.md, made of the schema that offtake.yaml is checked with: a page written by hand told of keys that had other names by then.
 *
 * Pure. Source: JSON Schema 2020-12.
 */
import type { z } from "zod";
import { durationPattern, sizePattern } from "../services/runtime/units.ts";

type Schema = z.core.JSONSchema.JSONSchema;

interface Row {
  readonly path: string;
  readonly holds: string;
  readonly otherwise: string;
  readonly description: string;
}

/** @param root as configurationJsonSchema() gives it */
export function configurationPage(root: Schema): string {
  const parts = propertiesOf(root).map(([name, schema]) => {
    const rows = rowsOf(schema, name, root.required?.includes(name) === true);
    const shown = rows.filter(({ path, holds }) => path !== name || holds !== "a mapping");
    const table = ["| key | holds | left out | is for |", "|---|---|---|---|", ...shown.map(lineOf)].join("\n");
    return `## \`${name}\`\n\n${(schema.description ?? "").replaceAll("<", "\\<")}\n\n${table}\n`;
  });
  return `${head}\n${parts.join("\n")}`;
}

const head = `# offtake.yaml, key by key

This page is made of the schema that the file is checked with, and a test holds the two together. \`offtake config schema\` prints it for editors, \`offtake init\` writes a file to begin with,
\`offtake config print\` shows one as it is understood. A key that is not here is refused, with the nearest that is.

A secret is \`env:NAME\` or \`file:path\` (relative to the file); in \`mode: development\` it may stand there itself. A duration is such as \`250ms\`, \`5s\`, \`10m\`, \`24h\`, a size such as \`64KiB\`, \`10MiB\`, \`10GiB\`.
`;

function rowsOf(schema: Schema, path: string, required: boolean): Row[] {
  const own: Row = { path, holds: holdsOf(schema), otherwise: otherwiseOf(schema, required), description: schema.description ?? "" };
  const below = alternatives(schema).flatMap((each) => [
    ...propertiesOf(each).flatMap(([name, property]) => rowsOf(property, `${path}.${name}`, each.required?.includes(name) === true)),
    ...(typeof each.additionalProperties === "object" && isMapping(each.additionalProperties)
      ? rowsOf(each.additionalProperties, `${path}.<name>`, false).slice(1)
      : []),
  ]);
  return [own, ...joined(below)];
}

function propertiesOf({ properties = {} }: Schema): [string, Schema][] {
  return Object.entries(properties).flatMap(([name, schema]): [string, Schema][] => (typeof schema === "object" ? [[name, schema]] : []));
}

/** A key that several alternatives have is one row, with what each may hold. */
function joined(rows: readonly Row[]): Row[] {
  const byPath = new Map<string, Row>();
  for (const row of rows) {
    const before = byPath.get(row.path);
    const holds = before === undefined || before.holds === row.holds ? row.holds : `${before.holds}, ${row.holds}`;
    byPath.set(row.path, { ...row, holds });
  }
  return [...byPath.values()];
}

function alternatives(schema: Schema): readonly Schema[] {
  const choices = schema.oneOf ?? schema.anyOf;
  return choices === undefined ? [schema] : choices.flatMap((choice) => (typeof choice === "object" ? alternatives(choice) : []));
}

function isMapping(schema: Schema): boolean {
  return alternatives(schema).some(({ type }) => type === "object");
}

function holdsOf(schema: Schema): string {
  const { type, pattern, minimum, maximum, items } = schema;
  if (schema.oneOf !== undefined || schema.anyOf !== undefined)
    return [
      ...new Set(
        alternatives(schema)
          .filter((each) => each.type !== "null")
          .map(holdsOf),
      ),
    ].join(" or ");
  if (schema.writeOnly === true) return "a secret";
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (pattern === durationPattern.source) return "a duration";
  if (pattern === sizePattern.source) return "a size";
  if (type === "integer" || type === "number") return `${minimum} to ${maximum}`;
  if (type === "boolean") return "`true`, `false`";
  if (type === "array") return typeof items === "object" && "type" in items && items.type === "string" ? "a list" : "a list of mappings";
  return type === "object" ? "a mapping" : "text";
}

function otherwiseOf({ default: value, type }: Schema, required: boolean): string {
  if (required && value === undefined) return "required";
  return value === undefined || type === "object" ? "" : `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function lineOf({ path, holds, otherwise, description }: Row): string {
  return `| \`${path}\` | ${holds} | ${otherwise} | ${description.replaceAll(/[|<]/g, "\\$&")} |`;
}
