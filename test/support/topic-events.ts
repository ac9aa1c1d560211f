/**
 * What a connector has put into its topic, decoded by avsc as it comes: none of our own readers of events has a part in it.
 */
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Consumer } from "../../connectors/kafka/consumer.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { RecordBatchReader } from "../../connectors/kafka/record-batch.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import type { Pipeline } from "./pipeline.ts";
import { waitFor } from "./wait-for.ts";

export type AvroRow = Readonly<Record<string, unknown>>;

export interface TopicEvent {
  readonly offset: number;
  /** Undefined for a record without a key. */
  readonly key: AvroRow | undefined;
  readonly op: "c" | "u" | "d" | "t" | "m" | "r";
  readonly before?: AvroRow | null;
  readonly after?: AvroRow | null;
  readonly source: {
    readonly version: string;
    readonly connector: string;
    readonly name: string;
    readonly db: string;
    readonly schema: string;
    readonly table: string;
    readonly sequence: string | null;
    readonly lsn: number;
    readonly txId: number;
    readonly ts_ms: number;
    readonly ts_us: number;
    readonly snapshot: string;
  };
  readonly transaction?: null | { readonly id: string; readonly total_order: number; readonly data_collection_order: number };
  readonly ts_ms: number;
  readonly message?: { readonly prefix: string; readonly content: Buffer };
  readonly offtake: {
    readonly commit_lsn: number;
    readonly sequence: number;
    readonly prev_commit_lsn: number | null;
    readonly system_identifier: Buffer;
    readonly timeline: number;
    readonly last: boolean;
    readonly unchanged?: readonly string[] | null;
    readonly old_key?: AvroRow | null;
  };
}

/** Heartbeats of this file's tests: one that an earlier reader of the same topic has written says nothing of now. */
let beats = 0;

/** `await using` closes its connections. */
export class TopicEvents implements AsyncDisposable {
  /** Everything that was read so far: events, heartbeats, markers. */
  readonly records: TopicEvent[] = [];
  readonly #pipeline: Pipeline;
  readonly #cluster: KafkaCluster;
  readonly #registry: Registry;
  #next = 0;

  constructor(pipeline: Pipeline) {
    this.#pipeline = pipeline;
    this.#cluster = new KafkaCluster(pipeline.configuration.kafka, "offtake-test");
    this.#registry = new Registry(pipeline.configuration.registry.url);
  }

  /** Row changes and truncates so far, without heartbeats and markers. */
  get events(): TopicEvent[] {
    return this.records.filter(({ op }) => op !== "m");
  }

  /** Reads what is there now. */
  async read(): Promise<this> {
    const { topic } = this.#pipeline.service;
    const consumer = new Consumer(this.#cluster, topic, AbortSignal.timeout(60_000), () => {});
    const records = new RecordBatchReader();
    const { start, end } = await offsetRange(this.#cluster, topic);
    try {
      for (this.#next = Math.max(this.#next, start); this.#next < end;) {
        const fetched = await consumer.fetch(this.#next, { maxWaitMs: 500, maxBytes: 4 << 20 });
        if (fetched === undefined) throw consumer.stopReason;
        records.over(fetched.records);
        while (records.next()) if (records.offset >= this.#next) this.records.push(await this.#decode(records));
        this.#next = Math.max(this.#next, records.nextOffset);
      }
    } finally {
      consumer.close();
    }
    return this;
  }

  /** Waits until everything that was committed at the source before is in the topic, and reads it. @returns the events among it */
  async drained(): Promise<TopicEvent[]> {
    beats += 1;
    const content = JSON.stringify({ kind: "heartbeat", at: beats });
    await this.#pipeline.source.query("SELECT pg_logical_emit_message(true, 'offtake', $1)", [content]);
    await waitFor(async () => (await this.read()).records.some(({ message }) => message?.content.toString() === content), {
      what: "the topic to have everything",
      timeout: 60_000,
    });
    return this.events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster.close();
  }

  async #decode({ bytes, offset, keyStart, keyEnd, valueStart, valueEnd }: RecordBatchReader): Promise<TopicEvent> {
    const value: TopicEvent = await this.#avro(bytes.subarray(valueStart, valueEnd));
    const key: AvroRow | undefined = keyStart === -1 ? undefined : await this.#avro(bytes.subarray(keyStart, keyEnd));
    return { ...value, offset, key: key && { ...key } };
  }

  async #avro<T>(value: Buffer): Promise<T> {
    const type = await this.#registry.schema(value.readUInt32BE(1));
    const decoded: T = type.fromBuffer(value.subarray(5));
    return decoded;
  }
}

/** Whether it is a take-over marker: it repeats a position and is no link of the chain. */
function isMarker({ message }: TopicEvent): boolean {
  return message?.content.toString().includes('"kind":"take-over"') === true;
}

/** Whether it is of a copy, beside the stream: behind a transaction's positions, and no part of it. */
function isPiece({ op, message, source }: TopicEvent): boolean {
  return (op !== "m" && source.snapshot === "incremental") || message?.content.toString().includes('"kind":"copied"') === true;
}

/**
 * What is wrong with the order of a topic's records: positions that do not ascend, links that do not fit, counts that are off, an end that is missing.
 * Empty for one that is right.
 */
export function chainFaults(records: readonly TopicEvent[]): string[] {
  const faults: string[] = [];
  const events = records.filter((each) => !isMarker(each));
  let previous: TopicEvent | undefined;
  let total = 0;
  let orders = new Map<string, number>();
  let whole = true;
  for (const event of events) {
    const { commit_lsn: commit, sequence, prev_commit_lsn: link } = event.offtake;
    const where = `${commit}:${sequence} at offset ${event.offset}`;
    const begins = previous === undefined || previous.offtake.commit_lsn !== commit;
    if (begins) {
      if (link !== (previous?.offtake.commit_lsn ?? null)) faults.push(`${where} follows on ${link} instead of ${previous?.offtake.commit_lsn}`);
      if (previous !== undefined && commit <= previous.offtake.commit_lsn) faults.push(`${where} goes back`);
      if (previous !== undefined && !previous.offtake.last) faults.push(`${where} begins before the transaction before it ended`);
      total = 0;
      orders = new Map();
    } else {
      if (previous!.offtake.last && !isPiece(event)) faults.push(`${where} goes on behind the last event`);
      if (sequence <= previous!.offtake.sequence) faults.push(`${where} goes back`);
      if (link !== previous!.offtake.prev_commit_lsn) faults.push(`${where} has another link than the event before it`);
    }
    if (isPiece(event)) {
      if (begins || (whole && !previous!.offtake.last)) faults.push(`${where} was read, and stands within a transaction`);
      whole = event.offtake.last;
    } else {
      if (!whole) faults.push(`${where} begins before a piece has ended`);
      total += 1;
    }
    if (event.transaction !== undefined && event.transaction !== null) {
      const table = `${event.source.schema}.${event.source.table}`;
      const order = (orders.get(table) ?? 0) + 1;
      orders.set(table, order);
      const { total_order: totalOrder, data_collection_order: tableOrder, id } = event.transaction;
      if (totalOrder !== total) faults.push(`${where} has the total order ${totalOrder} instead of ${total}`);
      if (tableOrder !== order) faults.push(`${where} has the order ${tableOrder} in its table instead of ${order}`);
      if (id !== `${event.source.txId}:${commit}`) faults.push(`${where} has the transaction id ${id}`);
      if (event.source.sequence !== `["${commit}","${event.source.lsn}"]`) faults.push(`${where} has the sequence ${event.source.sequence}`);
    }
    previous = event;
  }
  if (previous !== undefined && !previous.offtake.last) faults.push("the last transaction has no end");
  return faults;
}
