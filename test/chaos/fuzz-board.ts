/**
 * What a thread that fuzzes has in hand, for somebody who looks from another thread: the input is written here before it is read, and stays when the thread does not go on.
 *
 *     begun:int32 reader:int32 length:int32 bytes
 */
const head = 12;
const most = 1 << 16;

export class FuzzBoard {
  readonly shared: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #bytes: Buffer;

  constructor(shared = new SharedArrayBuffer(head + most)) {
    this.shared = shared;
    this.#head = new Int32Array(shared, 0, 3);
    this.#bytes = Buffer.from(shared, head);
  }

  /** Inputs so far. */
  get begun(): number {
    return Atomics.load(this.#head, 0);
  }

  begin(reader: number, bytes: Buffer): void {
    this.#head[1] = reader;
    this.#head[2] = Math.min(bytes.length, most);
    bytes.copy(this.#bytes);
    Atomics.add(this.#head, 0, 1);
  }

  /** The newest input, in words. */
  shown(): string {
    if (this.begun === 0) return "before the first input";
    return `input ${this.begun}, of reader ${this.#head[1]}, ${this.#bytes.toString("hex", 0, this.#head[2])}`;
  }
}
