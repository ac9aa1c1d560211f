import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AvroCursor, AvroWriter } from "../../schemas/avro-bytes.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { exactAvroType } from "../support/exact-avro.ts";
import { text } from "../support/pgoutput-arbitraries.ts";

const longType = exactAvroType("long");

/** What the writer writes, with 0xa5 in every byte that it does not. */
function written(write: (writer: AvroWriter) => void, capacity = 64): Buffer {
  const writer = new AvroWriter(capacity);
  writer.bytes.fill(0xa5);
  write(writer);
  return writer.bytes.subarray(0, writer.at);
}

function over(bytes: Buffer): AvroCursor {
  return new AvroCursor().over(bytes, 0, bytes.length);
}

/** Each power of two, its neighbours, and all of them negative: where a byte more is needed. */
const edges = Array.from({ length: 64 }, (_, i) => 1n << BigInt(i))
  .flatMap((power) => [power - 1n, power, power + 1n])
  .flatMap((value) => [value, -value])
  .filter((value) => value >= -(1n << 63n) && value < 1n << 63n);

const anyLong = fc.oneof(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }), fc.constantFrom(...edges));
const safeLong = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(...edges.filter((edge) => Number.isSafeInteger(Number(edge))).map(Number)),
);
const withinHalf = safeLong.map((value) => Math.trunc(value / 2));

describe("AvroWriter writes as avsc does", () => {
  test("a long that a number holds", () => {
    fc.assert(
      fc.property(safeLong, (value) => {
        expect(written((writer) => writer.long(value))).toEqual(longType.toBuffer(BigInt(value)));
      }),
      { numRuns: 2000 },
    );
  });

  test("a long of any size", () => {
    fc.assert(
      fc.property(anyLong, (value) => {
        expect(written((writer) => writer.bigLong(value))).toEqual(longType.toBuffer(value));
      }),
      { numRuns: 2000 },
    );
  });

  test("a long of two words", () => {
    fc.assert(
      fc.property(anyLong, (value) => {
        const positive = value < 0n ? -(value + 1n) : value;
        expect(written((writer) => writer.longOfWords(Number(positive >> 32n), Number(positive & 0xffff_ffffn)))).toEqual(
          longType.toBuffer(positive),
        );
      }),
      { numRuns: 2000 },
    );
  });

  test("floats and doubles, those that are no numbers included", () => {
    const floats = exactAvroType("float");
    const doubles = exactAvroType("double");
    fc.assert(
      fc.property(fc.float(), fc.double(), (float, double) => {
        expect(written((writer) => writer.float(float))).toEqual(floats.toBuffer(float));
        expect(written((writer) => writer.double(double))).toEqual(doubles.toBuffer(double));
      }),
    );
  });

  test("strings of any text and length, in a buffer that has no room for them", () => {
    const strings = exactAvroType("string");
    fc.assert(
      fc.property(text(3000), fc.nat(5), (value, capacity) => {
        expect(written((writer) => writer.string(value), capacity)).toEqual(strings.toBuffer(value));
      }),
    );
  });

  test("bytes from the middle of others", () => {
    const type = exactAvroType("bytes");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(100), (bytes, a, b) => {
        const source = Buffer.from(bytes);
        const [start, end] = [Math.min(a, b, source.length), Math.min(Math.max(a, b), source.length)];
        expect(written((writer) => writer.slice(source, start, end), 128)).toEqual(type.toBuffer(source.subarray(start, end)));
      }),
    );
  });

  test("and keeps what is there when it grows, once or a hundred times", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 100 }), fc.nat(10), (lengths, capacity) => {
        const writer = new AvroWriter(capacity);
        for (const length of lengths) {
          writer.reserve(length);
          writer.raw(Buffer.alloc(length, length), 0, length);
        }
        expect(writer.bytes.subarray(0, writer.at)).toEqual(Buffer.concat(lengths.map((length) => Buffer.alloc(length, length))));
      }),
    );
  });
});

describe("AvroCursor reads what avsc has written", () => {
  test("a long within 2^52 as a number, and passes over it", () => {
    fc.assert(
      fc.property(withinHalf, (value) => {
        const bytes = longType.toBuffer(BigInt(value));
        const cursor = over(bytes);
        expect(cursor.long()).toBe(value === 0 ? 0 : value);
        expect(cursor.at).toBe(bytes.length);
        const other = over(bytes);
        other.skipLong();
        expect(other.at).toBe(bytes.length);
      }),
      { numRuns: 2000 },
    );
  });

  test("a long beyond 2^52 not as a number, since it might be another one", () => {
    fc.assert(
      fc.property(anyLong, (value) => {
        fc.pre(value >= 1n << 52n || value < -(1n << 52n));
        expect(() => over(longType.toBuffer(value)).long()).toThrow(expect.objectContaining({ code: "EVENT_MALFORMED" }));
      }),
    );
  });

  test("a long of any size as a bigint", () => {
    fc.assert(
      fc.property(anyLong, (value) => {
        expect(over(longType.toBuffer(value)).bigLong()).toBe(value);
      }),
      { numRuns: 2000 },
    );
  });

  test("a long that is not negative as two words", () => {
    fc.assert(
      fc.property(anyLong, (value) => {
        const positive = value < 0n ? -(value + 1n) : value;
        const cursor = over(longType.toBuffer(positive));
        cursor.words();
        expect((BigInt(cursor.high) << 32n) | BigInt(cursor.low)).toBe(positive);
      }),
      { numRuns: 2000 },
    );
  });

  test("strings", () => {
    const strings = exactAvroType("string");
    fc.assert(
      fc.property(text(100), (value) => {
        const bytes = strings.toBuffer(value);
        const cursor = over(bytes);
        expect(cursor.string()).toBe(value);
        expect(cursor.at).toBe(bytes.length);
      }),
    );
  });

  test("and never a byte behind its end, whatever stands there", () => {
    const steps = fc.array(fc.constantFrom("byte", "long", "words", "bigLong", "skipLong", "slice", "string" as const), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), fc.nat(30), steps, (bytes, length, reads) => {
        const end = Math.min(length, bytes.length);
        const cursor = new AvroCursor().over(Buffer.from(bytes), 0, end);
        let code: string | undefined;
        try {
          for (const read of reads) cursor[read]();
        } catch (error) {
          code = error instanceof OfftakeError ? error.code : String(error);
        }
        expect([undefined, "EVENT_MALFORMED"]).toContain(code);
        expect(cursor.at).toBeLessThanOrEqual(end);
      }),
      { numRuns: 5000 },
    );
  });

  test("and refuses a long of more than ten bytes", () => {
    const endless = Buffer.alloc(11, 0xff);
    for (const read of ["long", "words", "bigLong", "skipLong"] as const)
      expect(() => over(endless)[read]()).toThrow(expect.objectContaining({ code: "EVENT_MALFORMED" }));
  });

  test("and refuses a string of negative length", () => {
    expect(() => over(Buffer.from([1, 65, 65])).string()).toThrow(expect.objectContaining({ code: "EVENT_MALFORMED" }));
  });
});
