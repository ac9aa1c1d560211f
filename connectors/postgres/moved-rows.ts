/**
 * Keys to which rows were moved by events without all of their values, read from the topic: what a copy that goes on has not heard from the stream, because nobody
 * copied at the time, or the one who did was killed before he read those rows again. A row that moves so from the part of a table that is still to be copied to the
 * part that is would be in neither.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import { Change } from "../../services/apply/change-log.ts";
import { RecordDecoder } from "../../services/apply/record-decoder.ts";
import { textOf } from "../../services/apply/value-writer.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import { AbortedTransactions } from "../kafka/aborted-transactions.ts";
import type { KafkaCluster } from "../kafka/cluster.ts";
import { Consumer } from "../kafka/consumer.ts";
import { offsetRange } from "../kafka/offsets.ts";
import { RecordBatchReader } from "../kafka/record-batch.ts";
import type { Registry } from "../kafka/registry.ts";

export interface MovedKeys {
  /** Of the table's key. */
  readonly columns: readonly string[];
  /** Text of their values. */
  readonly keys: readonly (readonly string[])[];
}

/** Bytes of one fetch; the broker sends the first batch whole even if it is larger. */
const maxBytes = 1 << 20;

export class MovedRows {
  readonly #cluster: KafkaCluster;
  readonly #registry: Registry;
  readonly #topic: string;

  constructor(cluster: KafkaCluster, registry: Registry, topic: string) {
    this.#cluster = cluster;
    this.#registry = registry;
    this.#topic = topic;
  }

  /** Where the topic ends. @throws OfftakeError TOPIC_MISSING, KAFKA_UNREACHABLE, KAFKA_REFUSED */
  async end(): Promise<number> {
    return (await offsetRange(this.#cluster, this.#topic)).end;
  }

  /**
   * @param from an offset
   * @param columns of the table's key, in any order
   * @returns undefined where that cannot be told: the topic does not reach back so far, or rows had another key
   * @throws OfftakeError as end(), of the registry, EVENT_MALFORMED, INTERRUPTED
   */
  async since(from: number, table: TableName, columns: readonly string[], signal: AbortSignal): Promise<MovedKeys | undefined> {
    const { start, end } = await offsetRange(this.#cluster, this.#topic);
    if (from < start || from > end) return undefined;
    const consumer = new Consumer(this.#cluster, this.#topic, signal, () => {});
    try {
      return await this.#read(consumer, { from, end }, table, columns);
    } finally {
      consumer.close();
    }
  }

  async #read(
    consumer: Consumer,
    range: { from: number; end: number },
    table: TableName,
    columns: readonly string[],
  ): Promise<MovedKeys | undefined> {
    const decoder = new RecordDecoder(this.#topic, this.#registry);
    const records = new RecordBatchReader();
    const aborted = new AbortedTransactions();
    const found = new Map<string, readonly string[]>();
    for (let next = range.from; next < range.end;) {
      const fetched = await consumer.fetch(next, { maxWaitMs: 1000, maxBytes });
      if (fetched === undefined) throw consumer.stopReason;
      records.over(fetched.records);
      aborted.over(fetched.aborted);
      while (records.next()) {
        if (!aborted.counts(records) || records.offset < next) continue;
        if (!decoder.decode(records)) await decoder.load(records);
        const { event } = decoder;
        const { plan, after, bytes } = event;
        if (plan.kind !== "row" || plan.schema !== table.schema || plan.table !== table.table) continue;
        if (event.op !== Change.create || !event.movesKey || event.unchangedCount === 0) continue;
        const names = plan.keys.map((key) => plan.columns[key]!.name);
        if (names.length !== columns.length || !columns.every((name) => names.includes(name))) return undefined;
        const key = columns.map((name) => {
          const i = plan.keys[names.indexOf(name)]!;
          return textOf(bytes, after.start[i]!, after.end[i]!, plan.columns[i]!.form);
        });
        found.set(key.join("\0"), key);
      }
      next = Math.max(records.nextOffset, next);
    }
    return { columns, keys: [...found.values()] };
  }
}
