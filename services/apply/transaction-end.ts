/**
 * Looks for the end of a transaction that is too large for memory, further down the topic, before the first of it is applied: a transaction in the
 * target that waits for a connector to come back would hold its locks for as long.
 */
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
  for (let next = from; ;) {
    const fetched = await consumer.fetch(next, { maxWaitMs: fetchWaitMs, maxBytes: fetchBytes, room });
    if (fetched === undefined) return undefined;
    records.over(fetched.records);
    const isOpen = goesOn();
    next = Math.max(next, records.nextOffset);
    if (isOpen) continue;
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
