/**
 * What offtake.yaml may hold at a path: asked of its JSON Schema, so that suggestions and secrecy follow the one definition.
 *
 * Pure.
 */
import type { z } from "zod";
import { configurationJsonSchema } from "../../schemas/configuration.ts";
import type { Path } from "./configuration-fault.ts";

type Schema = z.core.JSONSchema.JSONSchema;

const root = configurationJsonSchema();

/** The keys that a mapping at this path may have by name. */
export function keysAt(path: Path): readonly string[] {
  return schemasAt(path).flatMap((schema) => Object.keys(schema.properties ?? {}));
}

/** Whether the value at this path, or one below it, must not be shown. */
export function holdsSecret(path: Path): boolean {
  const holds = (schema: Schema): boolean => schema.writeOnly === true || below(schema).some((each) => holds(each.schema));
  return schemasAt(path).some(holds);
}

/** The mappings that have a key of this name, as `connectors.<name>`; the top of the file is the empty text. For a key in the wrong place. */
export function placesOf(key: string): readonly string[] {
  const places = new Set<string>();
  const visit = (schema: Schema, place: string): void => {
    if (Object.hasOwn(schema.properties ?? {}, key)) places.add(place);
    for (const { step, schema: next } of below(schema)) visit(next, step === "" ? place : place === "" ? step : `${place}.${step}`);
  };
  visit(root, "");
  return [...places];
}

function schemasAt(path: Path): readonly Schema[] {
  return path.reduce<readonly Schema[]>(
    (schemas, step) =>
      schemas.flatMap((schema) => {
        const named = typeof step === "string" && Object.hasOwn(schema.properties ?? {}, step) ? schema.properties?.[step] : undefined;
        const next = typeof step === "number" ? schema.items : (named ?? schema.additionalProperties);
        return asSchemas(next).flatMap(withBranches);
      }),
    withBranches(root),
  );
}

/** The schemas one step below, and those that are an alternative to this one, whose step is empty. */
function below(schema: Schema): { readonly step: string; readonly schema: Schema }[] {
  const children: [string, Keyword][] = [...Object.entries(schema.properties ?? {}), ["<name>", schema.additionalProperties]];
  for (const branch of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) children.push(["", branch]);
  return children.flatMap(([step, value]) => asSchemas(value).map((each) => ({ step, schema: each })));
}

function withBranches(schema: Schema): readonly Schema[] {
  return [schema, ...[...(schema.anyOf ?? []), ...(schema.oneOf ?? [])].flatMap(withBranches)];
}

/** What may stand where JSON Schema takes a schema. */
type Keyword = Schema | boolean | (Schema | boolean)[] | undefined;

function asSchemas(value: Keyword): Schema[] {
  return typeof value === "object" && !Array.isArray(value) ? [value] : [];
}
