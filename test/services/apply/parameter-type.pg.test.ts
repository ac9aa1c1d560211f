import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtInTypes } from "../../../schemas/built-in-types.ts";
import type { AvroForm } from "../../../schemas/postgres-types.ts";
import { arrayParameter } from "../../../services/apply/array-parameter.ts";
import { ByteArena } from "../../../services/apply/byte-arena.ts";
import { NotMergeable } from "../../../services/apply/not-mergeable.ts";
import { binaryType, type ParameterType } from "../../../services/apply/parameter-type.ts";
import { RowSet } from "../../../services/apply/row-set.ts";
import { freshDatabase } from "../../support/databases.ts";
import { logOf, WrittenTable } from "./event-writer.ts";

const database = await freshDatabase("target");
afterAll(database.drop);
const client = new Client({ connectionString: database.url, options: "-c TimeZone=UTC" });
beforeAll(async () => client.connect());
afterAll(async () => client.end());

const oidOf = (type: string): number => Number(Object.entries(builtInTypes).find(([, name]) => name === type)![0]);

function binary(form: AvroForm, type: string, sourceType = type): ParameterType | undefined {
  return binaryType(form, sourceType, { oid: oidOf(type), schema: "pg_catalog", name: type, isEnum: false });
}

function parameterOf(type: string, parameter: ParameterType, values: readonly unknown[]): Buffer {
  const table = new WrittenTable("t", { v: type });
  const log = logOf(values.map((v) => table.create({ v })));
  return arrayParameter(log, RowSet.of([...values.keys()]), "row", 0, parameter, new ByteArena());
}

/** What the server prints of values of the type, and what it prints of them after they have gone through the binary form. */
async function throughBinary(type: string, valuesSql: string): Promise<{ printed: (string | null)[]; understood: (string | null)[] }> {
  const printed = (await client.query<{ v: string | null }>(`SELECT v::text AS v FROM (${valuesSql}) AS s(v)`)).rows.map(({ v }) => v);
  const parameter = binary("string", type)!;
  const { rows } = await client.query<{ v: string | null }>(
    `SELECT u.v::text AS v FROM unnest($1::${parameter.sql}) WITH ORDINALITY AS u(v, i) ORDER BY u.i`,
    [parameterOf(type, parameter, printed)],
  );
  return { printed, understood: rows.map(({ v }) => v) };
}

const days =
  "generate_series(timestamp '0001-01-01 BC', timestamp '0009-12-31', '1 day') UNION ALL SELECT generate_series(timestamp '1580-01-01', timestamp '2420-12-31', '1 day')";

describe("what PostgreSQL prints becomes the value that it was", () => {
  test.each([
    ["date", `SELECT d::date FROM (SELECT ${days}) AS x(d)`],
    [
      "date",
      "VALUES (date '4713-01-01 BC'), ('5874897-12-31'), ('infinity'), ('-infinity'), (NULL), ('0001-12-31 BC'), ('0001-01-01'), ('10000-02-29')",
    ],
    ["timestamp", `SELECT d + '23:59:59.999999' FROM (SELECT ${days}) AS x(d)`],
    [
      "timestamp",
      "VALUES (timestamp '4713-01-01 00:00:00 BC'), ('294276-12-31 23:59:59.999999'), ('infinity'), ('-infinity'), (NULL), ('2000-01-01 00:00:00.5')",
    ],
    ["timestamptz", `SELECT (d + '12:34:56.00789') AT TIME ZONE 'UTC' FROM (SELECT ${days}) AS x(d)`],
    [
      "timestamptz",
      "VALUES (timestamptz '4713-01-01 00:00:00+00 BC'), ('294276-12-31 23:59:59.999999+00'), ('infinity'), ('-infinity'), (NULL), ('1999-12-31 23:59:59.999999+00')",
    ],
    // Both sides of the days whose microseconds are counted in a bigint.
    ["timestamp", "SELECT generate_series(timestamp '1714-01-01', timestamp '1717-01-01', '37 hours 11 minutes 0.000001 second')"],
    ["timestamp", "SELECT generate_series(timestamp '2283-01-01', timestamp '2286-01-01', '37 hours 11 minutes 0.000001 second')"],
    ["time", "SELECT time '00:00' + i * interval '7.1 seconds' FROM generate_series(0, 12000) i"],
    ["time", "VALUES (time '24:00:00'), ('00:00:00'), ('23:59:59.999999'), (NULL), ('00:00:00.000001')"],
    ["uuid", "SELECT md5(i::text)::uuid FROM generate_series(1, 2000) i"],
    [
      "uuid",
      "VALUES (uuid '00000000-0000-0000-0000-000000000000'), ('ffffffff-ffff-ffff-ffff-ffffffffffff'), (NULL), ('01234567-89ab-cdef-0123-456789abcdef')",
    ],
    [
      "numeric",
      "SELECT (i * 7919 % 1000003) * power(10::numeric, (i % 41) - 20) * (CASE i % 2 WHEN 0 THEN 1 ELSE -1 END) FROM generate_series(0, 4000) i",
    ],
    [
      "numeric",
      "VALUES (numeric 'NaN'), ('Infinity'), ('-Infinity'), ('0'), ('0.00'), ('-0.00'), ('1.10'), ('10000'), ('9999'), ('10000.0001'), ('0.0001'), ('0.00001'), ('-123456789.987654321'), (NULL)",
    ],
    [
      "numeric",
      "SELECT repeat('9', i)::numeric FROM generate_series(1, 40) i UNION ALL SELECT ('0.' || repeat('0', i) || '1')::numeric FROM generate_series(0, 40) i",
    ],
    [
      "numeric",
      "VALUES (repeat('1234567890', 100)::numeric), (('0.' || repeat('0987654321', 100))::numeric), (('1e131071')::numeric), (('1e-16383')::numeric)",
    ],
    ["jsonb", `VALUES (jsonb '{"a": [1.00, null, "é🐘"]}'), ('""'), (NULL), ('1')`],
    ["json", `VALUES (json '{"a":1,  "a":2}'), (NULL)`],
    ["text", "VALUES (''), (NULL), (repeat('é🐘', 40)), (E'\\\\ \\t \\n')"],
    ["varchar", "VALUES (varchar 'a '), ('')"],
    ["bpchar", "VALUES ('a  '::bpchar), ('')"],
    ["name", "VALUES (name 'a'), (repeat('x', 63)::name)"],
  ])("%s: %s", async (type, valuesSql) => {
    const { printed, understood } = await throughBinary(type, valuesSql);
    expect(printed.length).toBeGreaterThan(0);
    expect(understood).toEqual(printed);
  });

  test.each<[AvroForm, string, readonly (readonly [unknown, string | null])[]]>([
    [
      "int",
      "int2",
      [
        [0, "0"],
        [-32_768, "-32768"],
        [32_767, "32767"],
        [null, null],
      ],
    ],
    [
      "int",
      "int4",
      [
        [-2_147_483_648, "-2147483648"],
        [2_147_483_647, "2147483647"],
      ],
    ],
    [
      "long",
      "int8",
      [
        [-(2n ** 63n), "-9223372036854775808"],
        [2n ** 63n - 1n, "9223372036854775807"],
        [-1n, "-1"],
        [-4_294_967_297n, "-4294967297"],
      ],
    ],
    [
      "boolean",
      "bool",
      [
        [true, "true"],
        [false, "false"],
        [null, null],
      ],
    ],
    [
      "float",
      "float4",
      [
        [Math.fround(0.1), "0.1"],
        [-0, "-0"],
        [Number.NaN, "NaN"],
        [Number.NEGATIVE_INFINITY, "-Infinity"],
      ],
    ],
    [
      "double",
      "float8",
      [
        [0.1, "0.1"],
        [-0, "-0"],
        [Number.NaN, "NaN"],
        [5e-324, "5e-324"],
        [Number.POSITIVE_INFINITY, "Infinity"],
      ],
    ],
    [
      "bytes",
      "bytea",
      [
        [Buffer.from("00ff5c", "hex"), "\\x00ff5c"],
        [Buffer.alloc(0), "\\x"],
        [null, null],
      ],
    ],
  ])("%s as %s", async (form, type, samples) => {
    const parameter = binary(form, type)!;
    const values = samples.map(([value]) => value);
    const { rows } = await client.query<{ v: string | null }>(
      `SELECT u.v::text AS v FROM unnest($1::${parameter.sql}) WITH ORDINALITY AS u(v, i) ORDER BY u.i`,
      [parameterOf(type, parameter, values)],
    );
    expect(rows.map(({ v }) => v)).toEqual(samples.map(([, text]) => text));
  });

  test("an enum of the target's own", async () => {
    await client.query(`CREATE TYPE "an Enum" AS ENUM ('it''s', 'é')`);
    const { rows: found } = await client.query<{ oid: number }>(`SELECT oid FROM pg_type WHERE typname = 'an Enum'`);
    const parameter = binaryType("string", "public.an Enum", { oid: found[0]!.oid, schema: "public", name: "an Enum", isEnum: true })!;
    const { rows } = await client.query<{ v: string }>(`SELECT array_agg(u::text)::text AS v FROM unnest($1::${parameter.sql}) u`, [
      parameterOf("public.an Enum", parameter, ["é", "it's"]),
    ]);
    expect(rows[0]!.v).toBe("{é,it's}");
  });
});

describe("what PostgreSQL does not print is left to the target", () => {
  test.each([
    ["uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"],
    ["uuid", "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"],
    ["uuid", "a0eebc999c0b4ef8bb6d6bb9bd380a11"],
    ["numeric", "1e5"],
    ["numeric", ".5"],
    ["numeric", "5."],
    ["numeric", "+5"],
    ["numeric", " 5"],
    ["numeric", ""],
    ["numeric", "nan"],
    ["numeric", "-"],
    ["numeric", "-NaN"],
    ["date", "01/02/2026"],
    ["date", "2026-13-01"],
    ["date", "2026-01-01 "],
    ["date", "2026-01-01 AD"],
    ["date", "today"],
    ["time", "24:00:01"],
    ["time", "12:00:00+01"],
    ["time", "12:00"],
    ["timestamp", "2026-01-01T00:00:00"],
    ["timestamp", "2026-01-01 00:00:00+00"],
    ["timestamptz", "2026-01-01 00:00:00"],
    ["timestamptz", "2026-01-01 00:00:00+01"],
    ["timestamptz", "2026-01-01 00:00:00+00:30"],
    ["timestamptz", "2026-01-01 00:00:00.+00"],
    ["timestamptz", "2026-01-01 00:00:00.1234567+00"],
  ])("%s %j", (type, text) => {
    expect(() => parameterOf(type, binary("string", type)!, [text])).toThrow(NotMergeable);
  });

  test("a number that the target's type does not hold", () => {
    for (const value of [32_768, -32_769]) expect(() => parameterOf("int4", binary("int", "int2")!, [value])).toThrow(NotMergeable);
  });

  test("a text of a column of another type, and types whose binary form is not written here", () => {
    expect(binary("string", "timestamptz", "text")).toBeUndefined();
    expect(binary("string", "timestamptz", "timestamp")).toBeUndefined();
    expect(binary("int", "int8", "int4")).toBeUndefined();
    for (const type of ["interval", "timetz", "inet", "xml", "char", "text[]", "int4range"]) expect(binary("string", type)).toBeUndefined();
  });
});
