/**
 * What can happen to a publication, a slot, a topic, a server, and what Offtake does about it: the rows of docs/mishaps.md, and the names of the tests.
 * A row without a test, or a test of something that the page does not say, fails mishaps.test.ts.
 */
import { expect } from "vitest";

export interface Mishap {
  readonly section: "publication" | "slot" | "topic" | "source" | "target";
  readonly what: string;
  /** With the error's code, where it stops. */
  readonly does: string;
  readonly mends: string;
}

const startingOver = "starting over";
const recovering = "`offtake up --recover`";
const copying = "copying the table";

export const mishaps: readonly Mishap[] = [
  {
    section: "publication",
    what: "a table is taken out of it",
    does: "stops: `PUBLICATION_DIFFERS`, at the next heartbeat and at every start",
    mends: "`ALTER PUBLICATION` … `ADD TABLE`; then it is the next row",
  },
  {
    section: "publication",
    what: "a table was out of it, and is in it again",
    does: "goes on, and marks the table `needs copy`, at the next heartbeat or at the start",
    mends: copying,
  },
  {
    section: "publication",
    what: "it is dropped",
    does: "stops: `PUBLICATION_MISSING`, at the next heartbeat and at every start",
    mends: "`offtake up`, which creates it; then it is the next row",
  },
  {
    section: "publication",
    what: "it was dropped and made again",
    does: "goes on, and marks every table `needs copy`, at the next heartbeat or at the start",
    mends: "copying the tables",
  },
  {
    section: "publication",
    what: "it was dropped and made again before PostgreSQL 18, and a row was changed between",
    does: "stops: `STREAM_REFUSED`, at once and at every start",
    mends: startingOver,
  },
  {
    section: "slot",
    what: "it is dropped",
    does: "stops: `SLOT_MISSING`, at the start; PostgreSQL refuses it while a connector reads",
    mends: recovering,
  },
  {
    section: "slot",
    what: "it is dropped and made again",
    does: "stops: `SLOT_MOVED`, at the start",
    mends: recovering,
  },
  {
    section: "slot",
    what: "it is advanced by hand",
    does: "stops: `SLOT_MOVED`, at the start; PostgreSQL refuses it while a connector reads",
    mends: recovering,
  },
  {
    section: "slot",
    what: "it is lost: the monolith has removed WAL that it needed",
    does: "stops: `SLOT_LOST`, at every start",
    mends: recovering,
  },
  {
    section: "topic",
    what: "it is deleted",
    does: "stops, connector and applier: `TOPIC_MISSING`, with the next event and at every start",
    mends: startingOver,
  },
  {
    section: "topic",
    what: "it is deleted and made again while nothing runs",
    does: "stops: the connector with `TOPIC_WITHOUT_TAIL`, the applier with `TOPIC_RECREATED`, at every start",
    mends: startingOver,
  },
  {
    section: "topic",
    what: "it is deleted and made again while both run",
    does: "stops, connector and applier: `TOPIC_RECREATED` (`TOPIC_MISSING` for a moment), with the next event; nothing of it counts as published",
    mends: startingOver,
  },
  {
    section: "topic",
    what: "it has lost its end (unclean election, a restored disk)",
    does: "stops, connector and applier: `TOPIC_LOST_TAIL`, at every start",
    mends: startingOver,
  },
  {
    section: "topic",
    what: "records that the target has are deleted, or expire",
    does: "goes on",
    mends: "nothing has to be",
  },
  {
    section: "topic",
    what: "records that the target does not have are deleted, or expire",
    does: "stops, the applier: `TOPIC_EXPIRED`, when it reads on, and at every start; the connector goes on",
    mends: startingOver,
  },
  {
    section: "topic",
    what: "every record is deleted, or expires, while nothing runs",
    does: "stops: `TOPIC_WITHOUT_TAIL`, at every start",
    mends: startingOver,
  },
  {
    section: "source",
    what: "it is another cluster, with the same names",
    does: "stops: `SOURCE_IDENTITY_CHANGED`, at every start",
    mends: "the right `source.url`; where it is right, starting over",
  },
  {
    section: "source",
    what: "it comes back from an older copy of its storage, and its WAL ends before the topic",
    does: "stops: `SOURCE_WENT_BACK`, at every start",
    mends: startingOver,
  },
  {
    section: "source",
    what: "it comes back from an older copy of its storage, and its WAL has grown beyond the topic",
    does: "stops: `TAIL_DIFFERS`, before anything is published",
    mends: startingOver,
  },
  {
    section: "source",
    what: "its address leads to a standby that is not promoted yet",
    does: "waits: `SOURCE_IN_RECOVERY`, and goes on when it is promoted",
    mends: "nothing has to be",
  },
  {
    section: "source",
    what: "a standby is promoted that has the slot",
    does: "goes on",
    mends: "nothing has to be",
  },
  {
    section: "source",
    what: "a standby is promoted that has the slot, and had not received what is in the topic",
    does: "stops: `TIMELINE_DIVERGED`, at every start",
    mends: startingOver,
  },
  {
    section: "source",
    what: "a standby is promoted that does not have the slot",
    does: "stops: `SLOT_MISSING`, at every start; the message says up to where the topic has what was committed",
    mends: recovering,
  },
  {
    section: "source",
    what: "a standby is promoted that does not have the slot, before PostgreSQL 17",
    does: "stops: `SLOT_MISSING`, at every start; the message says up to where the topic has what was committed",
    mends: recovering,
  },
  {
    section: "target",
    what: "it fails over to a standby that lags",
    does: "goes on, from the older position that it finds there",
    mends: "nothing has to be",
  },
  {
    section: "target",
    what: "its address leads to a standby that is not promoted yet",
    does: "waits: `TARGET_BUSY`, and goes on when it is promoted",
    mends: "nothing has to be",
  },
  {
    section: "target",
    what: "it fails over in the middle of a batch",
    does: "goes on; nothing of the batch was applied in part",
    mends: "nothing has to be",
  },
  {
    section: "target",
    what: "it is restored to an earlier state while the applier runs",
    does: "goes on, from the older position that it finds there",
    mends: "nothing has to be",
  },
  {
    section: "target",
    what: "it is restored to a state that is older than the topic",
    does: "stops, the applier: `TOPIC_EXPIRED`, at every start",
    mends: startingOver,
  },
];

/** What an error is when the page's row is right: one of its codes, retried until somebody has acted, and with the cure that the row names. */
export function stopsAs(section: Mishap["section"], what: string): Record<string, unknown> {
  const mishap = mishaps.find((each) => each.section === section && each.what === what);
  if (mishap === undefined) throw new Error(`docs/mishaps.md has no ${section}: ${what}`);
  const codes = [...mishap.does.matchAll(/`([A-Z_]+)`/g)].map(([, code]) => code!);
  const cure = mishap.mends.includes(startingOver) ? "Starting over: " : (/`([^`]+)`/.exec(mishap.mends)?.[1] ?? "");
  return { code: expect.stringMatching(new RegExp(`^(${codes.join("|")})$`)), retry: "operator", cure: expect.stringContaining(cure) };
}
