import avro from "avsc";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AvroSchema, envelopeSchema, keySchema, messageEnvelopeName, messageSchema } from "../../schemas/envelope.ts";
import { avroColumnType } from "../../schemas/postgres-types.ts";
import { text } from "../support/pgoutput-arbitraries.ts";
import debeziumEnvelope from "./fixtures/debezium-envelope.json" with { type: "json" };
import debeziumKey from "./fixtures/debezium-key.json" with { type: "json" };

const names = { topicPrefix: "prefix", schema: "public", table: "bench" };

/** The table that Debezium 3.6 registered the fixtures for. */
const columns = Object.entries({ id: 20, n: 23, s20: 25, s60: 25, amt: 1700, ts: 1184, ok: 16, doc: 3802, uid: 2950, d: 701 }).map(([name, oid]) => ({
  name,
  key: name === "id",
  type: avroColumnType(oid, undefined),
}));

interface Field {
  readonly name: string;
  type: unknown;
  readonly default?: unknown;
}

interface RecordSchema {
  readonly name: string;
  readonly namespace?: string;
  fields: Field[];
}

/** A copy. Without what Debezium has no word for: the name of PostgreSQL's type. A type without any other property is then its bare name. */
function withoutPgType(schema: unknown): RecordSchema {
  const copy: RecordSchema = JSON.parse(JSON.stringify(schema), (_, value: unknown) => {
    if (typeof value !== "object" || value === null || !("pgType" in value)) return value;
    const { pgType: _name, ...rest } = value;
    return Object.keys(rest).length === 1 && "type" in rest ? rest.type : rest;
  });
  return copy;
}

function copyOf(schema: unknown): RecordSchema {
  const copy: RecordSchema = JSON.parse(JSON.stringify(schema));
  return copy;
}

function fieldOf(schema: RecordSchema, name: string): Field | undefined {
  return schema.fields.find((field) => field.name === name);
}

/** Of an envelope: the record of the row. */
function valueOf(schema: RecordSchema): RecordSchema {
  const before: { type: [string, RecordSchema] } = Object(fieldOf(schema, "before"));
  return before.type[1];
}

/** As Debezium writes them: in forms that cannot hold every value that the type has. Ours are text. */
const exactAsText = ["amt", "ts"];

describe("the envelope", () => {
  test("has Debezium's fields, in its order, with its types, names and defaults, and ours at the end", () => {
    const ours = withoutPgType(envelopeSchema(names, columns));
    expect(ours.fields.pop()).toMatchObject({ name: "offtake", default: null });
    const theirs = copyOf(debeziumEnvelope);
    for (const schema of [ours, theirs]) {
      const value = valueOf(schema);
      value.fields = value.fields.filter(({ name }) => !exactAsText.includes(name));
    }
    expect(ours).toEqual(theirs);
  });

  test("has the columns of which Debezium's form is not exact as nullable text, in their place", () => {
    const ours = valueOf(withoutPgType(envelopeSchema(names, columns)));
    expect(ours.fields.map(({ name }) => name)).toEqual(valueOf(copyOf(debeziumEnvelope)).fields.map(({ name }) => name));
    for (const name of exactAsText) expect(fieldOf(ours, name)).toEqual({ name, type: ["null", "string"], default: null });
  });

  test("says of every column which type of PostgreSQL it has", () => {
    const types = valueOf(copyOf(envelopeSchema(names, columns))).fields.map(({ type }) => JSON.stringify(type));
    const pgTypes = types.map((type) => /"pgType":"(\w+)"/.exec(type)?.[1]);
    expect(pgTypes).toEqual(["int8", "int4", "text", "text", "numeric", "timestamptz", "bool", "jsonb", "uuid", "float8"]);
  });

  test("of a key is Debezium's", () => {
    expect(withoutPgType(keySchema(names, columns))).toEqual(debeziumKey);
  });

  test("of a table without a key has no old key, and every column of it may be null", () => {
    const keyless = columns.map((column) => ({ ...column, key: false }));
    const schema = copyOf(envelopeSchema(names, keyless));
    expect(JSON.stringify(schema)).not.toContain("old_key");
    expect(valueOf(schema).fields.every(({ type, default: value }) => Array.isArray(type) && value === null)).toBe(true);
  });

  test("of a message has a name and a structure of its own, with Debezium's source and ours", () => {
    const schema = copyOf(messageSchema("acme.prod"));
    expect(`${schema.namespace}.${schema.name}`).toBe(messageEnvelopeName("acme.prod"));
    expect(messageEnvelopeName("acme.prod")).toBe("acme.prod.Message.Envelope");
    expect(schema.fields.map(({ name }) => name)).toEqual(["op", "source", "ts_ms", "ts_us", "ts_ns", "message", "offtake"]);
    expect(fieldOf(schema, "source")).toEqual(fieldOf(copyOf(debeziumEnvelope), "source"));
  });
});

describe("every schema", () => {
  const name = text(20).filter((value) => value !== "");
  const table = fc.record({
    topicPrefix: fc.constantFrom("offtake", "a.b", "0-x"),
    schema: name,
    table: name,
    columns: fc.uniqueArray(fc.record({ name, key: fc.boolean(), oid: fc.constantFrom(16, 17, 20, 21, 23, 25, 700, 701, 1700, 3802, 99_999) }), {
      selector: (column) => column.name,
      maxLength: 8,
    }),
  });

  test("is one that avsc takes as it comes, whatever the names", () => {
    fc.assert(
      fc.property(table, ({ columns: chosen, ...names_ }) => {
        const typed = chosen.map(({ name: column, key, oid }) => ({ name: column, key, type: avroColumnType(oid, "shop.colour") }));
        const schemas: AvroSchema[] = [envelopeSchema(names_, typed), keySchema(names_, typed), messageSchema(names_.topicPrefix)];
        for (const schema of schemas) {
          const parsed: avro.Schema = JSON.parse(JSON.stringify(schema));
          expect(avro.Type.forSchema(parsed).typeName).toBe("record");
        }
      }),
    );
  });
});
