/**
 * A batch on its way to the target, and what was sent of it. Two are under way at a time: one at the server, one behind it.
 */
import type { Sent } from "./apply-merged.ts";
import type { Batch } from "./batch.ts";
import type { ByteArena } from "./byte-arena.ts";
import type { Queued } from "./parking.ts";
import type { AppliedPosition } from "./position.ts";
import type { GroupAnswer } from "./statement-group.ts";

export interface Flight {
  readonly batch: Batch;
  /** Holds the bytes of its statements. */
  readonly arena: ByteArena;
  /** Undefined before it is sent, and once the server has refused it. */
  sent: SentBatch | undefined;
  ended: Promise<void>;
}

export interface SentBatch {
  /** The applied position, once it is committed. */
  readonly next: AppliedPosition;
  readonly answer: Promise<GroupAnswer>;
  readonly sent: readonly Sent[];
  /** Statements before them. */
  readonly from: number;
}

/** What transactions of a batch come to, where they can be merged. */
export interface Merged {
  readonly sent: readonly Sent[];
  /** What goes into queues, in front of it. */
  readonly queued: Queued | undefined;
}
