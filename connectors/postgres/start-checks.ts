/**
 * Decides whether a connector may go on where the topic ends. Each check stands between a silent gap and the service's database: once an event
 * beyond a gap is published, nothing downstream can see that one is missing.
 *
 * Pure: everything it judges is an argument. Source: ARCHITECTURE.md, "Take-over".
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import { formatLsn, type Lsn } from "./lsn.ts";
import type { SourceIdentity } from "./replication-stream.ts";
import type { Slot } from "./slot.ts";

/** What the last record of a topic says: an event, or a marker that repeats the event before it. */
export interface Tail {
  readonly commitLsn: Lsn;
  readonly sequence: number;
  /** Whether its transaction is whole. */
  readonly last: boolean;
  /** How many events of its transaction the topic has; undefined where an older marker does not say. */
  readonly order?: number | undefined;
  /** Of its transaction; undefined where a marker does not say. */
  readonly xid?: number | undefined;
  /** The transaction before it in the topic; undefined for the first. */
  readonly previous: Lsn | undefined;
  /** Where it was written from. */
  readonly systemIdentifier: string;
  readonly timeline: number;
  /** The event itself (op r for what was read beside the stream, which does not come again), so that it can be recognised when it comes again; undefined where none was published yet. */
  readonly event: TailEvent | undefined;
}

/** What the same event must be again: the LSN of the change, its table, op, and a digest of its key. */
export interface TailEvent {
  readonly lsn: string;
  readonly table: string;
  readonly op: string;
  readonly key: string;
}

/** The change that comes again: without op and key where the stream does not say which key it had, and whether that changed. */
export type EventAgain = Pick<TailEvent, "lsn" | "table"> & Partial<TailEvent>;

/** The rest of a timeline's history: the timelines before the present one, and where each was left. */
export type TimelineHistory = readonly { readonly timeline: number; readonly endedAt: Lsn }[];

/** @throws OfftakeError SOURCE_IDENTITY_CHANGED, TIMELINE_DIVERGED */
export function checkSource(tail: Tail, identity: SourceIdentity, history: TimelineHistory, topic: string): void {
  if (tail.systemIdentifier !== identity.systemIdentifier)
    throw new OfftakeError(
      "SOURCE_IDENTITY_CHANGED",
      `The topic ${topic} was written from the PostgreSQL cluster ${tail.systemIdentifier}, and the source is now ${identity.systemIdentifier}.`,
      { cure: "Check source.url. If the source was really exchanged, its service's tables have to be copied again." },
    );
  checkTimeline(tail, identity, history, topic);
}

/**
 * A source that was put back from a copy of its storage has the same identity and timeline, and will write other transactions under the same positions.
 *
 * @param flushed the end of the source's WAL
 * @throws OfftakeError SOURCE_WENT_BACK
 */
export function checkReached(tail: Tail, flushed: Lsn, topic: string): void {
  if (tail.commitLsn <= flushed) return;
  throw new OfftakeError(
    "SOURCE_WENT_BACK",
    `The topic ${topic} ends at ${formatLsn(tail.commitLsn)}, and the source's WAL at ${formatLsn(flushed)}, before it.`,
    {
      cure: "The source was put back from an older copy: the topic holds changes that it does not know. The service's tables have to be copied again.",
    },
  );
}

/** Only what the topic's tail vouches for is ever confirmed, so a slot beyond the tail means that one of the two is not what it was. */
export function isBeyond(slot: Slot, tail: Tail): boolean {
  return slot.confirmedFlush > tail.commitLsn;
}

/**
 * Which of the two it is. Offtake confirms where a commit record begins, and the server then sends that very transaction again. So when the slot's
 * stream begins with it, a connector has confirmed it, and the topic has lost it; when not, the slot was moved by somebody else.
 *
 * @param first commit LSN of the first transaction of the slot's stream; undefined when none came
 */
export function beyondTail(tail: Tail, slot: Slot, first: Lsn | undefined, topic: string): OfftakeError {
  const where = `The topic ${topic} ends at ${formatLsn(tail.commitLsn)}, and the slot ${slot.name} is confirmed up to ${formatLsn(slot.confirmedFlush)}`;
  if (first === slot.confirmedFlush)
    return new OfftakeError("TOPIC_LOST_TAIL", `${where}: the topic has lost what was confirmed in between.`, {
      cure: "Kafka lost acknowledged events (unclean election, disk, a restored backup). The service's tables have to be copied again.",
    });
  return new OfftakeError("SLOT_MOVED", `${where}, which no connector has confirmed: what lies between is in neither.`, {
    cure: "The slot was dropped and made again, or advanced by hand.",
  });
}

/** A promoted standby goes on from where it had got to. What the old primary wrote beyond that was published and never happened. */
function checkTimeline(tail: Tail, identity: SourceIdentity, history: TimelineHistory, topic: string): void {
  if (tail.timeline === identity.timeline) return;
  const left = history.find(({ timeline }) => timeline === tail.timeline);
  if (left !== undefined && tail.commitLsn < left.endedAt) return;
  const where = left === undefined ? "does not descend from it" : `left it at ${formatLsn(left.endedAt)}`;
  throw new OfftakeError(
    "TIMELINE_DIVERGED",
    `The topic ${topic} ends at ${formatLsn(tail.commitLsn)} of timeline ${tail.timeline}, and the source is on timeline ${identity.timeline}, which ${where}.`,
    { cure: "The topic holds changes that the present source does not know. The service's tables have to be copied again." },
  );
}

/**
 * The event that comes again at the tail's position must be the one that is there.
 *
 * @throws OfftakeError TAIL_DIFFERS
 */
export function checkTailEvent(tail: Tail, again: EventAgain, topic: string): void {
  const { event } = tail;
  if (event === undefined) return;
  const { lsn, table, op, key } = { ...event, ...again };
  if (event.lsn === lsn && event.table === table && event.op === op && event.key === key) return;
  throw tailDiffers(tail, topic, `the slot gives the change ${op} of ${table} at ${lsn} for it`);
}

/** @param found what the slot's stream has instead */
export function tailDiffers(tail: Tail, topic: string, found: string): OfftakeError {
  const { event } = tail;
  const what = event === undefined ? "" : `, the change ${event.op} of ${event.table} at ${event.lsn}`;
  return new OfftakeError("TAIL_DIFFERS", `The topic ${topic} ends with ${formatLsn(tail.commitLsn)}:${tail.sequence}${what}, but ${found}.`, {
    cure: "Where `tables` was changed while only a part of this transaction was published, undo that until the connector has passed it. Otherwise the slot's stream is not the one that the topic was written from: slot or publication were exchanged, and the service's tables have to be copied again.",
  });
}
