/**
 * Looks for the end of a transaction that is too large for memory, further down the topic, before the first of it is applied: a transaction in the
 * target that waits for a connector to come back would hold its locks for as long.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AbortedTransactions } from "../../connectors/kafka/aborted-transactions.ts";
import type { Consumer } from "../../connectors/kafka/consumer.ts";
import { RecordBatchReader } from "../../connectors/kafka/record-batch.ts";
import type { Registry } from "../../connectors/kafka/registry.ts";
import type { Lsn } from "../../connectors/postgres/lsn.ts";
import type { EventReader } from "../../schemas/event-reader.ts";
import { parseMessage } from "../../schemas/offtake-message.ts";
import { FetchRoom } from "./fetch-room.ts";
import { RecordDecoder } from "./record-decoder.ts";
import { type TransactionEnd, TransactionEnds } from "./transaction-ends.ts";

const fetchBytes = 1 << 20;
const fetchWaitMs = 500;

/** Records: what is no further away is read on the way. */
const near = 4096;

/** Milliseconds after a look at the end of the topic that has found it going on: with every batch that comes, it would be read whole. */
const pauseMs = 50;

/**
 * Waits as long as it takes.
 *
 * @param from an offset within the transaction
 * @returns undefined when it was stopped; "never" where its end is lost in a gap that was recovered
 * @throws OfftakeError EVENT_MALFORMED, and of the consumer and the registry
 */
export async function findTransactionEnd(
  consumer: Consumer,
  registry: Registry,
  topic: string,
  from: number,
  commitLsn: Lsn,
): Promise<TransactionEnd | "never" | undefined> {
  const high = Number(commitLsn >> 32n);
  const low = Number(commitLsn & 0xffffffffn);
  const records = new RecordBatchReader();
  const aborted = new AbortedTransactions();
  const decoder = new RecordDecoder(topic, registry);
  const { event } = decoder;
  const isOf = (): boolean => event.commitHigh === high && event.commitLow === low;
  // Nothing comes between the events of a transaction, and pieces of copies, which have its position, come behind it. So most of a giant one is not decoded.
  const goesOn = (): boolean => readsToEnd(records, decoder) && event.plan.kind === "row" && isOf() && !event.last && !event.isBeside;
  const fetchRoom = new FetchRoom();
  const room = (size: number): Buffer => fetchRoom.take(size);
  // Up to `next` it goes on. It is not read whole: a look ahead, each twice as far as the one before, says that it goes on there as well, or that it has ended before `bound`.
  for (let next = from, ahead = 0, far = near, bound = Number.POSITIVE_INFINITY; ;) {
    const fetched = await consumer.fetch(next + ahead, { maxWaitMs: fetchWaitMs, maxBytes: fetchBytes, room });
    if (fetched === undefined) return undefined;
    const { highWatermark } = fetched;
    records.over(fetched.records);
    const isOpen = goesOn();
    const passed = ahead;
    // What came back empty says nothing: a broker that has its old segments elsewhere may answer so.
    if (isOpen || passed === 0) next = Math.max(next, records.nextOffset);
    else bound = next + passed;
    far = isOpen ? far * 2 : near;
    if (next >= bound) bound = Number.POSITIVE_INFINITY;
    ahead = aheadOf(next, bound, Math.min(next + far, highWatermark - 1));
    if (isOpen && next >= highWatermark) await sleep(pauseMs);
    if (isOpen || passed > 0) continue;
    aborted.over(fetched.aborted);
    records.over(fetched.records);
    while (records.next()) {
      if (records.offset < from || !aborted.counts(records)) continue;
      if (!decoder.decode(records)) await decoder.load(records);
      if (event.plan.kind === "message" && isGap(event)) return "never";
      if (!event.last || !isOf()) continue;
      const ends = new TransactionEnds();
      ends.add(0, event, records.offset, false);
      return ends.last;
    }
  }
}

/** How far ahead the next look is: at `far` while nothing says that it has ended, then half way to where it has. 0 where that is near. */
function aheadOf(next: number, bound: number, far: number): number {
  const ahead = Number.isFinite(bound) ? Math.floor((bound - next) / 2) : far - next;
  return ahead < near ? 0 : ahead;
}

/** Decodes the last of the records. @returns false where there is none, some may not count, or one cannot be read: it may stand behind the end, and is for whoever comes to it */
function readsToEnd(records: RecordBatchReader, decoder: RecordDecoder): boolean {
  let counts = true;
  let found = false;
  try {
    while (records.next()) {
      found = true;
      counts &&= !records.transactional && !records.control;
    }
    return found && counts && decoder.decode(records);
  } catch {
    return false;
  }
}

/** A connector publishes the rest of a transaction before anything else, and behind a gap there is no rest. */
function isGap({ bytes, contentStart, contentEnd }: EventReader): boolean {
  const message = parseMessage(bytes.toString("utf8", contentStart, contentEnd));
  return message?.kind === "take-over" && message.recovered !== undefined;
}
