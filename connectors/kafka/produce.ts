/**
 * The Produce request with batches that are bytes already: the library's own builds a batch from message objects, one for each row.
 *
 *     Produce Request (version 9 to 11)   transactional_id:compact_nullable_string acks:int16 timeout_ms:int32 topics:compact_array tags
 *     topic                               name:compact_string partitions:compact_array tags
 *     partition                           index:int32 records:compact_bytes tags
 *
 * Source: Apache Kafka documentation, "Protocol", Produce.
 */
import { type Connection, produceV11, Writer } from "@platformatic/kafka";

const produceKey = 0;
const version = 11;
const allInSync = -1;

/**
 * Sends one batch to partition 0 and calls back once, with the broker's answer or with what went wrong.
 *
 * @param batch a whole record batch; stays as it is
 * @param timeoutMs how long the leader may wait for the other replicas
 */
export function produce(
  connection: Connection,
  topic: string,
  batch: Buffer,
  timeoutMs: number,
  done: (error: Error | undefined, baseOffset: number) => void,
): void {
  const request = (): Writer =>
    Writer.create()
      .appendString(null)
      .appendInt16(allInSync)
      .appendInt32(timeoutMs)
      .appendArray([topic], (writer, name) => {
        writer.appendString(name).appendArray([batch], (inner, records) => {
          inner
            .appendInt32(0)
            .appendUnsignedVarInt(records.length + 1)
            .append(records);
        });
      })
      .appendTaggedFields();
  connection.send(produceKey, version, request, produceV11.parseResponse, true, true, (error, answer) => {
    done(error ?? undefined, Number(answer?.responses[0]?.partitionResponses[0]?.baseOffset ?? -1n));
  });
}
