/**
 * Reads the last record of a topic, which is a connector's memory of what it has published.
 *
 * Source: ARCHITECTURE.md, "Take-over".
 */
import { createHash } from "node:crypto";
import { eventPlan, type EventPlan } from "../../schemas/event-plan.ts";
import { EventReader } from "../../schemas/event-reader.ts";
import { parseMessage, type TakeOverMarker } from "../../schemas/offtake-message.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { AbortedTransactions } from "../kafka/aborted-transactions.ts";
import type { Consumer } from "../kafka/consumer.ts";
import type { OffsetRange } from "../kafka/offsets.ts";
import { RecordBatchReader } from "../kafka/record-batch.ts";
import type { Registry } from "../kafka/registry.ts";
import { Op } from "./op.ts";
import type { Tail } from "./start-checks.ts";

/** A tail, and who wrote it and where it stands in the topic. */
export interface TailRecord extends Tail {
  /** Whether it is a take-over marker, and not the event itself. */
  readonly marker: boolean;
  /** Whether its writer was the only one by then: false for a marker of which the wait for a predecessor was not over. */
  readonly settled: boolean;
  readonly offset: number;
  readonly producerId: bigint;
  /** When its transaction was committed at the source, microseconds since 1970; of a marker, when it was written. */
  readonly micros: number;
}

/** Bytes of one fetch; the broker sends the first batch whole even if it is larger. */
const maxBytes = 1 << 20;

/**
 * A marker repeats the tail that its connector had read; what a predecessor put between that read and the marker stands behind it in the order of
 * positions, and in front of it in the topic. So of a marker and the record before it the later position counts.
 *
 * @param before the tail of what stands below this offset
 * @returns undefined for a topic without any record that counts
 * @throws OfftakeError EVENT_MALFORMED when the newest record is not one of Offtake's; INTERRUPTED
 */
export async function readTail(
  consumer: Consumer,
  registry: Registry,
  topic: string,
  range: OffsetRange,
  before: number,
): Promise<TailRecord | undefined> {
  // Control records and aborted transactions of other producers may stand at the end: look further back, in growing steps.
  for (let back = 2; ; back *= 100) {
    const from = Math.max(range.start, before - back);
    const records = await newestRecords(consumer, from, before);
    const tails = await Promise.all(records.map(async (record) => tailOf(record, topic, registry)));
    const [newest, second] = tails;
    const enough = newest !== undefined && (!newest.marker || second !== undefined);
    if (enough || from <= range.start) return newest?.marker === true && second !== undefined && isLater(second, newest) ? second : newest;
  }
}

interface FoundRecord {
  readonly bytes: Buffer;
  readonly keyStart: number;
  readonly keyEnd: number;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly producerId: bigint;
}

/** Up to two records between the offsets, the newest first. */
async function newestRecords(consumer: Consumer, from: number, before: number): Promise<FoundRecord[]> {
  const records = new RecordBatchReader();
  const aborted = new AbortedTransactions();
  let found: FoundRecord[] = [];
  for (let next = from; next < before;) {
    const fetched = await consumer.fetch(next, { maxWaitMs: 1000, maxBytes });
    if (fetched === undefined) throw consumer.stopReason;
    records.over(fetched.records);
    aborted.over(fetched.aborted);
    while (records.next()) {
      if (!aborted.counts(records) || records.offset < next || records.offset >= before) continue;
      const { bytes, keyStart, keyEnd, valueStart: start, valueEnd: end, offset, producerId } = records;
      found = [{ bytes, keyStart, keyEnd, start, end, offset, producerId }, ...found.slice(0, 1)];
    }
    next = Math.max(records.nextOffset, next);
    if (fetched.records.length === 0 && fetched.highWatermark <= next) break;
  }
  return found;
}

async function tailOf(found: FoundRecord, topic: string, registry: Registry): Promise<TailRecord> {
  const { bytes, start, end, offset, producerId } = found;
  if (start === -1 || end - start < 5 || bytes[start] !== 0)
    throw new OfftakeError("EVENT_MALFORMED", `The record at offset ${offset}, at the end of the topic ${topic}, was not written by Offtake.`, {
      cure: "A topic of Offtake has one writer, its connector. Find out who else writes to it.",
    });
  const schemaId = bytes.readUInt32BE(start + 1);
  const plan = eventPlan(schemaId, await registry.schema(schemaId));
  const reader = new EventReader(plan);
  reader.read(plan, bytes, start + 5, end);
  const written = markerOf(reader);
  const marker = written && markerTail(written);
  const key = found.keyStart === -1 ? Buffer.alloc(0) : bytes.subarray(found.keyStart + 5, found.keyEnd);
  return {
    ...(marker ?? eventTail(reader, plan, key)),
    marker: marker !== undefined,
    settled: written?.settled !== false,
    offset,
    producerId,
    micros: reader.commitMicros,
  };
}

function isLater(a: Tail, b: Tail): boolean {
  return a.commitLsn > b.commitLsn || (a.commitLsn === b.commitLsn && a.sequence > b.sequence);
}

function markerOf(reader: EventReader): TakeOverMarker | undefined {
  if (reader.plan.kind !== "message") return undefined;
  const message = parseMessage(reader.bytes.toString("utf8", reader.contentStart, reader.contentEnd));
  return message?.kind === "take-over" ? message : undefined;
}

/** The message behind the rows of a table that was copied is no more in the stream than they are. */
function isCopied(reader: EventReader): boolean {
  if (reader.plan.kind !== "message") return false;
  return parseMessage(reader.bytes.toString("utf8", reader.contentStart, reader.contentEnd))?.kind === "copied";
}

function markerTail({ sequence, last, order, xid, systemIdentifier, timeline, event, commitLsn, previous }: TakeOverMarker): Tail {
  return {
    commitLsn: BigInt(commitLsn),
    sequence,
    last,
    order,
    xid,
    previous: previous === undefined ? undefined : BigInt(previous),
    systemIdentifier,
    timeline,
    event,
  };
}

function eventTail(reader: EventReader, plan: EventPlan, key: Buffer): Tail {
  const source = reader.source();
  return {
    commitLsn: words(reader.commitHigh, reader.commitLow),
    sequence: reader.sequence,
    last: reader.last,
    order: reader.totalOrder === 0 ? undefined : reader.totalOrder,
    xid: reader.xid,
    previous: reader.hasPrevious ? words(reader.previousHigh, reader.previousLow) : undefined,
    systemIdentifier: String(reader.bytes.readBigUInt64BE(reader.identifierStart)),
    timeline: reader.timeline,
    event: {
      lsn: String(source.lsn),
      table: plan.kind === "message" ? "" : `${plan.schema}.${plan.table}`,
      op: String.fromCharCode(isCopied(reader) || reader.isBeside ? Op.read : reader.op),
      key: reader.op === Op.truncate || reader.op === Op.message ? "" : keyDigest(key),
    },
  };
}

function words(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Keys may be personal data, and markers are read by people: a digest recognises one without showing it. */
export function keyDigest(key: Buffer): string {
  return key.length === 0 ? "" : createHash("sha256").update(key).digest("base64url");
}
