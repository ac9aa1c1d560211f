/**
 * Reads the last record of a topic, which is a connector's memory of what it has published.
 *
 * Source: ARCHITECTURE.md, "Take-over".
 */
import { createHash } from "node:crypto";
import { eventPlan, type EventPlan } from "../../schemas/event-plan.ts";
import { EventReader } from "../../schemas/event-reader.ts";
import { parseMessage } from "../../schemas/offtake-message.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { AbortedTransactions } from "../kafka/aborted-transactions.ts";
import type { Consumer } from "../kafka/consumer.ts";
import type { OffsetRange } from "../kafka/offsets.ts";
import { RecordBatchReader } from "../kafka/record-batch.ts";
import type { Registry } from "../kafka/registry.ts";
import { Op } from "./event-encoder.ts";
import type { Tail } from "./start-checks.ts";

/** A tail, and who wrote it and where it stands in the topic. */
export interface TailRecord extends Tail {
  readonly offset: number;
  readonly producerId: bigint;
  /** When its transaction was committed at the source, microseconds since 1970; of a marker, when it was written. */
  readonly micros: number;
}

/** Bytes of one fetch; the broker sends the first batch whole even if it is larger. */
const maxBytes = 1 << 20;

/**
 * @param before the record looked for is the newest below this offset
 * @returns undefined for a topic without any record that counts
 * @throws OfftakeError EVENT_MALFORMED when the newest record is not one of Offtake's
 */
export async function readTail(
  consumer: Consumer,
  registry: Registry,
  topic: string,
  range: OffsetRange,
  before: number,
): Promise<TailRecord | undefined> {
  // Control records and aborted transactions of other producers may stand at the end: look further back, in growing steps.
  for (let back = 1; ; back *= 100) {
    const from = Math.max(range.start, before - back);
    const found = from < before ? await lastBetween(consumer, registry, topic, from, before) : undefined;
    if (found !== undefined || from <= range.start) return found;
  }
}

async function lastBetween(consumer: Consumer, registry: Registry, topic: string, from: number, before: number): Promise<TailRecord | undefined> {
  const records = new RecordBatchReader();
  const aborted = new AbortedTransactions();
  let found: { bytes: Buffer; keyStart: number; keyEnd: number; start: number; end: number; offset: number; producerId: bigint } | undefined;
  for (let next = from; next < before;) {
    const fetched = await consumer.fetch(next, { maxWaitMs: 1000, maxBytes });
    if (fetched === undefined) return undefined;
    records.over(fetched.records);
    aborted.over(fetched.aborted);
    while (records.next()) {
      if (!aborted.counts(records) || records.offset < next || records.offset >= before) continue;
      const { bytes, keyStart, keyEnd, valueStart: start, valueEnd: end, offset, producerId } = records;
      found = { bytes, keyStart, keyEnd, start, end, offset, producerId };
    }
    next = Math.max(records.nextOffset, next);
    if (fetched.records.length === 0 && fetched.highWatermark <= next) break;
  }
  if (found === undefined) return undefined;
  if (found.start === -1 || found.end - found.start < 5 || found.bytes[found.start] !== 0)
    throw new OfftakeError("EVENT_MALFORMED", `The newest record of the topic ${topic} (offset ${found.offset}) was not written by Offtake.`, {
      cure: "A topic of Offtake has one writer, its connector. Find out who else writes to it.",
    });
  const schemaId = found.bytes.readUInt32BE(found.start + 1);
  const plan = eventPlan(schemaId, await registry.schema(schemaId));
  const reader = new EventReader(plan);
  reader.read(plan, found.bytes, found.start + 5, found.end);
  const key = found.keyStart === -1 ? Buffer.alloc(0) : found.bytes.subarray(found.keyStart + 5, found.keyEnd);
  return {
    ...(markerTail(reader) ?? eventTail(reader, plan, key)),
    offset: found.offset,
    producerId: found.producerId,
    micros: reader.source().ts_us,
  };
}

function markerTail(reader: EventReader): Tail | undefined {
  if (reader.plan.kind !== "message") return undefined;
  const marker = parseMessage(reader.bytes.toString("utf8", reader.contentStart, reader.contentEnd));
  if (marker?.kind !== "take-over") return undefined;
  const { sequence, last, systemIdentifier, timeline, event } = marker;
  return {
    commitLsn: BigInt(marker.commitLsn),
    sequence,
    last,
    previous: marker.previous === undefined ? undefined : BigInt(marker.previous),
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
    previous: reader.hasPrevious ? words(reader.previousHigh, reader.previousLow) : undefined,
    systemIdentifier: String(reader.bytes.readBigUInt64BE(reader.identifierStart)),
    timeline: reader.timeline,
    event: {
      lsn: String(source.lsn),
      table: plan.kind === "message" ? "" : `${plan.schema}.${plan.table}`,
      op: String.fromCharCode(reader.op),
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
