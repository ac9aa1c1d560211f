/**
 * Follows the chain of transactions in a topic: which events are new, which were seen before, and whether one is missing. It is the last place where
 * a gap can be seen: what is applied after one makes the target look whole.
 *
 * Pure. Source: ARCHITECTURE.md, "Invariants", 4.
 */
import { formatLsn, type Lsn } from "../../connectors/postgres/lsn.ts";
import type { EventReader } from "../../schemas/event-reader.ts";
import type { TakeOverMarker } from "../../schemas/offtake-message.ts";
import { OfftakeError } from "../runtime/errors.ts";
import type { AppliedPosition } from "./position.ts";

export class Chain {
  readonly #topic: string;
  /** Two words of the newest event's commit LSN, and its sequence; -1 before the first. */
  #high: number;
  #low: number;
  #sequence: number;
  /** Whether the newest event's transaction, or piece, goes on. */
  #open = false;
  /** Whether the newest event is of a piece: rows of a copy, between two transactions, at the position of the one before. */
  #piece = false;
  /** How many events of the newest transaction have been published up to the newest event. */
  #order = 0;
  #systemIdentifier: string | undefined;
  #identifierHigh = 0;
  #identifierLow = 0;
  #timeline: number | undefined;

  /** @param position the applied one; undefined for a target that has nothing, which has to see the topic from its first transaction */
  constructor(topic: string, position: AppliedPosition | undefined) {
    this.#topic = topic;
    this.#high = position === undefined ? -1 : Number(position.commitLsn >> 32n);
    this.#low = position === undefined ? -1 : Number(position.commitLsn & 0xffffffffn);
    this.#sequence = position?.sequence ?? -1;
    this.#identify(position?.systemIdentifier, position?.timeline);
  }

  /** Of the newest event. */
  get commitLsn(): Lsn {
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  /**
   * @param offset of the record, for the error
   * @param piece whether it is no change of a transaction but of a copy of a table
   * @returns whether the event is new: false for one at or below the newest
   * @throws OfftakeError CHAIN_BROKEN, SOURCE_IDENTITY_CHANGED
   */
  follows(event: EventReader, offset: number, piece = false): boolean {
    const { commitHigh, commitLow, sequence } = event;
    // Sequence 0 is the place where a slot begins, which no event has: a transaction may be committed at that very position.
    const later =
      commitHigh > this.#high || (commitHigh === this.#high && (commitLow > this.#low || (commitLow === this.#low && this.#sequence === 0)));
    if (!later && (commitHigh !== this.#high || commitLow !== this.#low || sequence <= this.#sequence)) return false;
    this.#checkIdentity(event, offset);
    if (piece) this.#checkPiece(event, offset, later);
    else {
      if (later) this.#checkLink(event, offset);
      else if (!this.#open || this.#piece) throw this.#broken(event, offset, `goes on with the transaction ${this.#newest()}, which had ended`);
      this.#checkOrder(event, offset, later ? 1 : this.#order + 1);
    }
    this.#high = commitHigh;
    this.#low = commitLow;
    this.#sequence = sequence;
    this.#open = !event.last;
    this.#piece = piece;
    return true;
  }

  /**
   * A connector took the topic over, perhaps from another server.
   *
   * @throws OfftakeError SOURCE_IDENTITY_CHANGED, TIMELINE_DIVERGED
   */
  takenOver(marker: TakeOverMarker, offset: number): void {
    if (this.#systemIdentifier !== undefined && marker.systemIdentifier !== this.#systemIdentifier)
      throw this.#foreign(marker.systemIdentifier, offset);
    if (this.#timeline !== undefined && this.#timeline !== marker.timeline && this.#high !== -1) {
      const left = marker.history.find(({ timeline }) => timeline === this.#timeline);
      if (left === undefined || this.commitLsn >= BigInt(left.endedAt))
        throw new OfftakeError(
          "TIMELINE_DIVERGED",
          `The source of the topic ${this.#topic} went from timeline ${this.#timeline} to ${marker.timeline} before ${formatLsn(this.commitLsn)}, which is applied already (offset ${offset}).`,
          { cure: "The target holds changes that the present source does not know: the service's tables have to be copied again." },
        );
    }
    this.#identify(marker.systemIdentifier, marker.timeline);
  }

  /**
   * Goes on behind a gap that somebody has recovered: the tables are copied again from there. This very gap and no other: it must begin where the chain has come to.
   *
   * @returns false for one that was passed before
   * @throws OfftakeError CHAIN_BROKEN
   */
  passesGap({ commitLsn, recovered }: TakeOverMarker, offset: number): boolean {
    if (recovered === undefined || BigInt(commitLsn) <= this.#newestLsn()) return false;
    const { after } = recovered;
    if (this.#high === -1 || BigInt(after.commitLsn) !== this.commitLsn || after.sequence !== this.#sequence)
      throw new OfftakeError(
        "CHAIN_BROKEN",
        `In the topic ${this.#topic} the gap that was recovered at offset ${offset} begins behind ${formatLsn(BigInt(after.commitLsn))}:${after.sequence}, and the newest applied is ${this.#newest()}.`,
        { cure: "Events before that gap are missing, and nothing behind it was applied: the service's tables have to be copied again." },
      );
    this.#high = Number(BigInt(commitLsn) >> 32n);
    this.#low = Number(BigInt(commitLsn) & 0xffffffffn);
    this.#sequence = 0;
    this.#open = false;
    this.#piece = false;
    return true;
  }

  #checkLink(event: EventReader, offset: number): void {
    if (this.#open) throw this.#broken(event, offset, `begins before the transaction ${this.#newest()} has ended`);
    if (this.#high === -1 && event.hasPrevious)
      throw this.#broken(
        event,
        offset,
        `follows on ${formatLsn(previousOf(event))}, and nothing has been applied yet: the topic does not reach back to its beginning`,
      );
    if (this.#high !== -1 && (!event.hasPrevious || event.previousHigh !== this.#high || event.previousLow !== this.#low))
      throw this.#broken(
        event,
        offset,
        `follows on ${event.hasPrevious ? formatLsn(previousOf(event)) : "nothing"}, and the newest applied is ${this.#newest()}`,
      );
  }

  /** Pieces name no transaction before them, and need not: each is exact by itself. But none may be missing behind another, nor what it was read behind. */
  #checkPiece(event: EventReader, offset: number, later: boolean): void {
    if (later) throw this.#brokenPiece(event, offset, `belongs behind a transaction that is not here: the newest is ${this.#newest()}`);
    if (this.#open && !this.#piece) throw this.#brokenPiece(event, offset, "stands in the middle of that transaction");
    if (this.#piece && event.sequence !== this.#sequence + 1)
      throw this.#brokenPiece(event, offset, `is number ${event.sequence}, and the one before is ${this.#sequence}`);
  }

  /**
   * Sequences have gaps, where a change became no event; Debezium's count has none. It may fall behind: a connector that was given fewer tables in the
   * middle of a transaction counts fewer events in front of the same one.
   */
  #checkOrder(event: EventReader, offset: number, expected: number): void {
    const { totalOrder } = event;
    if (totalOrder > expected)
      throw this.#broken(
        event,
        offset,
        expected === 1
          ? `begins with its ${ordinal(totalOrder)} event: those before it are missing`
          : `goes on with its ${ordinal(totalOrder)} event, and its ${ordinal(expected)} is missing`,
      );
    this.#order = totalOrder === 0 ? expected : totalOrder;
  }

  #checkIdentity(event: EventReader, offset: number): void {
    const high = event.bytes.readUInt32BE(event.identifierStart);
    const low = event.bytes.readUInt32BE(event.identifierStart + 4);
    if (this.#systemIdentifier === undefined) this.#identify(String((BigInt(high) << 32n) | BigInt(low)), event.timeline);
    else if (high !== this.#identifierHigh || low !== this.#identifierLow) throw this.#foreign(String((BigInt(high) << 32n) | BigInt(low)), offset);
    else if (event.timeline !== this.#timeline)
      throw this.#broken(event, offset, `comes from timeline ${event.timeline}, and no connector has said that the source left ${this.#timeline}`);
  }

  #identify(systemIdentifier: string | undefined, timeline: number | undefined): void {
    this.#systemIdentifier = systemIdentifier;
    this.#timeline = timeline;
    const identifier = BigInt(systemIdentifier ?? "0");
    this.#identifierHigh = Number(identifier >> 32n);
    this.#identifierLow = Number(identifier & 0xffffffffn);
  }

  #newestLsn(): Lsn {
    return this.#high === -1 ? -1n : this.commitLsn;
  }

  #newest(): string {
    return this.#high === -1 ? "none" : `${formatLsn(this.commitLsn)}:${this.#sequence}`;
  }

  #foreign(found: string, offset: number): OfftakeError {
    return new OfftakeError(
      "SOURCE_IDENTITY_CHANGED",
      `The topic ${this.#topic} goes on at offset ${offset} from the PostgreSQL cluster ${found}, and what is applied came from ${this.#systemIdentifier}.`,
      { cure: "Check source.url and kafka.topicPrefix. If the source was really exchanged, the service's tables have to be copied again." },
    );
  }

  #brokenPiece(event: EventReader, offset: number, why: string): OfftakeError {
    return new OfftakeError(
      "CHAIN_BROKEN",
      `In the topic ${this.#topic} the copied row at offset ${offset}, behind the transaction ${formatLsn(commitOf(event))}, ${why}.`,
      { cure: "Events are missing, and nothing of this row was applied: the service's tables have to be copied again." },
    );
  }

  #broken(event: EventReader, offset: number, why: string): OfftakeError {
    return new OfftakeError("CHAIN_BROKEN", `In the topic ${this.#topic} the transaction ${formatLsn(commitOf(event))} at offset ${offset} ${why}.`, {
      cure: "Events are missing, and nothing of this transaction was applied: the service's tables have to be copied again.",
    });
  }
}

function ordinal(n: number): string {
  const ending = [11, 12, 13].includes(n % 100) ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${ending}`;
}

function commitOf(event: EventReader): Lsn {
  return (BigInt(event.commitHigh) << 32n) | BigInt(event.commitLow);
}

function previousOf(event: EventReader): Lsn {
  return (BigInt(event.previousHigh) << 32n) | BigInt(event.previousLow);
}
