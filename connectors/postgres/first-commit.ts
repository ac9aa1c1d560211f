/**
 * Reads a slot's stream up to its first transaction, and no further: for a connector that will not capture, and has to say why.
 *
 * Source: PostgreSQL documentation, "Logical Replication Message Formats", Begin.
 */
import type { ClientBase } from "pg";
import { emitHeartbeat } from "./heartbeat.ts";
import type { Lsn } from "./lsn.ts";
import { Kind, PgoutputDecoder } from "./pgoutput.ts";
import { Backend, copyData, xlogDataHeader } from "./replication-messages.ts";
import type { ReplicationStream } from "./replication-stream.ts";

/** Milliseconds. */
const patience = 10_000;

/**
 * @param source a heartbeat through it makes sure that there is a transaction
 * @returns its commit LSN; undefined when none came in time, or the stream ended
 */
export async function firstCommit(stream: ReplicationStream, source: ClientBase): Promise<Lsn | undefined> {
  const { promise, resolve } = Promise.withResolvers<Lsn | undefined>();
  const decoder = new PgoutputDecoder();
  stream.onBytes = () => {
    const { frames } = stream;
    while (frames.next()) {
      const { bytes, kind, start, end } = frames;
      if (kind !== copyData) return resolve(undefined);
      if (bytes[start] === Backend.xlogData && decoder.decode(bytes, start + xlogDataHeader, end) === Kind.begin) return resolve(decoder.commitLsn);
    }
  };
  const timer = setTimeout(() => resolve(undefined), patience);
  try {
    // Without it, what others write will do.
    await emitHeartbeat(source).catch(() => undefined);
    stream.onBytes();
    stream.resume();
    return await promise;
  } finally {
    clearTimeout(timer);
    stream.pause();
    stream.onBytes = () => {};
  }
}
