import { gzipSync, zstdCompressSync } from "node:zlib";
import { compressionsAlgorithms } from "@platformatic/kafka";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decompress, mostContentBytes } from "../../../connectors/kafka/compression.ts";

const { snappy, lz4 } = compressionsAlgorithms;
const others: readonly (readonly [name: string, code: number, compress: (content: Buffer) => Buffer])[] = [
  ["gzip", 1, (content) => gzipSync(content)],
  ["snappy", 2, (content) => snappy.compressSync(content)],
  ["lz4", 3, (content) => lz4.compressSync(content)],
  ["zstd", 4, (content) => zstdCompressSync(content)],
];

/** Of bytes that are like nothing before, runs, and what was there a while ago: up to some hundred kilobytes. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.nat(100_000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
      fc
        .tuple(fc.uint8Array({ minLength: 1, maxLength: 70 }), fc.nat(2000))
        .map(([bytes, times]) => new Uint8Array(Buffer.concat(Array<Uint8Array>(times).fill(bytes)))),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts))
  // Nobody has nothing to compress, and the library cannot, once its memory has grown.
  .filter(({ length }) => length > 0);

describe.each(others)("%s", (_, code, compress) => {
  test("gives what others have compressed, whatever it is", () => {
    fc.assert(
      fc.property(content, (given) => decompress(code, compress(given)).equals(given)),
      { numRuns: 60 },
    );
    // Of several blocks, and of what cannot be compressed.
    const large = Buffer.concat([
      Buffer.alloc(5 << 20, "a row and another row "),
      Buffer.from(Array.from({ length: 300_000 }, (_each, i) => (i * i * 31) >> 7)),
      Buffer.alloc(1 << 20),
    ]);
    expect(decompress(code, compress(large)).equals(large)).toBe(true);
  });

  test("gives as much as it may, and no byte more", () => {
    const most = 300_000;
    expect(decompress(code, compress(Buffer.alloc(most)), most)).toHaveLength(most);
    for (const length of [most + 1, most * 100])
      expect(() => decompress(code, compress(Buffer.alloc(length)), most)).toThrow(/larger than 300000 bytes|where (\d+ have room|300000 may be)/);
  });
});

test("what begins with a length that nothing can have is refused by it", () => {
  const claim = Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]);
  expect(() => decompress(2, claim)).toThrow(`a content of 4294967295 bytes, where ${mostContentBytes} may be`);
  expect(() => decompress(2, Buffer.from([0xff, 0xff, 0x7f, 0]))).toThrow("a content of 2097151 bytes, which 4 cannot hold");
});
