/** What a registered schema says of its columns' types: what envelopeSchema wrote, and nothing of what others did. */
import { expect, test } from "vitest";
import { columnTypes } from "../../schemas/column-types.ts";
import { envelopeSchema, messageSchema } from "../../schemas/envelope.ts";
import { avroColumnType } from "../../schemas/postgres-types.ts";

const column = (name: string, key: boolean, oid: number, more: object = {}) => {
  const type = avroColumnType(oid, "shop.colour");
  return { name, key, type: { ...type, schema: { ...type.schema, ...more } } };
};

test("names, modifiers and what older rows hold come back as they were registered", () => {
  const columns = [column("id", true, 20), column("E-Mail", false, 1043, { pgModifier: 9 }), column("hue", false, 99_999, { pgFilled: true })];
  const schema: unknown = JSON.parse(JSON.stringify(envelopeSchema({ topicPrefix: "p", schema: "public", table: "t" }, columns)));
  expect([...(columnTypes(schema) ?? [])]).toEqual([
    ["id", { pgType: "int8", modifier: -1, filled: false }],
    ["E-Mail", { pgType: "varchar", modifier: 9, filled: false }],
    ["hue", { pgType: "shop.colour", modifier: -1, filled: true }],
  ]);
});

test.each([
  ["a message", messageSchema("p")],
  ["text", "string"],
  ["nothing", undefined],
])("%s has none", (_, schema) => {
  expect(columnTypes(schema)).toBeUndefined();
});
