/**
 * A slot's stream as the server sends it, message by message, kept as bytes: for whoever compares decoders, or what comes again after a confirmation.
 */
import { Backend, copyData, xlogDataHeader } from "../../connectors/postgres/replication-messages.ts";
import type { Lsn } from "../../connectors/postgres/lsn.ts";
import { ReplicationSession, type ReplicationStream } from "../../connectors/postgres/replication-stream.ts";
import { Secret } from "../../services/runtime/secret.ts";

/** `await using` ends the stream at the end of the block; the slot keeps what was confirmed. */
export class RecordedStream implements AsyncDisposable {
  /** Messages of pgoutput so far, each in a buffer of its own. */
  readonly messages: Buffer[] = [];
  readonly #stream: ReplicationStream;

  private constructor(stream: ReplicationStream) {
    this.#stream = stream;
    stream.onBytes = () => this.#drain();
    // What has come with the answer to START_REPLICATION is there already.
    this.#drain();
    stream.resume();
  }

  /** @param url of the source's database, of a role that may replicate */
  static async open(url: string, slot: string, publication: string): Promise<RecordedStream> {
    const session = await ReplicationSession.open(new Secret(url), "offtake test");
    return new RecordedStream(await session.stream(slot, publication));
  }

  /** All WAL before it may be discarded. */
  confirm(lsn: Lsn): void {
    this.#stream.status(lsn, lsn, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stream.end();
  }

  #drain(): void {
    const { frames } = this.#stream;
    while (frames.next()) {
      const { bytes, start, end, kind } = frames;
      if (kind !== copyData) this.#stream.other(kind, bytes, start, end);
      else if (bytes[start] === Backend.xlogData) this.messages.push(Buffer.from(bytes.subarray(start + xlogDataHeader, end)));
    }
  }
}
