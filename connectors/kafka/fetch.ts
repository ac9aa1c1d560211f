/**
 * The Fetch request for one partition, with the records left as the bytes they are: the library's own makes an object of each.
 *
 *     Fetch Response (version 13)   throttle_ms:int32 error:int16 session:int32 topics:compact_array tags
 *     topic                         id:uuid partitions:compact_array tags
 *     partition                     index:int32 error:int16 high_watermark:int64 last_stable:int64 log_start:int64
 *                                   aborted:compact_nullable_array preferred_replica:int32 records:compact_bytes tags
 *     aborted                       producer_id:int64 first_offset:int64 tags
 *
 * Version 13 names the topic by its id: a topic that was deleted and made again under its name is an error, not a fresh start.
 *
 * Source: Apache Kafka documentation, "Protocol", Fetch; KIP-516 for topic ids.
 */
import { fetchV13, Reader, ResponseError } from "@platformatic/kafka";
import type { BrokerConnection } from "./broker-connection.ts";

const fetchKey = 1;
const version = 13;
const readCommitted = 1;

export interface FetchLimits {
  /** Milliseconds the broker may wait for the first byte. */
  readonly maxWaitMs: number;
  /** The broker sends the first batch whole even if it is larger. */
  readonly maxBytes: number;
  /** Gives the memory for an answer of so many bytes; new memory where it is left out. */
  readonly room?: (size: number) => Buffer;
}

export interface Fetched {
  /** Whole record batches, and perhaps a part of one. The first may begin before the offset that was asked for. */
  readonly records: Buffer;
  /** The end of what all in-sync replicas have. */
  readonly highWatermark: number;
  readonly logStart: number;
  /** Transactions of other producers that were aborted: their records are to be passed over. */
  readonly aborted: readonly AbortedTransaction[];
}

export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: number;
}

/**
 * @param offset the first record wanted
 * @returns rejects with the library's ResponseError for a broker's answer, or its NetworkError
 */
export async function fetchRecords(
  connection: BrokerConnection,
  topicId: string,
  leaderEpoch: number,
  offset: number,
  limits: FetchLimits,
): Promise<Fetched> {
  const partition = {
    partition: 0,
    currentLeaderEpoch: leaderEpoch,
    fetchOffset: BigInt(offset),
    lastFetchedEpoch: -1,
    partitionMaxBytes: limits.maxBytes,
  };
  const request = fetchV13.createRequest(limits.maxWaitMs, 1, limits.maxBytes, readCommitted, 0, -1, [{ topicId, partitions: [partition] }], [], "");
  return parseFetched(await connection.request(fetchKey, version, request.buffer, limits.room));
}

function parseFetched(body: Buffer): Fetched {
  const reader = Reader.from(body);
  reader.readInt32();
  const error = reader.readInt16();
  if (error !== 0) throw new ResponseError(fetchKey, version, { "/": [error, null] }, {});
  reader.readInt32();
  const answers = reader.readArray((topic) => {
    topic.readUUID();
    return topic.readArray((partition) => parsePartition(partition, body), true, false);
  });
  const answer = answers[0]?.[0];
  if (answer === undefined) throw new Error("The broker answered for no partition.");
  return answer;
}

function parsePartition(reader: Reader, body: Buffer): Fetched {
  reader.readInt32();
  const error = reader.readInt16();
  const highWatermark = Number(reader.readInt64());
  reader.readInt64();
  const logStart = Number(reader.readInt64());
  if (error !== 0) throw new ResponseError(fetchKey, version, { "/responses/0/partitions/0": [error, null] }, {});
  const aborted =
    reader.readNullableArray((transaction) => ({ producerId: transaction.readInt64(), firstOffset: Number(transaction.readInt64()) })) ?? [];
  reader.readInt32();
  // Compact bytes: the length plus one, 0 for null.
  const length = Math.max(reader.readUnsignedVarInt() - 1, 0);
  const records = body.subarray(reader.position, reader.position + length);
  reader.skip(length);
  reader.readTaggedFields();
  return { records, highWatermark, logStart, aborted };
}
