/** The server's own list of its types, held against the values that are carried and against docs/tables.md. */
import { readFileSync } from "node:fs";
import pg from "pg";
import { expect, test } from "vitest";
import { newestPostgres } from "../../infra/local/postgres-versions.ts";
import { freshDatabase } from "../support/databases.ts";
import { createExtensions, readTypes } from "./type-catalog.ts";
import { valuesOf, withoutInput } from "./type-values.ts";
import { typeExtensions } from "./typed-monolith.ts";

const document = readFileSync(new URL("../../docs/tables.md", import.meta.url), "utf8");
const section = document.split(/^## /m).find((each) => each.startsWith("Types\n")) ?? "";

function named(list: string | undefined): string[] {
  return [...(list ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
}

test("every type that the server and its extensions bring has values that are carried, or cannot have any that is read as text; docs/tables.md names both", async () => {
  await using database = await freshDatabase("source");
  const client = new pg.Client(database.url);
  // It ends with its database.
  client.on("error", () => {});
  await client.connect();
  expect(await createExtensions(client)).toEqual(typeExtensions);
  const types = (await readTypes(client)).filter(({ element }) => element === null);
  expect(types.length).toBeGreaterThan(100);
  const missing = types.filter(({ name }) => valuesOf(name, newestPostgres).length === 0);
  expect(missing.map(({ name }) => name).toSorted()).toEqual(withoutInput);
  for (const { sql } of missing) await expect(client.query(`SELECT 'a'::${sql}`)).rejects.toThrow("cannot accept a value of type");
  await client.end();

  const lists = section.split(/^\* /m);
  expect(named(lists.find((line) => line.startsWith("Extensions")))).toEqual(
    typeExtensions.filter((name) => !["btree_gist", "pg_trgm"].includes(name)),
  );
  expect(named(lists.find((line) => line.startsWith("Not carried"))).toSorted()).toEqual(withoutInput.toSorted());
});
