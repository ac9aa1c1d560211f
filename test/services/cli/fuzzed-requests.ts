/** Requests as an OpenAPI document allows them, and as it does not. */
import fc, { type Arbitrary } from "fast-check";
import { z } from "zod";

export interface FuzzedRequest {
  readonly method: "GET" | "POST";
  /** As the document has it. */
  readonly template: string;
  readonly path: string;
  readonly query: string;
  /** As it is sent. */
  readonly body: string | undefined;
  readonly responses: Readonly<Record<string, unknown>>;
}

const schemaShape = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  pattern: z.string().optional(),
  maxLength: z.number().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  get items() {
    return schemaShape.optional();
  },
  get properties() {
    return z.record(z.string(), schemaShape).optional();
  },
});
type Schema = z.infer<typeof schemaShape>;

const operationShape = z.looseObject({
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string(), schema: schemaShape })),
  requestBody: z.looseObject({ content: z.looseObject({ "application/json": z.looseObject({ schema: schemaShape }) }) }).optional(),
  responses: z.record(z.string(), z.unknown()),
});
const documentShape = z.looseObject({ paths: z.record(z.string(), z.record(z.string(), operationShape)) });

/** @param known values of path parameters that lead to something */
export function fuzzedRequests(document: unknown, known: Readonly<Record<string, readonly string[]>>): Arbitrary<FuzzedRequest> {
  const { paths } = documentShape.parse(document);
  const operations = Object.entries(paths).flatMap(([template, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) =>
      template.endsWith("/events") || template.endsWith("/openapi.json") ? [] : [{ template, method, operation }],
    ),
  );
  return fc.constantFrom(...operations).chain(({ template, method, operation }) => {
    const inPath = operation.parameters.filter((each) => each.in === "path");
    const inQuery = operation.parameters.filter((each) => each.in === "query");
    const body = operation.requestBody?.content["application/json"].schema;
    return fc
      .record({
        path: fc.record(Object.fromEntries(inPath.map(({ name }) => [name, pathValue(known[name] ?? [])]))),
        query: fc.record(Object.fromEntries(inQuery.map(({ name, schema }) => [name, fc.option(fc.oneof(valueOf(schema), fc.string()))]))),
        body:
          body === undefined
            ? fc.oneof(fc.constant(undefined), fc.jsonValue())
            : fc.oneof({ arbitrary: valueOf(body), weight: 4 }, { arbitrary: fc.jsonValue(), weight: 1 }),
      })
      .map(({ path, query, body: sent }): FuzzedRequest => {
        const given = Object.entries(query).flatMap(([name, value]) =>
          value === null ? [] : [`${name}=${encodeURIComponent(typeof value === "string" ? value : JSON.stringify(value))}`],
        );
        return {
          method: method === "get" ? "GET" : "POST",
          template,
          path: template.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(path[name]))),
          query: given.length === 0 ? "" : `?${given.join("&")}`,
          body: method === "get" || sent === undefined ? undefined : JSON.stringify(sent),
          responses: operation.responses,
        };
      });
  });
}

/** No dots alone: a client resolves them before it asks. */
function pathValue(known: readonly string[]): Arbitrary<string> {
  const strange = fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }).filter((text) => !/^\.+$/.test(text) && text.isWellFormed());
  return known.length === 0 ? strange : fc.oneof({ arbitrary: fc.constantFrom(...known), weight: 3 }, { arbitrary: strange, weight: 1 });
}

function valueOf({ type, enum: choices, minimum, maximum, items, properties }: Schema): Arbitrary<unknown> {
  if (choices !== undefined) return fc.constantFrom(...choices);
  if (type === "boolean") return fc.boolean();
  if (type === "integer" || type === "number") return fc.integer({ min: Math.max(minimum ?? 0, -1000), max: Math.min(maximum ?? 1000, 2000) });
  if (type === "array") return fc.array(items === undefined ? fc.jsonValue() : valueOf(items), { maxLength: 3 });
  if (type === "object") {
    const shape = Object.entries(properties ?? {}).map(([name, schema]) => [name, valueOf(schema)] as const);
    return fc.record(Object.fromEntries(shape), { requiredKeys: [] });
  }
  return fc.oneof(fc.constantFrom("trades", "public.trades", "nothing"), fc.string({ maxLength: 20, unit: "grapheme" }));
}
