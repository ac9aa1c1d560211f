import fc from "fast-check";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AvroForm } from "../../../schemas/postgres-types.ts";
import { arrayParameter } from "../../../services/apply/array-parameter.ts";
import { ByteArena } from "../../../services/apply/byte-arena.ts";
import { parameterType } from "../../../services/apply/parameter-type.ts";
import { RowSet } from "../../../services/apply/row-set.ts";
import { textOf } from "../../../services/apply/value-writer.ts";
import { freshDatabase } from "../../support/databases.ts";
import { logOf, WrittenTable } from "./event-writer.ts";

const database = await freshDatabase("target");
afterAll(database.drop);
const client = new Client({ connectionString: database.url });
beforeAll(async () => client.connect());
afterAll(async () => client.end());

/** PostgreSQL's type of each form, in which a value and its text are the same thing. */
const types: Readonly<Record<AvroForm, string>> = {
  boolean: "bool",
  int: "int4",
  long: "int8",
  float: "float4",
  double: "float8",
  bytes: "bytea",
  string: "text",
};

/** Sends the values as an array of this form and gives what the server understood, as it prints it. */
async function understood(form: AvroForm, values: readonly unknown[], asText: boolean): Promise<unknown[]> {
  const table = new WrittenTable("t", { v: types[form] });
  const log = logOf(values.map((v) => table.create({ v })));
  const type = parameterType(form, asText);
  const parameter = arrayParameter(log, RowSet.of([...values.keys()]), "row", 0, type, new ByteArena());
  const { rows } = await client.query<{ v: string | null }>(
    `SELECT u.v::${types[form]}::text AS v FROM unnest($1::${type.sql}) WITH ORDINALITY AS u(v, i) ORDER BY u.i`,
    [parameter],
  );
  return rows.map((row) => row.v);
}

const forms = ["boolean", "int", "long", "float", "double", "bytes", "string"] as const;

const samples: Readonly<Record<AvroForm, readonly (readonly [unknown, string | null])[]>> = {
  boolean: [
    [true, "true"],
    [null, null],
    [false, "false"],
  ],
  int: [
    [0, "0"],
    [-1, "-1"],
    [2_147_483_647, "2147483647"],
    [null, null],
    [-2_147_483_648, "-2147483648"],
  ],
  long: [
    [0n, "0"],
    [-1n, "-1"],
    [4_294_967_295n, "4294967295"],
    [4_294_967_296n, "4294967296"],
    [-4_294_967_296n, "-4294967296"],
    [-4_294_967_297n, "-4294967297"],
    [null, null],
    [2n ** 52n - 1n, "4503599627370495"],
    [2n ** 52n, "4503599627370496"],
    [-(2n ** 52n) - 1n, "-4503599627370497"],
    [2n ** 53n + 1n, "9007199254740993"],
    [2n ** 63n - 1n, "9223372036854775807"],
    [-(2n ** 63n), "-9223372036854775808"],
  ],
  float: [
    [0, "0"],
    [-0, "-0"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [null, null],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
    [Math.fround(0.1), "0.1"],
    [Math.fround(3.402_823_466e38), "3.4028235e+38"],
    [Math.fround(1.401_298_46e-45), "1e-45"],
    [Math.fround(16_777_216), "1.6777216e+07"],
  ],
  double: [
    [0, "0"],
    [-0, "-0"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [null, null],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
    [0.1, "0.1"],
    [Number.MAX_VALUE, "1.7976931348623157e+308"],
    [5e-324, "5e-324"],
    [1e21, "1e+21"],
    [-123_456_789_012_345_680, "-1.2345678901234568e+17"],
  ],
  bytes: [
    [Buffer.alloc(0), "\\x"],
    [Buffer.from("00ff5c27", "hex"), "\\x00ff5c27"],
    [null, null],
  ],
  string: [
    ["", ""],
    ["{}\\\"',NULL", "{}\\\"',NULL"],
    ["NULL", "NULL"],
    [null, null],
    ["héllo 🐘 \u0001", "héllo 🐘 \u0001"],
  ],
};

describe("a column of values as one parameter", () => {
  for (const form of forms) {
    for (const asText of [false, true]) {
      test(`${form}${asText ? ", as text" : ""}: extremes and NULL arrive as they left`, async () => {
        const values = samples[form];
        expect(
          await understood(
            form,
            values.map(([value]) => value),
            asText,
          ),
        ).toEqual(values.map(([, text]) => text));
      });
    }
  }

  const generators: Readonly<Record<AvroForm, fc.Arbitrary<unknown>>> = {
    boolean: fc.boolean(),
    int: fc.integer(),
    long: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    float: fc.float(),
    double: fc.double(),
    bytes: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    string: fc.string({ unit: "grapheme", maxLength: 60 }).filter((text) => !text.includes("\0")),
  };

  for (const form of forms) {
    test(`${form}: whatever the values, natively and as text are the same`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.option(generators[form]), { minLength: 1, maxLength: 100 }), async (values) => {
          const native = await understood(form, values, false);
          expect(native.map((value) => value === null)).toEqual(values.map((value) => value === null));
          expect(await understood(form, values, true)).toEqual(native);
        }),
        { numRuns: 25 },
      );
    });
  }

  test("strings arrive byte for byte, whatever they hold", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(generators.string, { minLength: 1, maxLength: 50 }), async (values) => {
        expect(await understood("string", values, false)).toEqual(values);
      }),
      { numRuns: 25 },
    );
  });

  test("texts of two megabytes, between empty ones", async () => {
    const large = "0123456789abcdef".repeat(131_072);
    const values = ["", large, "", `${large}!`, null];
    expect(await understood("string", values, false)).toEqual(values);
  });

  test("no rows are an empty array", async () => {
    const parameter = arrayParameter(
      logOf([new WrittenTable("t", { v: "text" }).create({ v: "" })]),
      new RowSet(),
      "row",
      0,
      parameterType("string", false),
      new ByteArena(),
    );
    expect((await client.query("SELECT cardinality($1::text[]) AS n", [parameter])).rows).toEqual([{ n: 0 }]);
  });
});

describe("textOf", () => {
  test("gives the text that PostgreSQL reads as the same value", async () => {
    for (const form of forms) {
      const table = new WrittenTable("t", { v: types[form] });
      const values = samples[form].filter(([value]) => value !== null);
      const log = logOf(values.map(([v]) => table.create({ v })));
      const texts = values.map((_, i) => textOf(log.buffers[log.buffer[i]!]!, log.start[log.row[i]!]!, log.end[log.row[i]!]!, form));
      const { rows } = await client.query<{ v: string }>(
        `SELECT v::${types[form]}::text AS v FROM unnest($1::text[]) WITH ORDINALITY AS u(v, i) ORDER BY i`,
        [texts],
      );
      expect(rows.map((row) => row.v)).toEqual(values.map(([, text]) => text));
    }
  });
});
