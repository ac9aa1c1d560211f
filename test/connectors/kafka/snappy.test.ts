import { expect, test } from "vitest";
import { snappyContent } from "../../../connectors/kafka/snappy.ts";
import { snappyModel } from "../../support/decompression-model.ts";

const [a, b, c] = [0x61, 0x62, 0x63];
const abc = [0x08, a, b, c];
const head = [0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1];

/** Literals of which the length stands in so many bytes. */
function literals(lengthBytes: number, length: number): number[] {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(length - 1);
  return [(59 + lengthBytes) << 2, ...size.subarray(0, lengthBytes), ...Array<number>(length).fill(b)];
}

test.each<[string, readonly number[], string]>([
  ["nothing", [0], ""],
  ["literals", [3, ...abc], "abc"],
  ["a length of two bytes", [0xac, 0x02, ...literals(2, 300)], "b".repeat(300)],
  ...[1, 2, 3, 4].map((bytes): [string, number[], string] => [
    `literals with a length in ${bytes} bytes`,
    [70, ...literals(bytes, 70)],
    "b".repeat(70),
  ]),
  ["a short copy", [8, ...abc, 0x05, 3], "abcabcab"],
  ["a short copy from far", [0x90, 0x03, ...literals(2, 396), 0x01 | (1 << 5), 0x10], "b".repeat(400)],
  ["a copy with two bytes of distance", [9, ...abc, 0x16, 3, 0], "abcabcabc"],
  ["a copy with four", [9, ...abc, 0x17, 3, 0, 0, 0], "abcabcabc"],
  ["what is just being written", [67, ...abc, 0xfe, 1, 0], `abc${"c".repeat(64)}`],
  ["pieces", [...head, 0, 0, 0, 5, 3, ...abc, 0, 0, 0, 8, 9, ...abc, 0x16, 3, 0], "abcabcabcabc"],
  ["no piece", head, ""],
])("reads %s", (_, bytes, content) => {
  expect(snappyModel(Buffer.from(bytes)).toString()).toBe(content);
  expect(snappyContent(Buffer.from(bytes), 1000).toString()).toBe(content);
});

test.each<[string, readonly number[]]>([
  ["nothing at all", []],
  ["a length without its end", [0x80, 0x80]],
  ["a length of six bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0]],
  ["less than its length", [4, ...abc]],
  ["more than its length", [2, ...abc]],
  ["literals that are not there", [3, 0x08, a, b]],
  ["a distance of nothing", [9, ...abc, 0x16, 0, 0]],
  ["a distance to before its beginning", [9, ...abc, 0x16, 4, 0]],
  ["half a distance", [9, ...abc, 0x16, 3]],
  ["a copy beyond its length", [8, ...abc, 0x16, 3, 0]],
  ["half of the pieces' head", head.slice(0, 12)],
  ["a piece that is not there", [...head, 0, 0, 0, 6, 3, ...abc]],
  ["a piece of nothing", [...head, 0, 0, 0, 0]],
  ["a piece of less than nothing", [...head, 255, 255, 255, 255, 3, ...abc]],
  ["half the length of a piece", [...head, 0, 0]],
])("refuses Snappy with %s", (_, bytes) => {
  expect(() => snappyModel(Buffer.from(bytes))).toThrow(Error);
  expect(() => snappyContent(Buffer.from(bytes), 1000)).toThrow(Error);
});

test("pieces give no more together than one may", () => {
  const piece = [0, 0, 0, 5, 3, ...abc];
  expect(snappyContent(Buffer.from([...head, ...piece, ...piece]), 6)).toHaveLength(6);
  expect(() => snappyContent(Buffer.from([...head, ...piece, ...piece]), 5)).toThrow("a content of 3 bytes, where 2 may be");
});
