/**
 * Where the slot's stream joins the topic: the transaction of the topic's tail comes again, with the same event at the same position, or nothing may be
 * published. An event behind a wrong tail makes a gap that nobody sees.
 *
 * Pure. Source: ARCHITECTURE.md, "Take-over".
 */
import { formatLsn, type Lsn } from "./lsn.ts";
import { checkTailEvent, type EventAgain, type Tail, tailDiffers } from "./start-checks.ts";
import type { Transaction } from "./transaction.ts";

export class Junction {
  /** The tail; undefined for a topic without events: everything in the stream is new to it. */
  readonly tail: Tail | undefined;
  readonly #topic: string;
  #joined: boolean;

  /** @param tail of sequence 0 is the place where a new slot was created: no event has it */
  constructor(tail: Tail, topic: string) {
    this.tail = tail.sequence === 0 ? undefined : tail;
    this.#topic = topic;
    this.#joined = this.tail === undefined;
  }

  /** A transaction begins. @throws OfftakeError TAIL_DIFFERS when the tail's own has not come before it */
  begin(commitLsn: Lsn): void {
    if (this.#joined || this.tail === undefined) return;
    if (commitLsn > this.tail.commitLsn)
      throw tailDiffers(this.tail, this.#topic, `the slot goes on at ${formatLsn(commitLsn)} without that transaction`);
    this.#joined = commitLsn === this.tail.commitLsn;
  }

  /** Whether this event, which the topic has, is its tail, and has to be recognised. */
  isTail({ commitLsn, sequence }: Transaction): boolean {
    return commitLsn === this.tail?.commitLsn && sequence === this.tail.sequence;
  }

  /** @throws OfftakeError TAIL_DIFFERS when the tail comes again as another event */
  recognise(again: EventAgain): void {
    if (this.tail !== undefined) checkTailEvent(this.tail, again, this.#topic);
  }

  /** An event is about to be published. @throws OfftakeError TAIL_DIFFERS behind what was the last event of its transaction */
  publish({ commitLsn }: Transaction): void {
    if (this.tail?.last === true && commitLsn === this.tail.commitLsn)
      throw tailDiffers(this.tail, this.#topic, "the same transaction now goes on behind what was its last change");
  }

  /** A transaction ends. @throws OfftakeError TAIL_DIFFERS when less of the tail's came again than the topic has, or no more where it said so */
  commit({ commitLsn, lastEvent }: Transaction): void {
    if (this.tail === undefined || commitLsn !== this.tail.commitLsn) return;
    const { last, sequence } = this.tail;
    if (last ? lastEvent < sequence : lastEvent <= sequence)
      throw tailDiffers(this.tail, this.#topic, `the same transaction now ends with its change ${lastEvent}`);
  }
}
