/**
 * A batch on its way to the target: whole source transactions, or a piece of one that is too large for memory.
 */
import type { EventReader } from "../../schemas/event-reader.ts";
import { ChangeLog } from "./change-log.ts";

/** Where a source transaction ends, in the log and in the topic. */
export interface TransactionEnd {
  /** Changes up to and with it. */
  readonly changes: number;
  readonly commitLsn: bigint;
  /** Of its last event. */
  readonly sequence: number;
  readonly xid: number;
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** The next record of the topic. */
  readonly offset: number;
  /** When it was committed at the source, microseconds since 1970. */
  readonly micros: number;
  /** Whether it was a heartbeat. */
  readonly heartbeat: boolean;
}

export class Batch {
  readonly log: ChangeLog;
  readonly transactions: TransactionEnd[] = [];
  /** Events, messages included. */
  events = 0;

  constructor(log: ChangeLog = new ChangeLog()) {
    this.log = log;
  }

  /** Empties it, to be filled again. */
  clear(): void {
    this.log.clear();
    this.transactions.length = 0;
    this.events = 0;
  }

  /** Ends the transaction whose last event the reader stands on. */
  end(event: EventReader, offset: number, heartbeat: boolean): void {
    const source = event.source();
    this.transactions.push({
      changes: this.log.length,
      commitLsn: (BigInt(event.commitHigh) << 32n) | BigInt(event.commitLow),
      sequence: event.sequence,
      xid: source.txId,
      systemIdentifier: String(event.bytes.readBigUInt64BE(event.identifierStart)),
      timeline: event.timeline,
      offset: offset + 1,
      micros: source.ts_us,
      heartbeat,
    });
  }
}
