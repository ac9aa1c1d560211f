/**
 * Puts rows that were read beside the stream between two of its transactions. Their place is that of the transaction before, with sequences beyond its own: the
 * stream never has them, and a piece is no link of the chain.
 *
 * A piece ends with each record batch, which is in the topic as a whole or not at all: so a topic never ends within one, and what is there of a chunk is right by
 * itself.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import { AvroWriter } from "../../schemas/avro-bytes.ts";
import type { CopiedMessage } from "../../schemas/offtake-message.ts";
import { fullBatchBytes } from "../kafka/record-batch.ts";
import { tooLarge } from "./awaited-message.ts";
import type { Change, EventEncoder, RowChange } from "./event-encoder.ts";
import type { Lsn } from "./lsn.ts";
import { describeEvent } from "./stream-changes.ts";
import { encodeMessage, encodeProcessed } from "./message-encoder.ts";
import { Op } from "./op.ts";
import type { Outbox } from "./outbox.ts";
import { type SourceNames, Transaction } from "./transaction.ts";

/** What is written between two transactions. What it throws is its own affair: the stream goes on. */
type Piece = (writer: PieceWriter) => void;

interface Waiting {
  readonly passed: Lsn;
  readonly piece: Piece;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

/** The newest transaction in the topic. */
export interface Place {
  readonly commitLsn: Lsn;
  /** As Begin has it. */
  readonly commitTime: bigint;
  readonly xid: number;
  readonly previous: Lsn | undefined;
  /** Of what is behind it already. */
  readonly sequence: number;
}

export class Pieces {
  /** All WAL before it is in the topic, or does not belong there; undefined while a piece would be in the middle of a transaction, or behind a gap. */
  reached: () => Lsn | undefined = () => undefined;
  readonly #outbox: Outbox;
  readonly #writer: PieceWriter;
  readonly #waiting: Waiting[] = [];
  #placed = false;
  /** Where the next piece begins to count; undefined where it goes on behind the one before. */
  #place: Place | undefined;

  constructor(outbox: Outbox, names: SourceNames, messageSchemaId: number, maxEventBytes: number) {
    this.#outbox = outbox;
    this.#writer = new PieceWriter(outbox, names, messageSchemaId, maxEventBytes);
  }

  /** A transaction has ended whose events are in the topic, or on the way to it. */
  behind(place: Place): void {
    this.#placed = true;
    this.#place = place;
  }

  /**
   * Resolves when it was written, rejects with what it throws; never when the connection ends before.
   *
   * @param passed where the stream must have come before
   */
  async put(passed: Lsn, piece: Piece): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ passed, piece, done: resolve, failed: reject });
    this.offer();
    await promise;
  }

  /** Resolves when everything that was written so far is durable. */
  async durable(): Promise<void> {
    await this.#outbox.allDurable();
  }

  /** Writes what may be written now. */
  offer(): void {
    if (this.#waiting.length === 0 || !this.#placed) return;
    const reached = this.reached();
    if (reached === undefined) return;
    for (const each of this.#waiting.splice(0)) {
      if (each.passed > reached) this.#waiting.push(each);
      else this.#write(each);
    }
  }

  #write({ piece, done, failed }: Waiting): void {
    const writer = this.#writer;
    writer.begin(this.#place);
    this.#place = undefined;
    try {
      piece(writer);
      done();
    } catch (error) {
      failed(error);
    } finally {
      writer.end();
      this.#outbox.idle();
    }
  }
}

export class PieceWriter {
  readonly #outbox: Outbox;
  readonly #transaction: Transaction;
  readonly #messageSchemaId: number;
  readonly #maxEventBytes: number;
  readonly #change: Change = { bytes: Buffer.alloc(0), lsnHigh: 0, lsnLow: 0, processed: new AvroWriter(32) };

  constructor(outbox: Outbox, names: SourceNames, messageSchemaId: number, maxEventBytes: number) {
    this.#outbox = outbox;
    this.#maxEventBytes = maxEventBytes;
    this.#transaction = new Transaction(names, undefined, "incremental");
    this.#messageSchemaId = messageSchemaId;
  }

  begin(place: Place | undefined): void {
    if (place !== undefined) this.#place(place);
    encodeProcessed(this.#change.processed, Date.now());
    this.#outbox.begin();
  }

  /**
   * @param bytes what the row's offsets are of
   * @param op Op.read; Op.delete for a key that there is no row of, in `old`
   * @throws OfftakeError EVENT_TOO_LARGE, and what the encoder throws; the row is not in the batch then, and has no number
   */
  row(encoder: EventEncoder, row: RowChange, bytes: Buffer, op: number = Op.read): void {
    const { batch } = this.#outbox;
    const { length: before, count } = batch;
    this.#change.bytes = bytes;
    this.#transaction.sequence += 1;
    let fromEnd: number;
    try {
      fromEnd = encoder.row(batch, this.#transaction, row, this.#change, op, false);
      if (batch.length - before > this.#maxEventBytes)
        throw tooLarge(describeEvent(encoder, row, op, bytes, batch.length - before), this.#maxEventBytes, this.#transaction);
    } catch (error) {
      // Half a record would be in the way of all that follow.
      batch.writer.at = before;
      batch.count = count;
      // The next piece at this place goes on behind it: with a number left out, the chain was broken for the whole service, at every restart.
      this.#transaction.sequence -= 1;
      throw error;
    }
    this.#appended(fromEnd);
  }

  copied(message: CopiedMessage): void {
    const bytes = Buffer.from(JSON.stringify(message));
    const { lsnHigh: high, lsnLow: low, processed } = this.#change;
    const content = { bytes, start: 0, end: bytes.length };
    this.#transaction.sequence += 1;
    this.#appended(encodeMessage(this.#outbox.batch, this.#messageSchemaId, this.#transaction, processed, { high, low }, content));
  }

  end(): void {
    this.#outbox.endPiece(this.#transaction.commitLsn);
  }

  #place({ commitLsn, commitTime, xid, previous, sequence }: Place): void {
    this.#transaction.begin(commitLsn, commitTime, xid, previous);
    this.#transaction.sequence = sequence;
    this.#change.lsnHigh = Number(commitLsn >> 32n);
    this.#change.lsnLow = Number(commitLsn & 0xffffffffn);
  }

  #appended(fromEnd: number): void {
    this.#outbox.appended(fromEnd);
    if (this.#outbox.batch.length < fullBatchBytes) return;
    this.end();
    this.#outbox.begin();
  }
}
