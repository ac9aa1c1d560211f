/** Reads a whole topic with our own consumer. */
import { AbortedTransactions } from "../../../connectors/kafka/aborted-transactions.ts";
import type { KafkaCluster } from "../../../connectors/kafka/cluster.ts";
import { Consumer } from "../../../connectors/kafka/consumer.ts";
import { offsetRange } from "../../../connectors/kafka/offsets.ts";
import { RecordBatchReader } from "../../../connectors/kafka/record-batch.ts";
import type { PlainRecord, ReadRecord } from "./plain-records.ts";

/** Its records as they count: without control records and what was taken back. Keys and values in hexadecimal. */
export async function readTopic(cluster: KafkaCluster, topic: string, maxBytes = 1 << 20): Promise<ReadRecord[]> {
  const consumer = new Consumer(cluster, topic, AbortSignal.timeout(60_000), () => {});
  const records = new RecordBatchReader();
  const aborted = new AbortedTransactions();
  const found: ReadRecord[] = [];
  try {
    const { start, end } = await offsetRange(cluster, topic);
    for (let next = start; next < end; next = Math.max(next, records.nextOffset)) {
      const fetched = await consumer.fetch(next, { maxWaitMs: 500, maxBytes });
      if (fetched === undefined) throw consumer.stopReason;
      records.over(fetched.records);
      aborted.over(fetched.aborted);
      while (records.next()) {
        if (!aborted.counts(records) || records.offset < next) continue;
        const { bytes, offset, keyStart, keyEnd, valueStart, valueEnd } = records;
        found.push({
          offset,
          key: keyStart === -1 ? null : bytes.toString("hex", keyStart, keyEnd),
          value: valueStart === -1 ? null : bytes.toString("hex", valueStart, valueEnd),
        });
      }
    }
  } finally {
    consumer.close();
  }
  return found;
}

/** Its batches, as the records of each with the offset of the first: to be written again elsewhere. */
export async function readBatches(cluster: KafkaCluster, topic: string): Promise<{ offset: number; records: PlainRecord[] }[]> {
  const records = await readTopic(cluster, topic);
  return records.map(({ offset, key, value }) => ({
    offset,
    records: [{ key: key === null ? null : Buffer.from(key, "hex"), value: Buffer.from(value ?? "", "hex") }],
  }));
}
