/**
 * Reads LZ4's frame format. The library's own reader has no limit, and what cannot be read ends it in the middle: the memory that it had taken stays taken, for all topics of
 * the process, and so does its stack, until nothing in LZ4 can be read or written any more.
 *
 *     Frame      magic:uint32=0x184d2204 flags:uint8 sizes:uint8 [content_size:uint64] header_checksum:uint8 Block* 0:uint32 [checksum:uint32]
 *     flags      bits 6 and 7 version 1, 5 blocks stand alone, 4 blocks have checksums, 3 content_size is there, 2 checksum is there, 0 a dictionary is needed
 *     sizes      bits 4 to 6 the largest content of a block: 4 for 64 KiB, 5 for 256 KiB, 6 for 1 MiB, 7 for 4 MiB
 *     Block      size:uint32 byte* [checksum:uint32]                                       (bit 31 of the size: not compressed)
 *     Sequence   token:uint8 [length] byte* distance:uint16 [length]                       (token: literals, and what is repeated less 4; 15 goes on in bytes of up to 255)
 *
 * Numbers are little endian. Checksums are passed over: the batch has one of all its bytes. What is behind the frame is, too, as Kafka's own reader does it.
 *
 * Source: LZ4 Frame Format Description 1.6.2; LZ4 Block Format Description.
 */
import { literal, repeat } from "./back-reference.ts";

const magic = 0x184d_2204;
/** Bytes of content that one byte stands for at most. */
const mostPerByte = 255;

interface Frame {
  readonly standAlone: boolean;
  readonly blockChecksum: 0 | 4;
  readonly largestBlock: number;
  readonly contentSize: number | undefined;
  /** Where the first block is. */
  readonly start: number;
}

/**
 * @param most bytes of content
 * @throws Error, RangeError for what is no frame, and for more content than that
 */
export function lz4Content(bytes: Buffer, most: number): Buffer {
  const frame = header(bytes);
  const out = Buffer.allocUnsafe(Math.min(roomFor(bytes, frame), most));
  let end = 0;
  for (let at = frame.start; ;) {
    const size = bytes.readUInt32LE(at);
    at += 4;
    if (size === 0) break;
    const length = size & 0x7fff_ffff;
    const limit = Math.min(end + frame.largestBlock, out.length);
    if (size === length) end = sequences(bytes.subarray(at, at + length), out, end, limit, frame.standAlone ? end : 0);
    else end = literal(bytes, at, at + length, out, end, limit);
    at += length + frame.blockChecksum;
  }
  if (frame.contentSize !== undefined && frame.contentSize !== end) throw new Error(`${end} bytes of content instead of ${frame.contentSize}`);
  return out.subarray(0, end);
}

function header(bytes: Buffer): Frame {
  if (bytes.readUInt32LE(0) !== magic) throw new Error("no LZ4 frame");
  const flags = bytes.readUInt8(4);
  const sizes = (bytes.readUInt8(5) >> 4) & 7;
  if (flags >> 6 !== 1 || (flags & 1) !== 0 || sizes < 4) throw new Error("an LZ4 frame of another version, or with a dictionary");
  const hasSize = (flags & 8) !== 0;
  return {
    standAlone: (flags & 32) !== 0,
    blockChecksum: (flags & 16) === 0 ? 0 : 4,
    largestBlock: 1 << (2 * sizes + 8),
    contentSize: hasSize ? Number(bytes.readBigUInt64LE(6)) : undefined,
    start: hasSize ? 15 : 7,
  };
}

/** What the blocks may hold at most, by their sizes alone. */
function roomFor(bytes: Buffer, { start, blockChecksum, largestBlock }: Frame): number {
  let room = 0;
  for (let at = start; ;) {
    const size = bytes.readUInt32LE(at);
    if (size === 0) return room;
    const length = size & 0x7fff_ffff;
    room += size === length ? Math.min(largestBlock, length * mostPerByte) : length;
    at += 4 + length + blockChecksum;
  }
}

/**
 * @param bytes of one block
 * @param end where its content goes
 * @param earliest the first byte that it may refer to
 * @returns where its content ends
 */
function sequences(bytes: Buffer, out: Buffer, end: number, limit: number, earliest: number): number {
  for (let from = 0; ;) {
    const token = bytes.readUInt8(from);
    from += 1;
    let literals = token >> 4;
    if (literals === 15) {
      const last = lastOfLength(bytes, from);
      literals += (last - from) * 255 + bytes[last]!;
      from = last + 1;
    }
    end = literal(bytes, from, from + literals, out, end, limit);
    from += literals;
    // The last sequence repeats nothing.
    if (from === bytes.length) return end;
    const distance = bytes.readUInt16LE(from);
    from += 2;
    let length = token & 15;
    if (length === 15) {
      const last = lastOfLength(bytes, from);
      length += (last - from) * 255 + bytes[last]!;
      from = last + 1;
    }
    end = repeat(out, end, distance, length + 4, earliest, limit);
  }
}

/** A length goes on for as long as its bytes are 255. */
function lastOfLength(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes.readUInt8(at) === 255) at += 1;
  return at;
}
