import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { apiDocument } from "../../../services/control/api-document.ts";
import { routes } from "../../../services/control/api-routes.ts";
import { version } from "../../../services/runtime/version.ts";

const document: Record<string, unknown> = JSON.parse(JSON.stringify(apiDocument(version)));

test("is committed as it is served", () => {
  const committed: unknown = JSON.parse(readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8"));
  expect(document).toEqual(committed);
});

test("each reference leads to a schema of it, and each operation has a name of its own", () => {
  const text = JSON.stringify(document);
  const schemas = new Set([...text.matchAll(/"(\w+)":\{(?:"type"|"description")/g)].map((match) => match[1]!));
  const referred = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1]!));
  expect([...referred].filter((name) => !schemas.has(name))).toEqual([]);
  expect(text).not.toContain("$defs");
  const names = [...text.matchAll(/"operationId":"(\w+)"/g)].map((match) => match[1]!);
  expect(new Set(names).size).toBe(routes.length + 2);
});
