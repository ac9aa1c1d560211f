/**
 * What LZ4 and Snappy are made of: bytes that were there before, once more. A distance that leads before the first of them, or a length beyond the room, would give somebody
 * else's bytes for a row.
 */

/** A call into the runtime costs more than a short copy. */
const shortCopy = 32;

/**
 * Repeats `length` bytes from `distance` before `at`. Where the distance is shorter than the length, what was just written is repeated, too.
 *
 * @param earliest the first byte that may be referred to
 * @param limit where the room ends
 * @returns where the next byte goes
 */
export function repeat(out: Buffer, at: number, distance: number, length: number, earliest: number, limit: number): number {
  if (distance === 0 || distance > at - earliest) throw new Error(`a reference to ${distance} bytes before byte ${at - earliest}`);
  if (length > limit - at) throw new Error(`${length} bytes where ${limit - at} have room`);
  const end = at + length;
  if (length > shortCopy && distance >= length) {
    out.copyWithin(at, at - distance, end - distance);
    return end;
  }
  for (let to = at, from = at - distance; to < end; to += 1, from += 1) out[to] = out[from]!;
  return end;
}

/** Copies bytes[from, to). @param limit where the room ends. @returns where the next byte goes */
export function literal(bytes: Buffer, from: number, to: number, out: Buffer, at: number, limit: number): number {
  const length = to - from;
  if (to > bytes.length) throw new Error(`${length} bytes where ${bytes.length - from} are left`);
  if (length > limit - at) throw new Error(`${length} bytes where ${limit - at} have room`);
  if (length > shortCopy) bytes.copy(out, at, from, to);
  else for (let i = 0; i < length; i += 1) out[at + i] = bytes[from + i]!;
  return at + length;
}
