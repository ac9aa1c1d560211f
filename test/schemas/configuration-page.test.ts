import { expect, test } from "vitest";
import { configurationJsonSchema } from "../../schemas/configuration.ts";
import { configurationPage } from "../../schemas/configuration-page.ts";

test("docs/configuration.md is what the schema says (`npx vitest run test/schemas/configuration-page.test.ts --update` writes it)", async () => {
  await expect(configurationPage(configurationJsonSchema())).toMatchFileSnapshot("../../docs/configuration.md");
});

test("every key says what it is for", () => {
  const rows = configurationPage(configurationJsonSchema()).match(/^\| `.*$/gm) ?? [];
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => row.endsWith(" |  |"))).toEqual([]);
});
