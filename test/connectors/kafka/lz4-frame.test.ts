import { expect, test } from "vitest";
import { lz4Content } from "../../../connectors/kafka/lz4-frame.ts";
import { lz4Model } from "../../support/decompression-model.ts";

/** Flags: 0x40 is version 1, and 0x20 blocks that stand alone, 0x10 checksums of blocks, 0x08 the content's size, 0x04 its checksum, 0x01 a dictionary. */
function frame(
  flags: number,
  blocks: readonly Buffer[],
  { sizes = 0x40, size = -1, end = true }: { sizes?: number; size?: number; end?: boolean } = {},
): Buffer {
  const contentSize = Buffer.alloc((flags & 8) === 0 ? 0 : 8);
  if (contentSize.length > 0) contentSize.writeBigInt64LE(BigInt(size));
  const checksum = Buffer.alloc((flags & 4) === 0 ? 0 : 4, 0xcc);
  const blockChecksum = Buffer.alloc((flags & 16) === 0 ? 0 : 4, 0xdd);
  const head = Buffer.from([0x04, 0x22, 0x4d, 0x18, flags, sizes]);
  return Buffer.concat([
    head,
    contentSize,
    Buffer.from([0]),
    ...blocks.flatMap((each) => [each, blockChecksum]),
    ...(end ? [Buffer.alloc(4), checksum] : []),
  ]);
}

function block(bytes: readonly number[] | string, stored = false): Buffer {
  const content = typeof bytes === "string" ? Buffer.from(bytes) : Buffer.from(bytes);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(content.length + (stored ? 2 ** 31 : 0));
  return Buffer.concat([size, content]);
}

const [a, b, c] = [0x61, 0x62, 0x63];
/** abc, then six bytes from three before, then no literal. */
const thrice = block([0x32, a, b, c, 3, 0, 0x00]);

test.each<[string, Buffer, string]>([
  ["nothing", frame(0x60, []), ""],
  ["literals", frame(0x60, [block([0x30, a, b, c])]), "abc"],
  ["bytes as they are", frame(0x60, [block("plain", true)]), "plain"],
  ["what was there before, and then nothing more", frame(0x60, [thrice]), "abcabcabc"],
  ["what is just being written", frame(0x60, [block([0x1f, a, 1, 0, 255, 6, 0x00])]), "a".repeat(1 + 15 + 255 + 6 + 4)],
  ["many literals", frame(0x60, [block([0xf0, 255, 0, ...Array<number>(270).fill(b)])]), "b".repeat(270)],
  ["a block that refers to the one before", frame(0x40, [block([0x30, a, b, c]), block([0x02, 3, 0, 0x10, c])]), "abcabcabcc"],
  ["checksums and a size, which are passed over or held against it", frame(0x7c, [block([0x30, a, b, c]), block("d", true)], { size: 4 }), "abcd"],
  ["what is behind the frame", Buffer.concat([frame(0x60, [block("plain", true)]), Buffer.from("more")]), "plain"],
])("reads %s", (_, bytes, content) => {
  expect(lz4Model(bytes).toString()).toBe(content);
  expect(lz4Content(bytes, 1000).toString()).toBe(content);
});

test.each<[string, Buffer]>([
  ["nothing at all", Buffer.alloc(0)],
  ["another magic number", Buffer.from(frame(0x60, [])).fill(1, 0, 1)],
  ["another version", frame(0xa0, [])],
  ["a dictionary", frame(0x61, [])],
  ["blocks of a size that there is not", frame(0x60, [], { sizes: 0x30 })],
  ["no end", frame(0x60, [block("plain", true)], { end: false })],
  ["another size of its content", frame(0x68, [block("plain", true)], { size: 6 })],
  ["a distance of nothing", frame(0x60, [block([0x10, a, 0, 0, 0x00])])],
  ["a distance to before its beginning", frame(0x60, [block([0x10, a, 2, 0, 0x00])])],
  ["a distance to the block before, where blocks stand alone", frame(0x60, [block([0x30, a, b, c]), block([0x02, 3, 0, 0x10, c])])],
  ["more literals than the block has", frame(0x60, [block([0x30, a, b])])],
  ["a length without its end", frame(0x60, [block([0xf0, 255, 255])])],
  ["half a distance", frame(0x60, [block([0x10, a, 1])])],
  ["no last literals", frame(0x60, [block([0x10, a, 1, 0])])],
  ["more than a block may hold", frame(0x60, [block([0x1f, a, 1, 0, ...Array<number>(300).fill(255), 0, 0x00])])],
  ["more bytes as they are than a block may hold", frame(0x60, [block("b".repeat(65_537), true)])],
])("refuses a frame with %s", (_, bytes) => {
  expect(() => lz4Model(bytes)).toThrow(Error);
  expect(() => lz4Content(bytes, 1 << 20)).toThrow(Error);
});
