/**
 * Reads Snappy, as it is or in the pieces that Java's producers put it in. The library's own reader takes the memory that the first bytes ask for, up to 4 GiB, and gives none
 * of it back where the rest is not as they say.
 *
 *     Pieces    0x82 "SNAPPY" 0x00 version:int32 compatible:int32 (length:int32 Content)*                (big endian)
 *     Content   length:varint Element*
 *     Element   literal    00 in the lowest bits of tag, length less 1 above them; from 60 on it is in the 1 to 4 bytes behind
 *               copy       01: length less 4 in 3 bits, distance in 3 bits and a byte; 10: length less 1 in 6 bits, distance:uint16; 11: the same, distance:uint32
 *
 * Source: Snappy compressed format description; snappy-java, SnappyOutputStream.
 */
import { literal, repeat } from "./back-reference.ts";

const piecesHead = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** Bytes of content that one byte stands for at most, and a few more: a copy of 64 takes three. */
const mostPerByte = 32;

/**
 * @param most bytes of content
 * @throws Error, RangeError for what is no Snappy, and for more content than that, before there is memory for it
 */
export function snappyContent(bytes: Buffer, most: number): Buffer {
  if (!bytes.subarray(0, piecesHead.length).equals(piecesHead)) return content(bytes, most);
  const pieces: Buffer[] = [];
  let left = most;
  for (let at = 16; at !== bytes.length;) {
    const end = at + 4 + bytes.readInt32BE(at);
    if (end <= at + 4 || end > bytes.length) throw new Error(`a piece of ${end - at - 4} bytes where ${bytes.length - at - 4} are left`);
    const piece = content(bytes.subarray(at + 4, end), left);
    pieces.push(piece);
    left -= piece.length;
    at = end;
  }
  return Buffer.concat(pieces);
}

function content(bytes: Buffer, most: number): Buffer {
  let length = 0;
  let from = 0;
  for (let factor = 1, byte = 0x80; byte >= 0x80; from += 1, factor *= 128) {
    if (from === 5) throw new Error("a length of more than five bytes");
    byte = bytes.readUInt8(from);
    length += (byte & 0x7f) * factor;
  }
  if (length > most) throw new Error(`a content of ${length} bytes, where ${most} may be`);
  if (length > bytes.length * mostPerByte) throw new Error(`a content of ${length} bytes, which ${bytes.length} cannot hold`);
  const out = Buffer.allocUnsafe(length);
  let at = 0;
  while (from < bytes.length) {
    const tag = bytes[from]!;
    const kind = tag & 3;
    const upper = tag >> 2;
    from += 1;
    if (kind === 0) {
      const lengthBytes = Math.max(upper - 59, 0);
      const size = (lengthBytes === 0 ? upper : bytes.readUIntLE(from, lengthBytes)) + 1;
      from += lengthBytes;
      at = literal(bytes, from, from + size, out, at, length);
      from += size;
    } else if (kind === 1) {
      at = repeat(out, at, ((tag >> 5) << 8) | bytes.readUInt8(from), (upper & 7) + 4, 0, length);
      from += 1;
    } else {
      const distanceBytes = kind === 2 ? 2 : 4;
      at = repeat(out, at, bytes.readUIntLE(from, distanceBytes), upper + 1, 0, length);
      from += distanceBytes;
    }
  }
  if (at !== length) throw new Error(`${at} bytes of content instead of ${length}`);
  return out;
}
