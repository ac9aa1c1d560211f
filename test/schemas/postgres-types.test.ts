import { describe, expect, test } from "vitest";
import { avroColumnType } from "../../schemas/postgres-types.ts";

describe("avroColumnType", () => {
  test.each([
    [16, { type: "boolean", pgType: "bool" }],
    [21, { type: "int", pgType: "int2", "connect.type": "int16" }],
    [23, { type: "int", pgType: "int4" }],
    [20, { type: "long", pgType: "int8" }],
    [700, { type: "float", pgType: "float4" }],
    [701, { type: "double", pgType: "float8" }],
    [17, { type: "bytes", pgType: "bytea" }],
  ])("carries a type that Avro holds exactly (%i) in its native form", (oid, schema) => {
    expect(avroColumnType(oid, undefined)).toEqual({ form: schema.type, schema });
  });

  test.each([
    [1700, "numeric"],
    [1184, "timestamptz"],
    [1082, "date"],
    [1186, "interval"],
    [790, "money"],
    [1007, "int4[]"],
    [3904, "int4range"],
    [26, "oid"],
  ])("carries a type that Avro does not hold exactly (%i, %s) as the server's own text", (oid, pgType) => {
    expect(avroColumnType(oid, undefined)).toEqual({ form: "string", schema: { type: "string", pgType } });
  });

  test.each([
    [2950, "uuid", "io.debezium.data.Uuid"],
    [114, "json", "io.debezium.data.Json"],
    [3802, "jsonb", "io.debezium.data.Json"],
    [142, "xml", "io.debezium.data.Xml"],
  ])("says what Debezium calls a text (%i, %s) of the same form", (oid, pgType, name) => {
    expect(avroColumnType(oid, undefined).schema).toEqual({ type: "string", pgType, "connect.version": 1, "connect.name": name });
  });

  test("names a type that is not built in as the stream does, and one that nobody named by its OID", () => {
    expect(avroColumnType(99_999, "shop.colour").schema).toEqual({ type: "string", pgType: "shop.colour" });
    expect(avroColumnType(99_999, undefined).schema).toEqual({ type: "string", pgType: "oid 99999" });
  });

  test("takes a domain over a native type as text: its own type is not built in", () => {
    expect(avroColumnType(99_998, "public.int4").form).toBe("string");
  });
});
