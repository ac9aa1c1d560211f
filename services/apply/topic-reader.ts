/**
 * Reads a service's topic into batches of whole source transactions.
 *
 * A transaction counts once its last event is there: one that is half in the topic, because its connector went away, must not hold locks in the
 * target. One that is larger than a batch comes in pieces, and only after its end has been found further down the topic; it is never in memory
 * whole.
 *
 * Source: ARCHITECTURE.md, "Applier".
 */
import type { Consumer } from "../../connectors/kafka/consumer.ts";
import { AbortedTransactions } from "../../connectors/kafka/aborted-transactions.ts";
import type { Fetched } from "../../connectors/kafka/fetch.ts";
import { RecordBatchReader } from "../../connectors/kafka/record-batch.ts";
import type { Registry } from "../../connectors/kafka/registry.ts";
import { type OfftakeMessage, parseMessage, type TakeOverMarker } from "../../schemas/offtake-message.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { Batch } from "./batch.ts";
import type { Chain } from "./chain.ts";
import { Change } from "./change-log.ts";
import { FetchRoom } from "./fetch-room.ts";
import { RecordDecoder } from "./record-decoder.ts";

export interface ReadLimits {
  /** Of a batch, and of a piece. */
  readonly rows: number;
  readonly bytes: number;
  /** A transaction of so many batches comes in pieces: its end has to be looked for first, and its pieces wait for one another. */
  readonly giant: number;
}

/** Bytes of a fetch: two are held at a time, one being read and one under way. */
const fetchBytes = 1 << 20;
const fetchWaitMs = 500;

/** One is being read, one is in the target, and one waits. */
const maxSpares = 3;

export class TopicReader {
  /** The end of the topic when it was last asked. */
  highWatermark = 0;
  /** The next record that is read. */
  offset: number;
  /** Told of each fetch that was answered. */
  onFetched: () => void = () => {};

  readonly #topic: string;
  readonly #consumer: Consumer;
  readonly #decoder: RecordDecoder;
  readonly #chain: Chain;
  readonly #limits: ReadLimits;
  readonly #records = new RecordBatchReader();
  readonly #fetchRoom = new FetchRoom();
  readonly #room = (size: number): Buffer => this.#fetchRoom.take(size);
  readonly #aborted = new AbortedTransactions();
  /** The fetch under way. */
  #fetching: Promise<Fetched | undefined> | undefined;
  #fetchFrom: number;
  /** An event that was read and belongs to the next batch. */
  #held = false;
  /** What the newest event says, if it is a message. */
  #message: OfftakeMessage | undefined;
  /** The last piece of a transaction must not have the beginning of the next one. */
  #inPieces = false;
  /** What was read and not handed out. */
  #batch = new Batch();
  /** Batches that were handed out and have come back. */
  readonly #spares: Batch[] = [];
  /** Why nothing more can be read. */
  #failure: { readonly error: unknown } | undefined;

  constructor(topic: string, consumer: Consumer, registry: Registry, chain: Chain, offset: number, limits: ReadLimits) {
    this.#topic = topic;
    this.#consumer = consumer;
    this.#decoder = new RecordDecoder(topic, registry);
    this.#chain = chain;
    this.#limits = limits;
    this.offset = offset;
    this.#fetchFrom = offset;
  }

  /**
   * The next whole transactions, or, when one is larger than the limits, its first piece (Batch.transactions is empty then).
   *
   * @param idle resolves when the target has nothing to do: until then a batch goes on growing
   * @returns undefined when it was stopped
   * @throws OfftakeError CHAIN_BROKEN, EVENT_MALFORMED and what the consumer, the registry and `idle` throw; whole transactions in front of a record
   *   that cannot be read are handed out first
   */
  async next(idle: Promise<void>): Promise<Batch | undefined> {
    for (;;) {
      if (await this.#readOrFail()) return this.#cut();
      const waited =
        this.#batch.transactions.length > 0
          ? await Promise.race([this.#fetched(), idle.then(() => "idle" as const)])
          : await this.#fetchedOrFailure(idle);
      if (waited === "idle") return this.#cut();
      if (waited === undefined) return undefined;
      this.#take(waited);
    }
  }

  /** The next piece of the transaction of which next() gave the first; the last piece ends with it, and has it in Batch.transactions. */
  async nextPiece(): Promise<Batch | undefined> {
    this.#inPieces = true;
    try {
      return await this.next(Promise.resolve());
    } finally {
      this.#inPieces = false;
    }
  }

  /** Takes a batch back that nobody reads any more. A new one for each grew, and was thrown away, by megabytes. */
  recycle(batch: Batch): void {
    batch.clear();
    if (this.#spares.length < maxSpares) this.#spares.push(batch);
  }

  /** An empty topic is waited at for ever; a target that fails meanwhile must be heard. */
  async #fetchedOrFailure(idle: Promise<void>): Promise<Fetched | undefined> {
    return Promise.race([this.#fetched(), idle.then(async () => this.#fetched())]);
  }

  async #fetched(): Promise<Fetched | undefined> {
    this.#fetching ??= this.#fetch();
    return this.#fetching;
  }

  async #fetch(): Promise<Fetched | undefined> {
    const fetched = await this.#consumer.fetch(this.#fetchFrom, { maxWaitMs: fetchWaitMs, maxBytes: fetchBytes, room: this.#room });
    if (fetched !== undefined) this.onFetched();
    return fetched;
  }

  #take(fetched: Fetched): void {
    this.#fetching = undefined;
    this.highWatermark = fetched.highWatermark;
    this.#records.over(fetched.records);
    this.#aborted.over(fetched.aborted);
  }

  async #readOrFail(): Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      return await this.#readFetched();
    } catch (error) {
      if (this.#batch.transactions.length === 0) throw error;
      this.#failure = { error };
      return true;
    }
  }

  /** Reads what has been fetched. @returns whether the batch has to be cut, with something left to read */
  async #readFetched(): Promise<boolean> {
    if (this.#held) {
      this.#held = false;
      this.#add(this.#records);
    }
    const records = this.#records;
    const decoder = this.#decoder;
    const { event } = decoder;
    while (records.next()) {
      if (records.offset < this.offset) continue;
      this.offset = records.offset + 1;
      if (!this.#aborted.counts(records)) continue;
      if (!decoder.decode(records)) await decoder.load(records);
      this.#message = event.plan.kind === "message" ? this.#readMessage() : undefined;
      if (this.#message?.kind === "take-over") {
        // It repeats a position: it is no link of the chain, and says where the events after it come from.
        this.#chain.takenOver(this.#message, records.offset);
        if (this.#chain.passesGap(this.#message, records.offset)) this.#passGap(this.#message, records.offset);
        continue;
      }
      const piece = event.isBeside || this.#message?.kind === "copied";
      if (!this.#chain.follows(event, records.offset, piece)) continue;
      // A create that moves a row belongs to the delete before it: never cut between them.
      if (this.#mustCut && !event.movesKey) {
        this.#held = true;
        return true;
      }
      this.#add(records);
    }
    // The next fetch is under way while what was read is applied.
    this.#fetchFrom = Math.max(this.offset, records.nextOffset);
    this.offset = this.#fetchFrom;
    void this.#fetched().catch(() => undefined);
    return this.#mustCut && this.#batch.transactions.length > 0;
  }

  get #mustCut(): boolean {
    const { transactions, copied, gaps } = this.#batch;
    // Up to there rows of the table may be missing, and from there on they may not; or the other way round.
    if (copied.length > 0 || gaps.length > 0) return true;
    if (this.#inPieces) return transactions.length > 0 || this.#holds(1);
    return this.#holds(transactions.length > 0 ? 1 : this.#limits.giant);
  }

  /** Whether the batch has this many times what it should. */
  #holds(times: number): boolean {
    const { log, events } = this.#batch;
    const rows = this.#limits.rows * times;
    return log.length >= rows || events >= rows || log.bytes >= this.#limits.bytes * times;
  }

  #add({ offset, valueStart, valueEnd }: RecordBatchReader): void {
    const { event } = this.#decoder;
    const batch = this.#batch;
    batch.events += 1;
    if (event.plan.kind === "row") {
      if (event.movesKey) {
        if (batch.log.op[batch.log.length - 1] !== Change.delete || batch.log.length === 0)
          throw new OfftakeError(
            "EVENT_MALFORMED",
            `The event at offset ${offset} of the topic ${this.#topic} moves a row to another key, and the delete of the old key is not before it.`,
          );
        batch.log.dropLast();
      }
      batch.log.add(event, offset, valueStart, valueEnd);
    }
    const message = this.#message;
    if (message?.kind === "copied") batch.copied.push(message);
    if (event.last && (event.isBeside || message?.kind === "copied")) batch.pieces += 1;
    if (event.last) batch.transactions.add(batch.log.length, event, offset, event.plan.kind === "message" && message?.kind !== "copied");
  }

  /** Ends the batch with the place behind the gap. What the topic has of a transaction that was never whole goes: the rest of it does not come. */
  #passGap({ recovered }: TakeOverMarker, offset: number): void {
    const { log, transactions, gaps } = this.#batch;
    const whole = transactions.changes;
    if (log.length > whole) {
      const rest = this.#spare();
      log.split(whole, Math.round((log.bytes * (log.length - whole)) / log.length), rest.log);
      this.recycle(rest);
    }
    transactions.add(whole, this.#decoder.event, offset, false);
    if (recovered !== undefined) gaps.push(recovered);
  }

  #spare(): Batch {
    return this.#spares.pop() ?? new Batch();
  }

  /** What is whole, or, if nothing is, a piece. What is not whole stays for the next time. */
  #cut(): Batch {
    const batch = this.#batch;
    const whole = batch.transactions.changes;
    if (batch.transactions.length === 0 || whole === batch.log.length) {
      this.#batch = this.#spare();
      return batch;
    }
    const left = batch.log.length - whole;
    const rest = this.#spare();
    batch.log.split(whole, Math.round((batch.log.bytes * left) / batch.log.length), rest.log);
    rest.events = left;
    batch.events -= left;
    this.#batch = rest;
    return batch;
  }

  #readMessage(): OfftakeMessage | undefined {
    const { bytes, contentStart, contentEnd } = this.#decoder.event;
    return parseMessage(bytes.toString("utf8", contentStart, contentEnd));
  }
}
