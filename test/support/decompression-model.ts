/**
 * LZ4 and Snappy read slowly and plainly, a byte at a time, as their descriptions have it: what our own readers are held against.
 *
 * Source: LZ4 Frame Format Description, LZ4 Block Format Description, Snappy compressed format description, snappy-java.
 */
class Bytes {
  #rest: Buffer;

  constructor(bytes: Buffer) {
    this.#rest = bytes;
  }

  get isOver(): boolean {
    return this.#rest.length === 0;
  }

  take(length: number): Buffer {
    if (length < 0 || length > this.#rest.length) throw new Error(`${length} bytes where ${this.#rest.length} are left`);
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  number(length: number): number {
    return this.take(length).reduceRight((sum, byte) => sum * 256 + byte, 0);
  }
}

function append(out: number[], bytes: Iterable<number>): void {
  for (const byte of bytes) out.push(byte);
}

function again(out: number[], distance: number, length: number, reach: number): void {
  if (distance < 1 || distance > reach) throw new Error(`${distance} bytes back where there are ${reach}`);
  for (let left = length; left > 0; left -= 1) out.push(out[out.length - distance]!);
}

/** The first frame. @throws Error */
export function lz4Model(bytes: Buffer): Buffer {
  const frame = new Bytes(bytes);
  if (frame.take(4).toString("hex") !== "04224d18") throw new Error("no frame");
  const flags = frame.number(1).toString(2).padStart(8, "0");
  const { 2: alone, 3: blockChecksum, 4: hasSize, 7: needsDictionary } = flags;
  const largest = [65_536, 262_144, 1_048_576, 4_194_304][((frame.number(1) >> 4) & 7) - 4];
  if (!flags.startsWith("01") || needsDictionary === "1" || largest === undefined) throw new Error("another kind of frame");
  const contentSize = hasSize === "1" ? frame.number(8) : undefined;
  frame.take(1);
  const out: number[] = [];
  for (let size = frame.number(4); size !== 0; size = frame.number(4)) {
    const before = out.length;
    const isStored = size >= 2 ** 31;
    const block = new Bytes(frame.take(size % 2 ** 31));
    if (isStored) append(out, block.take(size % 2 ** 31));
    else lz4Block(block, out, alone === "1" ? before : 0);
    if (out.length - before > largest) throw new Error("a block that is too large");
    if (blockChecksum === "1") frame.take(4);
  }
  if (contentSize !== undefined && contentSize !== out.length) throw new Error("another size of the content");
  return Buffer.from(out);
}

function lz4Block(block: Bytes, out: number[], earliest: number): void {
  const length = (nibble: number): number => {
    let sum = nibble;
    for (let more = nibble === 15 ? 255 : 0; more === 255; sum += more) more = block.number(1);
    return sum;
  };
  let token = block.number(1);
  for (append(out, block.take(length(token >> 4))); !block.isOver; append(out, block.take(length(token >> 4)))) {
    const distance = block.number(2);
    again(out, distance, length(token & 15) + 4, out.length - earliest);
    token = block.number(1);
  }
}

/** @throws Error */
export function snappyModel(bytes: Buffer): Buffer {
  if (bytes.toString("latin1", 0, 8) !== "\x82SNAPPY\0") return Buffer.from(snappyBlock(new Bytes(bytes)));
  const pieces = new Bytes(bytes);
  pieces.take(16);
  const out: number[] = [];
  while (!pieces.isOver) append(out, snappyBlock(new Bytes(pieces.take(pieces.take(4).readInt32BE()))));
  return Buffer.from(out);
}

function snappyBlock(block: Bytes): number[] {
  let expected = 0;
  for (let shift = 0, more = true; more; shift += 7) {
    if (shift > 28) throw new Error("a length without end");
    const byte = block.number(1);
    expected += (byte % 128) * 2 ** shift;
    more = byte >= 128;
  }
  const out: number[] = [];
  while (!block.isOver) {
    const tag = block.number(1);
    const upper = Math.floor(tag / 4);
    if (tag % 4 === 0) append(out, block.take(1 + (upper < 60 ? upper : block.number(upper - 59))));
    else if (tag % 4 === 1) again(out, Math.floor(tag / 32) * 256 + block.number(1), 4 + (upper % 8), out.length);
    else again(out, block.number(tag % 4 === 2 ? 2 : 4), 1 + upper, out.length);
    if (out.length > expected) throw new Error("more than its length");
  }
  if (out.length !== expected) throw new Error("less than its length");
  return out;
}
