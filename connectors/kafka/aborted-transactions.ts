/**
 * Passes over what other producers wrote and then took back. Offtake never begins a Kafka transaction, but a topic is open to others, and a
 * record of an aborted transaction was never said.
 *
 * Source: Apache Kafka documentation, "Protocol", Fetch, aborted_transactions; "Message Format", Control Batches.
 */
import type { AbortedTransaction } from "./fetch.ts";
import type { RecordBatchReader } from "./record-batch.ts";

/** In a control record's key: version:int16 type:int16. */
const abortMarker = 0;

export class AbortedTransactions {
  /** Not begun yet, in the order of their first offsets. */
  #coming: AbortedTransaction[] = [];
  /** Producers whose transaction is one that will be aborted. */
  readonly #open = new Set<bigint>();

  over(aborted: readonly AbortedTransaction[]): this {
    this.#coming = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
    this.#open.clear();
    return this;
  }

  /** Whether the record that the reader stands on counts: neither a control record nor taken back. To be asked of every record, in order. */
  counts(reader: RecordBatchReader): boolean {
    if (!reader.transactional && !reader.control) return true;
    while (this.#coming.length > 0 && this.#coming[0]!.firstOffset <= reader.offset) this.#open.add(this.#coming.shift()!.producerId);
    if (!reader.control) return !this.#open.has(reader.producerId);
    if (reader.keyStart !== -1 && reader.bytes.readInt16BE(reader.keyStart + 2) === abortMarker) this.#open.delete(reader.producerId);
    return false;
  }
}
