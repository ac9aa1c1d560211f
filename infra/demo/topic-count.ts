/**
 * Counts the row changes in a topic by reading it from its beginning. The load's own count is only a claim until the events bear it out.
 */
import { AbortedTransactions } from "../../connectors/kafka/aborted-transactions.ts";
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Consumer } from "../../connectors/kafka/consumer.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { RecordBatchReader } from "../../connectors/kafka/record-batch.ts";
import type { Registry } from "../../connectors/kafka/registry.ts";
import { eventPlan } from "../../schemas/event-plan.ts";

const maxBytes = 4 << 20;

/**
 * @returns events of row changes and truncations, up to the topic's end of this moment; messages are none
 * @throws OfftakeError
 */
export async function countRowEvents(cluster: KafkaCluster, registry: Registry, topic: string, signal: AbortSignal): Promise<number> {
  const { start, end } = await offsetRange(cluster, topic);
  const consumer = new Consumer(cluster, topic, signal, () => undefined);
  const records = new RecordBatchReader();
  const aborted = new AbortedTransactions();
  const isMessage = new Map<number, boolean>();
  let events = 0;
  try {
    for (let next = start; next < end;) {
      const fetched = await consumer.fetch(next, { maxWaitMs: 1000, maxBytes });
      if (fetched === undefined) break;
      records.over(fetched.records);
      aborted.over(fetched.aborted);
      while (records.next()) {
        if (records.offset < next || records.offset >= end || !aborted.counts(records)) continue;
        const schemaId = records.bytes.readUInt32BE(records.valueStart + 1);
        const message = isMessage.get(schemaId) ?? eventPlan(schemaId, await registry.schema(schemaId)).kind === "message";
        isMessage.set(schemaId, message);
        if (!message) events += 1;
      }
      next = Math.max(records.nextOffset, next);
    }
  } finally {
    consumer.close();
  }
  return events;
}
