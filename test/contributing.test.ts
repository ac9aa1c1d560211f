import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

test("every module of tests and every document that CONTRIBUTING.md names is there", () => {
  const text = readFileSync(new URL("../CONTRIBUTING.md", import.meta.url), "utf8");
  const modules = [...text.matchAll(/^\| .*$/gm)].flatMap(([row]) => [...row.matchAll(/`(test\/[^`]+)`/g)].map((match) => match[1]!));
  const documents = [...text.matchAll(/\]\(([\w./-]+?)(?:#[\w-]+)?\)/g)].map((match) => match[1]!);
  expect([...modules, ...documents].filter((path) => globSync(path, { cwd: root }).length === 0)).toEqual([]);
  expect([modules.length, documents.length].every((count) => count > 9)).toBe(true);
});
