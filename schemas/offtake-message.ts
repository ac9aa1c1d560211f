/**
 * The contents of Offtake's own messages on a topic: JSON, told apart by `kind`. Anyone who can write to the monolith can emit the prefix, so
 * what is read here is checked, and a kind that this version does not have is named, never ignored.
 *
 * Source: ARCHITECTURE.md, "Messages".
 */
import { z } from "zod";

const lsn = z.string().regex(/^\d+$/);

const heartbeat = z.object({
  kind: z.literal("heartbeat"),
  /** Microseconds since 1970 by the source's clock. */
  at: z.number(),
});

/** Written by a connector that took the topic over; repeats the position of the event before it, and what that event was. */
const takeOver = z.object({
  kind: z.literal("take-over"),
  connector: z.string(),
  slot: z.string(),
  systemIdentifier: z.string(),
  timeline: z.number(),
  /** Earlier timelines, and where each was left. */
  history: z.array(z.object({ timeline: z.number(), endedAt: lsn })),
  commitLsn: lsn,
  sequence: z.number(),
  last: z.boolean(),
  order: z.number().optional(),
  /** Of the transaction whose position it repeats. */
  xid: z.number().optional(),
  previous: lsn.optional(),
  /** False while a predecessor under another producer id may still write. */
  settled: z.boolean().optional(),
  event: z.object({ lsn: z.string(), table: z.string(), op: z.string(), key: z.string() }).optional(),
  /** Of `offtake up --recover`: between what the topic has before it and the marker's own position, changes are in no stream, and these tables are to be copied. */
  recovered: z
    .object({
      /** The newest position in the topic, of a transaction that may not be whole there: the rest of it does not come. */
      after: z.object({ commitLsn: lsn, sequence: z.number() }),
      /** schema.table of the source. */
      tables: z.array(z.string()).readonly(),
      /** What they are marked for. */
      reason: z.string(),
    })
    .optional(),
});

/** Written by a connector behind the last row of a table that it has copied. */
const copied = z.object({
  kind: z.literal("copied"),
  /** schema.table of the source. */
  table: z.string(),
  /** The job's number in the control database. */
  snapshot: z.string(),
  /** What the table was marked for when the copy was asked for: what it was marked for since, the copy may not have mended. */
  reason: z.string(),
});

const message = z.discriminatedUnion("kind", [heartbeat, takeOver, copied]);

export type OfftakeMessage = z.infer<typeof message>;
export type TakeOverMarker = z.infer<typeof takeOver>;
export type RecoveredGap = NonNullable<TakeOverMarker["recovered"]>;
export type CopiedMessage = z.infer<typeof copied>;

/** @returns undefined for content that is no message of this version */
export function parseMessage(content: string): OfftakeMessage | undefined {
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch {
    return undefined;
  }
  return message.safeParse(json).data;
}
