/**
 * The source transaction that is being decoded: its place in the chain, its count of changes, and what all its events share, encoded once.
 *
 * The sequence counts every decoded change from 1 before anything is left out (an update that comes with an old row counts twice, since it may become two
 * events; a truncate once for each table), so that the same transaction, decoded again after a restart, gives each event the same position, whatever the key
 * or the service's tables are by then; an event that moved to another position would be published twice or never.
 *
 * Source: PostgreSQL documentation, "Logical Replication Message Formats", Begin; ARCHITECTURE.md, "Position".
 */
import { AvroWriter } from "../../schemas/avro-bytes.ts";
import type { Lsn } from "./lsn.ts";
import { postgresEpochMicros } from "./replication-messages.ts";
import type { SourceIdentity } from "./replication-stream.ts";

/** A position in the stream: progress is measured in nothing else. */
export interface Position {
  readonly commitLsn: Lsn;
  readonly sequence: number;
}

/** The newest position in a topic, and whether its transaction is whole there. */
export interface TailPosition extends Position {
  readonly last?: boolean;
  /** Its total_order. */
  readonly order?: number | undefined;
}

/** What every event of a connector begins its `source` with. */
export interface SourceNames {
  /** Offtake's version. */
  readonly version: string;
  /** Debezium's `name`: the topic prefix. */
  readonly name: string;
  readonly identity: SourceIdentity;
}

/** Debezium's `source.snapshot`: whether the event is a change, or a row that was read beside the stream. */
type Snapshot = "false" | "incremental";

export class Transaction {
  commitLsn: Lsn = 0n;
  xid = 0;
  /** Commit time, as Begin has it and in microseconds since 1970. */
  commitTime = 0n;
  commitMicros = 0;
  /** Of the newest change. */
  sequence = 0;
  /** Of the newest change that became an event. */
  lastEvent = 0;
  /** Published events, those before a restart included: Debezium's total_order. */
  published = 0;
  /** Counts transactions, so that a table notices that its data_collection_order begins again. */
  serial = 0;

  /** Avro bytes of: source.version to source.db, source.ts_us and ts_ns, source.txId, transaction.id, offtake.commit_lsn, offtake.prev_commit_lsn to timeline. */
  readonly sourceStart = new AvroWriter(512);
  readonly sourceTimes = new AvroWriter(16);
  readonly sourceXid = new AvroWriter(16);
  readonly id = new AvroWriter(64);
  readonly commit = new AvroWriter(16);
  readonly previous = new AvroWriter(32);
  /** The commit LSN in decimal, for source.sequence. */
  commitDecimal: Buffer = Buffer.alloc(0);

  /** What is the same in all transactions: source.version to source.name, source.snapshot and db, offtake.system_identifier and timeline. */
  readonly #names: Buffer;
  readonly #snapshotAndDatabase: Buffer;
  readonly #identity: Buffer;
  readonly #snapshot: Snapshot;
  /** Nothing at or below it is published again. */
  readonly #tail: TailPosition | undefined;
  #skipTo = 0;

  /** @param tail the newest position in the topic, undefined for a topic without events */
  constructor(names: SourceNames, tail: TailPosition | undefined, snapshot: Snapshot = "false") {
    this.#names = encoded((writer) => {
      writer.string(names.version);
      writer.string("postgresql");
      writer.string(names.name);
    });
    this.#snapshotAndDatabase = encoded((writer) => {
      writer.byte(0); // snapshot: the first branch
      writer.string(snapshot);
      writer.string(names.identity.database);
    });
    this.#identity = encoded((writer) => {
      writer.at = writer.bytes.writeBigUInt64BE(BigInt(names.identity.systemIdentifier), writer.at);
      writer.long(names.identity.timeline);
    });
    this.#tail = tail;
    this.#snapshot = snapshot;
  }

  /**
   * @param commitTime as Begin has it: microseconds since 2000-01-01 UTC
   * @param previous the transaction before it in the topic, undefined for the first
   */
  begin(commitLsn: Lsn, commitTime: bigint, xid: number, previous: Lsn | undefined): void {
    this.commitLsn = commitLsn;
    this.xid = xid;
    this.commitTime = commitTime;
    this.commitMicros = Number(commitTime + postgresEpochMicros);
    this.sequence = 0;
    this.lastEvent = 0;
    this.published = 0;
    this.serial += 1;
    this.#skipTo = this.#published();
    this.#encode(previous);
  }

  /** Up to which sequence the topic has it. Nothing follows in a transaction that is whole there, whatever belongs to the service by now. */
  #published(): number {
    const tail = this.#tail;
    if (tail === undefined || this.commitLsn > tail.commitLsn) return 0;
    return this.commitLsn < tail.commitLsn || tail.last === true ? Number.POSITIVE_INFINITY : tail.sequence;
  }

  /** Whether it is none: rows that were read beside the stream. */
  get isBeside(): boolean {
    return this.#snapshot === "incremental";
  }

  /** Whether it comes before the newest one in the topic. */
  get isOlder(): boolean {
    return this.#tail !== undefined && this.commitLsn < this.#tail.commitLsn;
  }

  /** Counts a change that becomes one event. @returns whether it has to be published: false when the topic has it */
  advance(): boolean {
    this.lastEvent = this.sequence + 1;
    this.published += 1;
    this.leaveOut();
    return this.sequence > this.#skipTo;
  }

  /** Counts a change that becomes no event. */
  leaveOut(): void {
    this.sequence += 1;
    // With other tables than now the topic may have got more events, or fewer, up to its tail: the count goes on where it stands there.
    if (this.sequence === this.#skipTo) this.published = this.#tail?.order ?? this.published;
  }

  #encode(previous: Lsn | undefined): void {
    const decimal = String(this.commitLsn);
    const start = reset(this.sourceStart);
    start.reserve(this.#names.length + 10 + this.#snapshotAndDatabase.length);
    start.raw(this.#names, 0, this.#names.length);
    start.long(Math.floor(this.commitMicros / 1000));
    start.raw(this.#snapshotAndDatabase, 0, this.#snapshotAndDatabase.length);
    const times = reset(this.sourceTimes);
    times.byte(2);
    times.long(this.commitMicros);
    times.byte(0); // ts_ns: null, see schemas/envelope.ts
    const xid = reset(this.sourceXid);
    xid.byte(2);
    xid.long(this.xid);
    const id = reset(this.id);
    id.byte(2);
    id.string(`${this.xid}:${decimal}`);
    const commit = reset(this.commit);
    commit.byte(2);
    commit.bigLong(this.commitLsn);
    const before = reset(this.previous);
    if (previous === undefined) before.byte(0);
    else {
      before.byte(2);
      before.bigLong(previous);
    }
    before.raw(this.#identity, 0, this.#identity.length);
    this.commitDecimal = Buffer.from(decimal, "latin1");
  }
}

function encoded(write: (writer: AvroWriter) => void): Buffer {
  const writer = new AvroWriter(64);
  write(writer);
  return writer.bytes.subarray(0, writer.at);
}

function reset(writer: AvroWriter): AvroWriter {
  writer.at = 0;
  return writer;
}
