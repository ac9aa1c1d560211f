/**
 * The messages that travel inside CopyData once START_REPLICATION was accepted. A mistake in the status update confirms WAL that Kafka does
 * not have yet, and PostgreSQL throws it away.
 *
 *     XLogData        'w' wal_start:int64 wal_end:int64 clock:int64 byte*
 *     Keepalive       'k' wal_end:int64 clock:int64 reply_now:int8
 *     Status update   'r' written:int64 flushed:int64 applied:int64 clock:int64 reply_now:int8
 *
 * Each is the body of a CopyData message: 'd' length:int32 (which counts itself) body. Clocks are microseconds since 2000-01-01 UTC. For
 * logical decoding wal_start is the LSN of the change itself.
 *
 * Source: PostgreSQL documentation, "Streaming Replication Protocol".
 */
import type { Lsn } from "./lsn.ts";

/** The kind of the message that each travels in. */
export const copyData = 0x64;

export const Backend = { xlogData: 0x77, keepalive: 0x6b } as const;

/** Bytes of XLogData before the plugin's message, counted from its 'w'. */
export const xlogDataHeader = 25;

/** Bytes of a keepalive, counted from its 'k'. */
export const keepaliveLength = 18;

/** Microseconds between 1970-01-01 and 2000-01-01. */
export const postgresEpochMicros = 946_684_800_000_000n;

/**
 * A whole CopyData message with a status update.
 *
 * @param written all WAL before it was received; moves pg_stat_replication.write_lsn and nothing else
 * @param flushed all WAL before it may be discarded: what the Acker says, never more
 * @param now milliseconds since 1970
 * @param replyNow asks for a keepalive, so that silence means something
 */
export function standbyStatusUpdate(written: Lsn, flushed: Lsn, now: number, replyNow: boolean): Buffer {
  const message = Buffer.alloc(39);
  message[0] = copyData;
  message.writeInt32BE(38, 1);
  message[5] = 0x72;
  message.writeBigInt64BE(written < flushed ? flushed : written, 6);
  message.writeBigInt64BE(flushed, 14);
  message.writeBigInt64BE(flushed, 22);
  message.writeBigInt64BE(BigInt(now) * 1000n - postgresEpochMicros, 30);
  message[38] = replyNow ? 1 : 0;
  return message;
}
