/**
 * Cuts the bytes of a replication connection into the messages of PostgreSQL's frontend/backend protocol, in place: a kind byte and an int32
 * length that counts itself. A message may be split anywhere, also inside its length.
 *
 * Bytes are copied once, into one buffer that is used again and again; a message of 64 MiB is collected without joining buffers (joining
 * every read to the last copies it a thousand times). The buffer shrinks back when such a giant has gone, so that one wide row does not
 * stay in memory for ever.
 *
 * Source: PostgreSQL documentation, "Message Formats".
 */
import { OfftakeError } from "../../services/runtime/errors.ts";

/** Capacity in bytes between giants. */
const usual = 1 << 20;

export class BackendFrames {
  /** Valid until the next push. */
  bytes: Buffer = Buffer.allocUnsafe(usual);
  /** Kind byte of the message that next() found, and where its body lies in `bytes`. */
  kind = 0;
  start = 0;
  end = 0;

  #from = 0;
  #to = 0;
  /** Bytes still to come of a message that is passed over. */
  #passOver = 0;

  /** Bytes that were read from the socket and not yet returned by next(). */
  get buffered(): number {
    return this.#to - this.#from;
  }

  push(chunk: Buffer): void {
    const passed = Math.min(this.#passOver, chunk.length);
    this.#passOver -= passed;
    if (passed > 0) this.#append(chunk.subarray(passed));
    else this.#append(chunk);
  }

  #append(chunk: Buffer): void {
    if (this.#from === this.#to) this.#startOver();
    if (this.#to + chunk.length > this.bytes.length) this.#makeRoom(chunk.length);
    chunk.copy(this.bytes, this.#to);
    this.#to += chunk.length;
  }

  /** Everything was read. A source that falls silent after a giant would otherwise leave us with its memory for ever. */
  #startOver(): void {
    this.#from = 0;
    this.#to = 0;
    if (this.bytes.length > usual) this.bytes = Buffer.allocUnsafe(usual);
  }

  #makeRoom(length: number): void {
    const left = this.#to - this.#from;
    const wanted = left + length;
    const capacity = this.bytes.length;
    const giantHasGone = capacity > usual && wanted * 4 <= capacity;
    const target = wanted > capacity || giantHasGone ? Buffer.allocUnsafe(Math.max(usual, wanted * 2)) : this.bytes;
    this.bytes.copy(target, 0, this.#from, this.#to);
    this.bytes = target;
    this.#from = 0;
    this.#to = left;
  }

  /**
   * Finds the next whole message.
   *
   * @returns false when the bytes do not reach to its end
   * @throws OfftakeError PGOUTPUT_MALFORMED for a length that cannot be
   */
  next(): boolean {
    const { bytes } = this;
    const at = this.#from;
    if (this.#to - at < 5) return false;
    const length = bytes.readInt32BE(at + 1);
    if (length < 4) throw new OfftakeError("PGOUTPUT_MALFORMED", `The replication stream holds a message of ${length} bytes.`);
    const end = at + 1 + length;
    if (end > this.#to) return false;
    this.kind = bytes[at]!;
    this.start = at + 5;
    this.end = end;
    this.#from = end;
    return true;
  }

  /** Length of the message that next() waits for, kind byte included; 0 while even its length is not there. */
  get awaited(): number {
    return this.#to - this.#from < 5 ? 0 : 1 + this.bytes.readInt32BE(this.#from + 1);
  }

  /** Where the body of the message that next() waits for begins in `bytes`, as far as it is there. */
  get awaitedStart(): number {
    return this.#from + 5;
  }

  /** Drops the message that next() waits for, as it comes: one that nobody needs must not fill the memory. */
  passOverAwaited(): void {
    this.#passOver = this.awaited - this.buffered;
    this.#startOver();
  }
}
