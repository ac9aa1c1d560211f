/**
 * Where the slot's stream joins the topic: the transaction of the topic's tail comes again, with the same event at the same position, or nothing may be
 * published. An event behind a wrong tail makes a gap that nobody sees.
 *
 * Pure. Source: ARCHITECTURE.md, "Take-over".
 */
import { formatLsn, type Lsn } from "./lsn.ts";
import { checkTailEvent, type EventAgain, type Tail, tailDiffers } from "./start-checks.ts";
import { Op } from "./op.ts";
import type { Transaction } from "./transaction.ts";

const readOp = String.fromCharCode(Op.read);

export class Junction {
  /** The tail; undefined for a topic without events: everything in the stream is new to it. */
  readonly tail: Tail | undefined;
  /** What the first transaction of the stream follows on: behind a gap that was recovered, the place where the new slot begins. */
  readonly previous: Lsn | undefined;
  readonly #topic: string;
  /** Whether the tail's transaction has begun to come again. */
  #begun: boolean;
  #joined: boolean;

  /** @param tail of sequence 0 is the place where a new slot was created: no event has it */
  constructor(tail: Tail, topic: string) {
    this.tail = tail.sequence === 0 ? undefined : tail;
    this.previous = tail.sequence === 0 && tail.previous !== undefined ? tail.commitLsn : tail.previous;
    this.#topic = topic;
    this.#begun = this.tail === undefined;
    this.#joined = this.tail === undefined;
  }

  /** Whether the stream is proven to be the topic's. Before, nothing of it may be confirmed: what looks published may be another history. */
  get joined(): boolean {
    return this.#joined;
  }

  /** A transaction begins. @throws OfftakeError TAIL_DIFFERS when the tail's own has not come before it */
  begin(commitLsn: Lsn): void {
    if (this.#begun || this.tail === undefined) return;
    if (commitLsn > this.tail.commitLsn)
      throw tailDiffers(this.tail, this.#topic, `the slot goes on at ${formatLsn(commitLsn)} without that transaction`);
    this.#begun = commitLsn === this.tail.commitLsn;
  }

  /** How many positions are taken of a transaction that has ended: behind the tail's own, there may be rows that were read beside the stream. */
  sequenceBehind(transaction: Transaction): number {
    return this.isTails(transaction) ? Math.max(transaction.sequence, this.tail?.sequence ?? 0) : transaction.sequence;
  }

  /** Whether this is the tail's transaction. */
  isTails({ commitLsn }: Transaction): boolean {
    return commitLsn === this.tail?.commitLsn;
  }

  /** Whether this change, which the topic has, is its tail, and has to be recognised. */
  isTail(transaction: Transaction): boolean {
    return this.isTails(transaction) && transaction.sequence === this.tail?.sequence;
  }

  /** @throws OfftakeError TAIL_DIFFERS when the tail comes again as another change */
  recognise(again: EventAgain): void {
    if (this.tail !== undefined) checkTailEvent(this.tail, again, this.#topic);
  }

  /**
   * A transaction ends. The tail's may have got more changes behind what was its last, of tables that are the service's only now: they are not published.
   *
   * @throws OfftakeError TAIL_DIFFERS when less of the tail's came again than the topic has, or no more where it said so
   */
  commit(transaction: Transaction): void {
    if (this.tail === undefined || !this.isTails(transaction)) return;
    const { last, sequence, event, xid } = this.tail;
    if (event?.op === readOp) {
      // What is behind it was read beside the stream: of the transaction itself it says no more than which one it was.
      if (xid !== undefined && xid !== transaction.xid)
        throw tailDiffers(this.tail, this.#topic, `that transaction is now ${transaction.xid} instead of ${xid}`);
    } else if (last ? transaction.sequence < sequence : transaction.lastEvent <= sequence)
      throw tailDiffers(this.tail, this.#topic, `the same transaction now ends with its change ${transaction.sequence}`);
    this.#joined = true;
  }
}
