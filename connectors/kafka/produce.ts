/**
 * The Produce request with batches that are bytes already: the library's own builds a batch from message objects, one for each row.
 *
 *     Produce Request (version 9 to 11)   transactional_id:compact_nullable_string acks:int16 timeout_ms:int32 topics:compact_array tags
 *     topic                               name:compact_string partitions:compact_array tags
 *     partition                           index:int32 records:compact_bytes tags
 *
 * Source: Apache Kafka documentation, "Protocol", Produce.
 */
import { produceV11, Reader, Writer } from "@platformatic/kafka";
import type { BrokerConnection } from "./broker-connection.ts";

const produceKey = 0;
const version = 11;
const allInSync = -1;

/** The tags of partition, topic and request, all of them empty. */
const trailer = Buffer.alloc(3);

/**
 * Sends one batch to partition 0 and calls back once, with the broker's answer or with what went wrong.
 *
 * @param batch a whole record batch; written as it is, so that it must not change before it is answered
 * @param timeoutMs how long the leader may wait for the other replicas
 */
export function produce(
  connection: BrokerConnection,
  topic: string,
  batch: Buffer,
  timeoutMs: number,
  done: (error: Error | undefined, baseOffset: number) => void,
): void {
  const header = Writer.create()
    .appendString(null)
    .appendInt16(allInSync)
    .appendInt32(timeoutMs)
    .appendUnsignedVarInt(2)
    .appendString(topic)
    .appendUnsignedVarInt(2)
    .appendInt32(0)
    .appendUnsignedVarInt(batch.length + 1);
  connection.send(produceKey, version, [header.buffer, batch, trailer], (error, body) => {
    if (error !== undefined) {
      done(error, -1);
      return;
    }
    let baseOffset;
    try {
      baseOffset = Number(produceV11.parseResponse(0, produceKey, version, Reader.from(body)).responses[0]?.partitionResponses[0]?.baseOffset ?? -1n);
    } catch (thrown) {
      done(thrown instanceof Error ? thrown : new Error(String(thrown)), -1);
      return;
    }
    done(undefined, baseOffset);
  });
}
