/**
 * Reads a whole topic, with avsc and not with our own reader, and counts what must not be there: a position twice, a link of the chain that does not fit, a
 * transaction without its end.
 */
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Consumer } from "../../connectors/kafka/consumer.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { RecordBatchReader } from "../../connectors/kafka/record-batch.ts";
import type { Registry } from "../../connectors/kafka/registry.ts";

export interface TopicAudit {
  readonly events: number;
  readonly transactions: number;
  readonly duplicates: number;
  readonly chainBreaks: number;
  /** Ids of the created rows of one table, with how often each was created. */
  readonly created: ReadonlyMap<number, number>;
}

interface Envelope {
  readonly op: string;
  readonly after?: { readonly id: number } | null;
  readonly source: { readonly table: string };
  readonly message?: { readonly content: Buffer };
  readonly offtake: { readonly commit_lsn: number; readonly sequence: number; readonly prev_commit_lsn: number | null; readonly last: boolean };
}

/** @param table whose created rows are counted */
export async function auditTopic(cluster: KafkaCluster, registry: Registry, topic: string, table: string): Promise<TopicAudit> {
  const consumer = new Consumer(cluster, topic, new AbortController().signal, () => {});
  const records = new RecordBatchReader();
  const positions = new Set<string>();
  const created = new Map<number, number>();
  const audit = { events: 0, transactions: 0, duplicates: 0, chainBreaks: 0 };
  let newest: Envelope["offtake"] | undefined;
  const { start, end } = await offsetRange(cluster, topic);
  for (let next = start; next < end;) {
    const fetched = await consumer.fetch(next, { maxWaitMs: 500, maxBytes: 4 << 20 });
    records.over(fetched!.records);
    while (records.next()) {
      if (records.offset < next) continue;
      const value = records.bytes.subarray(records.valueStart, records.valueEnd);
      const type = await registry.schema(value.readUInt32BE(1));
      const event: Envelope = type.fromBuffer(value.subarray(5));
      if (event.message !== undefined && event.message.content.toString().includes('"take-over"')) continue;
      const { offtake } = event;
      const position = `${offtake.commit_lsn}:${offtake.sequence}`;
      if (positions.has(position)) audit.duplicates += 1;
      positions.add(position);
      const begins = newest === undefined || newest.commit_lsn !== offtake.commit_lsn;
      if (begins && (newest === undefined ? offtake.prev_commit_lsn !== null : !newest.last || offtake.prev_commit_lsn !== newest.commit_lsn))
        audit.chainBreaks += 1;
      if (!begins && (newest!.last || offtake.sequence <= newest!.sequence)) audit.chainBreaks += 1;
      newest = offtake;
      audit.events += 1;
      if (offtake.last) audit.transactions += 1;
      if (event.op === "c" && event.source.table === table) created.set(event.after!.id, (created.get(event.after!.id) ?? 0) + 1);
    }
    next = Math.max(next, records.nextOffset);
  }
  consumer.close();
  if (newest !== undefined && !newest.last) audit.chainBreaks += 1;
  return { ...audit, created };
}
