/**
 * Reads a whole topic, with avsc and not with our own reader, and counts what must not be there: a position that does not come after the one before it, a link of
 * the chain that does not fit, an event of a transaction that is missing among the others, a transaction without its end.
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
  readonly transaction?: { readonly total_order: number } | null;
  readonly message?: { readonly content: Buffer };
  readonly offtake: Position & { readonly prev_commit_lsn: number | null };
}

interface Position {
  readonly commit_lsn: number;
  readonly sequence: number;
  readonly last: boolean;
}

/** Follows positions and links. Pure. */
class Links {
  duplicates = 0;
  chainBreaks = 0;
  #newest: Position | undefined;
  /** Events of its transaction so far. */
  #order = 0;

  /** @param next is told whatever became of the one before */
  next({ offtake, transaction }: Envelope): void {
    const newest = this.#newest;
    const begins = newest === undefined || newest.commit_lsn !== offtake.commit_lsn;
    const comesAgain = newest !== undefined && (offtake.commit_lsn < newest.commit_lsn || (!begins && offtake.sequence <= newest.sequence));
    if (comesAgain) {
      this.duplicates += 1;
      return;
    }
    const follows = newest === undefined ? offtake.prev_commit_lsn === null : newest.last && offtake.prev_commit_lsn === newest.commit_lsn;
    if (begins ? !follows : newest.last) this.chainBreaks += 1;
    this.#order = begins ? 1 : this.#order + 1;
    // Sequences have gaps, where a change became no event; this count has none.
    if (transaction !== undefined && transaction !== null && transaction.total_order !== this.#order) this.chainBreaks += 1;
    this.#newest = offtake;
  }

  end(): void {
    if (this.#newest !== undefined && !this.#newest.last) this.chainBreaks += 1;
  }
}

/** @param table whose created rows are counted */
export async function auditTopic(cluster: KafkaCluster, registry: Registry, topic: string, table: string): Promise<TopicAudit> {
  const consumer = new Consumer(cluster, topic, new AbortController().signal, () => {});
  const records = new RecordBatchReader();
  const created = new Map<number, number>();
  const links = new Links();
  let events = 0;
  let transactions = 0;
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
      links.next(event);
      events += 1;
      if (event.offtake.last) transactions += 1;
      if (event.op === "c" && event.source.table === table) created.set(event.after!.id, (created.get(event.after!.id) ?? 0) + 1);
    }
    next = Math.max(next, records.nextOffset);
  }
  consumer.close();
  links.end();
  return { events, transactions, duplicates: links.duplicates, chainBreaks: links.chainBreaks, created };
}
