/**
 * Bytes that nobody has written: those of somebody, damaged. Bits turned, bytes lost and doubled, lengths and counts made huge, negative or nothing, two messages in
 * one. Random bytes alone would be refused at the first of them.
 */
import type { SeededRandom } from "../../infra/demo/seeded-random.ts";

const telling = [0, 1, 2, 0x7f, 0x80, 0x81, 0xfe, 0xff];

/** @param other of the same kind */
export function mutatedBytes(random: SeededRandom, sample: Buffer, other: Buffer): Buffer {
  let bytes: Buffer = Buffer.from(sample);
  for (let left = random.between(1, 4); left > 0; left -= 1) bytes = mutatedOnce(random, bytes, other);
  return bytes;
}

function mutatedOnce(random: SeededRandom, bytes: Buffer, other: Buffer): Buffer {
  if (bytes.length === 0) return random.bytes(random.between(1, 8));
  const at = random.between(0, bytes.length - 1);
  const length = random.between(0, Math.min(16, bytes.length - at));
  switch (random.between(1, 8)) {
    case 1:
      bytes[at]! ^= 1 << random.between(0, 7);
      return bytes;
    case 2:
      bytes[at] = random.pick(telling);
      return bytes;
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), random.bytes(random.between(1, 8)), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
    case 6:
      return Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
    case 7:
      if (at + 4 <= bytes.length) bytes.writeInt32BE(random.pick([0, -1, 1, 0x7fff_ffff, -0x8000_0000, bytes.length, 0xffff]), at);
      return bytes;
    default:
      return Buffer.concat([bytes.subarray(0, at), other.subarray(random.between(0, other.length))]);
  }
}
