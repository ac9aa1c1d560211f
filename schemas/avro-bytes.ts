/**
 * Avro's binary encoding, as far as change events need it: written into one growing buffer, read in place.
 *
 *     int, long       zigzag, then 7 bits a byte, lowest first, high bit set on all but the last
 *     boolean         one byte, 0 or 1
 *     float, double   4 or 8 bytes, little endian
 *     string, bytes   length:long byte*
 *     union           index:long value
 *     array           (count:long item*)* 0:long       (a negative count is followed by the block's size in bytes)
 *     record          its fields, one after the other
 *
 * Kafka's varint and varlong are the same zigzag code, so record batches use this file too. All readers take a cursor and never read past its
 * end: a wrong length must become an error, not a row with somebody else's bytes.
 *
 * Source: Apache Avro specification, "Binary Encoding".
 */
import { OfftakeError } from "../services/runtime/errors.ts";

/** 2 to the power of 32. */
const word = 0x1_0000_0000;

export class AvroWriter {
  bytes: Buffer;
  /** Where the next byte goes. */
  at = 0;

  /** @param capacity bytes to begin with; it grows as needed */
  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  /** Makes room for this many more bytes. Every write below assumes that it was called with enough. */
  reserve(length: number): void {
    if (this.at + length <= this.bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.at + length));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  byte(value: number): void {
    this.bytes[this.at] = value;
    this.at += 1;
  }

  /** @param value an integer within 2^53 either way; up to 9 bytes */
  long(value: number): void {
    const { bytes } = this;
    let at = this.at;
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      let zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
      while (zigzag > 0x7f) {
        bytes[at] = (zigzag & 0x7f) | 0x80;
        at += 1;
        zigzag >>>= 7;
      }
      bytes[at] = zigzag;
      this.at = at + 1;
      return;
    }
    // -n becomes 2n - 1, n becomes 2n: in two words, since 2n may not be exact as a double.
    const magnitude = value < 0 ? -value - 1 : value;
    const high = Math.floor(magnitude / word);
    const low = (magnitude % word) >>> 0;
    this.#words(((high << 1) | (low >>> 31)) >>> 0, ((low << 1) | (value < 0 ? 1 : 0)) >>> 0);
  }

  /** @param value any 64-bit signed integer; up to 10 bytes */
  bigLong(value: bigint): void {
    const zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
    this.#words(Number(zigzag >> 32n), Number(zigzag & 0xffffffffn));
  }

  /** A non-negative long given as two unsigned words, the high one below 2^31: an LSN without a bigint for it. */
  longOfWords(high: number, low: number): void {
    this.#words(((high << 1) | (low >>> 31)) >>> 0, (low << 1) >>> 0);
  }

  /** Zigzagged already. */
  #words(high: number, low: number): void {
    const { bytes } = this;
    let at = this.at;
    while (high !== 0 || low > 0x7f) {
      bytes[at] = (low & 0x7f) | 0x80;
      at += 1;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    bytes[at] = low;
    this.at = at + 1;
  }

  double(value: number): void {
    this.at = this.bytes.writeDoubleLE(value, this.at);
  }

  float(value: number): void {
    this.at = this.bytes.writeFloatLE(value, this.at);
  }

  /** A string or bytes, from bytes that are there already. */
  slice(source: Buffer, start: number, end: number): void {
    this.long(end - start);
    this.raw(source, start, end);
  }

  /** Bytes without their length. */
  raw(source: Buffer, start: number, end: number): void {
    const { bytes } = this;
    let at = this.at;
    // Below about 24 bytes a loop is faster than the call into the runtime.
    if (end - start < 24) {
      for (let i = start; i < end; i += 1) {
        bytes[at] = source[i]!;
        at += 1;
      }
      this.at = at;
    } else {
      source.copy(bytes, at, start, end);
      this.at = at + end - start;
    }
  }

  /**
   * Puts the length of what stands behind `reserved` bytes at `start` into them, and moves it where they are too many or too few.
   *
   * @returns the bytes that the length takes: a good guess for the next one of its kind, and then nothing has to move
   */
  lengthInFront(start: number, reserved: number): number {
    const length = this.at - start - reserved;
    const needed = length < 64 ? 1 : length < 8192 ? 2 : length < 1_048_576 ? 3 : length < 134_217_728 ? 4 : 5;
    if (needed !== reserved) this.bytes.copyWithin(start + needed, start + reserved, this.at);
    this.at = start;
    this.long(length);
    this.at += length;
    return needed;
  }

  /** A string that is not worth keeping as bytes. Makes its own room. */
  string(text: string): void {
    const length = Buffer.byteLength(text);
    this.reserve(length + 10);
    this.long(length);
    this.at += this.bytes.write(text, this.at, "utf8");
  }
}

/** A place in bytes that are being read. One is reused for all records of a batch. */
export class AvroCursor {
  bytes: Buffer = Buffer.alloc(0);
  at = 0;
  end = 0;

  over(bytes: Buffer, start: number, end: number): this {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    return this;
  }

  byte(): number {
    if (this.at >= this.end) throw truncated();
    const value = this.bytes[this.at]!;
    this.at += 1;
    return value;
  }

  /**
   * A long as a number.
   *
   * @throws OfftakeError EVENT_MALFORMED beyond 2^52, where its zigzag form would not be exact: bigLong reads those
   */
  long(): number {
    const first = this.byte();
    if (first < 0x80) return (first >>> 1) ^ -(first & 1);
    let low = first & 0x7f;
    let factor = 0x80;
    for (let i = 0; i < 9; i += 1) {
      const byte = this.byte();
      low += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (low > Number.MAX_SAFE_INTEGER) throw new OfftakeError("EVENT_MALFORMED", "A number in the event is beyond 2^52.");
        const half = Math.floor(low / 2);
        return low % 2 === 0 ? half : -half - 1;
      }
      factor *= 0x80;
    }
    throw new OfftakeError("EVENT_MALFORMED", "A number in the event has more than ten bytes.");
  }

  /** Two unsigned words of the long that words() read. */
  high = 0;
  low = 0;

  /**
   * A non-negative long of any size into `high` and `low`: an LSN for each record without a bigint for it.
   *
   * @throws OfftakeError EVENT_MALFORMED for a negative one
   */
  words(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else {
        if (shift === 63 && bits > 1) throw new OfftakeError("EVENT_MALFORMED", "A number in the event has more than 64 bits.");
        high |= bits << (shift - 32);
      }
      if (byte < 0x80) {
        // A negative one would be read as another, positive one.
        if ((low & 1) === 1) throw new OfftakeError("EVENT_MALFORMED", "An event has a position below 0.");
        this.low = ((low >>> 1) | (high << 31)) >>> 0;
        this.high = high >>> 1;
        return;
      }
    }
    throw new OfftakeError("EVENT_MALFORMED", "A number in the event has more than ten bytes.");
  }

  bigLong(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n));
    }
    throw new OfftakeError("EVENT_MALFORMED", "A number in the event has more than ten bytes.");
  }

  /** Passes over a long of any size. */
  skipLong(): void {
    for (let i = 0; i < 10; i += 1) if (this.byte() < 0x80) return;
    throw new OfftakeError("EVENT_MALFORMED", "A number in the event has more than ten bytes.");
  }

  /** Passes over a string or bytes, and says where its content began; it ends where the cursor now is. */
  slice(): number {
    const length = this.long();
    const start = this.at;
    this.skip(length);
    return start;
  }

  skip(length: number): void {
    if (length < 0 || length > this.end - this.at) throw truncated();
    this.at += length;
  }

  string(): string {
    const start = this.slice();
    return this.bytes.toString("utf8", start, this.at);
  }
}

function truncated(): OfftakeError {
  return new OfftakeError("EVENT_MALFORMED", "An event ends early.");
}
