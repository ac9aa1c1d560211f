import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { columnWriters } from "../../../connectors/postgres/column-writers.ts";
import { AvroWriter } from "../../../schemas/avro-bytes.ts";
import type { AvroForm } from "../../../schemas/postgres-types.ts";
import { exactAvroType } from "../../support/exact-avro.ts";
import { text } from "../../support/pgoutput-arbitraries.ts";

/** The writer's bytes for a text in the middle of others, in a buffer with just the room that it may count on. */
function written(form: AvroForm, value: string): Buffer {
  const source = Buffer.from(`9${value}9`);
  const length = source.length - 2;
  const writer = new AvroWriter(length + 12);
  columnWriters[form](writer, source, 1, 1 + length);
  return writer.bytes.subarray(0, writer.at);
}

const bound = (bits: number) =>
  fc.oneof(fc.bigInt({ min: -(1n << BigInt(bits)), max: (1n << BigInt(bits)) - 1n }), fc.constantFrom(-(1n << BigInt(bits)), 0n, -1n));

describe("what PostgreSQL prints becomes what avsc writes for the value", () => {
  test.each<[AvroForm, string, unknown]>([
    ["boolean", "t", true],
    ["boolean", "f", false],
    ["int", "-2147483648", -2_147_483_648],
    ["int", "0", 0],
    ["long", "9223372036854775807", 9_223_372_036_854_775_807n],
    ["long", "-9223372036854775808", -9_223_372_036_854_775_808n],
    ["long", "999999999999999", 999_999_999_999_999n],
    ["long", "1000000000000000", 1_000_000_000_000_000n],
    ["long", "-99999999999999", -99_999_999_999_999n],
    ["float", "NaN", Number.NaN],
    ["float", "-Infinity", Number.NEGATIVE_INFINITY],
    ["float", "-0", -0],
    ["float", "1e-45", 1.401298464324817e-45],
    ["float", "3.4028235e+38", 3.4028234663852886e38],
    // The float of these bits, as text, and not the one that the text's double is rounded to.
    ["float", "7.038531e-26", Buffer.from([0xfd, 0x43, 0xae, 0x15]).readFloatLE()],
    ["float", "-7.038531e-26", Buffer.from([0xfd, 0x43, 0xae, 0x95]).readFloatLE()],
    ["double", "5e-324", 5e-324],
    ["double", "1.7976931348623157e+308", Number.MAX_VALUE],
    ["double", "-0", -0],
    ["double", "0.1", 0.1],
    ["double", "123456.78901234", 123_456.789_012_34],
    ["double", "999999999999999", 999_999_999_999_999],
    ["double", "9007199254740993", 9_007_199_254_740_992],
    ["double", "1e+15", 1e15],
    ["double", "NaN", Number.NaN],
    ["bytes", "\\x", Buffer.alloc(0)],
    ["bytes", "\\x00ff10Af".toLowerCase(), Buffer.from([0, 255, 16, 175])],
    ["string", "", ""],
    ["string", "1.50", "1.50"],
  ])("%s %s", (form, printed, value) => {
    expect(written(form, printed)).toEqual(exactAvroType(form).toBuffer(value));
  });

  test("int4, int8, bytea and text of any value", () => {
    fc.assert(
      fc.property(bound(31), bound(63), fc.uint8Array({ maxLength: 200 }), text(100), (int, long, bytes, string) => {
        expect(written("int", String(int))).toEqual(exactAvroType("int").toBuffer(Number(int)));
        expect(written("long", String(long))).toEqual(exactAvroType("long").toBuffer(long));
        expect(written("bytes", `\\x${Buffer.from(bytes).toString("hex")}`)).toEqual(exactAvroType("bytes").toBuffer(Buffer.from(bytes)));
        expect(written("string", string)).toEqual(exactAvroType("string").toBuffer(string));
      }),
      { numRuns: 500 },
    );
  });

  test("float8 of any value, and of any number of digits", () => {
    const number = fc.oneof(
      fc.double({ noNaN: true }),
      fc.tuple(fc.integer({ min: -(10 ** 9), max: 10 ** 9 }), fc.integer({ min: 0, max: 9 })).map(([digits, places]) => digits / 10 ** places),
    );
    fc.assert(
      fc.property(number, fc.integer({ min: 1, max: 17 }), (value, precision) => {
        const printed = Object.is(value, -0) ? "-0" : String(Number(value.toPrecision(precision)));
        expect(written("double", printed)).toEqual(exactAvroType("double").toBuffer(Number(printed)));
      }),
      { numRuns: 2000 },
    );
  });

  test("a bytea that is not printed in hexadecimal is refused: somebody has overridden bytea_output", () => {
    for (const escaped of ["abc", "\\000", "\\x0"])
      expect(() => written("bytes", escaped)).toThrow(expect.objectContaining({ code: "PGOUTPUT_MALFORMED" }));
  });
});
