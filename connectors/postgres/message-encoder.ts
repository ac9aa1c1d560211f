/**
 * Writes logical messages as events: heartbeats, which are transactions of the WAL and links of the chain, and take-over markers, which are
 * neither.
 *
 * Source: schemas/envelope.ts, messageSchema.
 */
import type { AvroWriter } from "../../schemas/avro-bytes.ts";
import { headersOf, type RecordBatchWriter } from "../kafka/record-batch.ts";
import { Op } from "./op.ts";
import type { Transaction } from "./transaction.ts";

/** The prefix of every message that is Offtake's; all others are left out. */
export const messagePrefix = "offtake";

/**
 * The name of the header that every message has, with its prefix as the value. Sinks that expect rows stop at a record without `after`, and Kafka
 * Connect can leave out records by a header's name without any code, but by nothing in a value. (Debezium's sink cannot read a header without one.)
 */
export const messageHeader = "offtake.message";

const headers = headersOf([[messageHeader, messagePrefix]]);

/** `ts_ms`, `ts_us` and `ts_ns` of processing, as every event has them before `offtake`. */
export function encodeProcessed(writer: AvroWriter, nowMs: number): AvroWriter {
  writer.at = 0;
  writer.byte(2);
  writer.long(nowMs);
  writer.byte(2);
  writer.long(nowMs * 1000);
  writer.byte(0); // ts_ns: null, see schemas/envelope.ts
  return writer;
}

/**
 * Appends a message, with `last` false.
 *
 * @param content at source[start, end)
 * @param lsnHigh with lsnLow, the LSN of the message in two words
 * @returns how far before the end of the batch the byte of `last` lies
 */
export function encodeMessage(
  batch: RecordBatchWriter,
  schemaId: number,
  transaction: Transaction,
  processed: AvroWriter,
  lsn: { high: number; low: number },
  content: { bytes: Buffer; start: number; end: number },
): number {
  const { writer } = batch;
  writer.reserve(1024 + transaction.sourceStart.at + content.end - content.start);
  batch.begin();
  batch.nullKey();
  batch.beginValue();
  writer.byte(0);
  writer.at = writer.bytes.writeUInt32BE(schemaId, writer.at);
  writer.byte(2);
  writer.byte(Op.message);
  writer.raw(transaction.sourceStart.bytes, 0, transaction.sourceStart.at);
  writer.byte(0); // sequence
  writer.raw(transaction.sourceTimes.bytes, 0, transaction.sourceTimes.at);
  writer.string(""); // schema
  writer.string(""); // table
  writer.raw(transaction.sourceXid.bytes, 0, transaction.sourceXid.at);
  writer.byte(2);
  writer.longOfWords(lsn.high, lsn.low);
  writer.byte(0); // xmin
  writer.byte(0); // origin
  writer.byte(0); // origin_lsn
  writer.raw(processed.bytes, 0, processed.at);
  writer.string(messagePrefix);
  writer.slice(content.bytes, content.start, content.end);
  writer.raw(transaction.commit.bytes, 0, transaction.commit.at);
  writer.long(transaction.sequence);
  writer.raw(transaction.previous.bytes, 0, transaction.previous.at);
  writer.byte(0);
  batch.endValue();
  batch.end(headers);
  return 1 + headers.length; // `last`, and the headers behind it
}
