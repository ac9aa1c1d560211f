/**
 * The transaction that pg-logical-replication loses, and Offtake does not: see docs/decisions/0002-replication-client.md.
 *
 * A server of its own: between the two commits no record of anybody else may come to lie in the WAL.
 */
import { LogicalReplicationService, PgoutputPlugin } from "pg-logical-replication";
import pg, { type Client } from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startStack, type Stack } from "../../../infra/local/stack.ts";
import { Acker } from "../../../connectors/postgres/acker.ts";
import { formatLsn, type Lsn, parseLsn } from "../../../connectors/postgres/lsn.ts";
import { Kind, PgoutputDecoder } from "../../../connectors/postgres/pgoutput.ts";
import { RecordedStream } from "../../support/recorded-stream.ts";
import { waitFor } from "../../support/wait-for.ts";

interface Committed {
  /** The first column of each row that was inserted. */
  readonly notes: readonly string[];
  /** Where the commit record begins, and where it ends. */
  readonly commitLsn: Lsn;
  readonly endLsn: Lsn;
}

let stack: Stack;
let source: Client;
let other: Client;

beforeAll(async () => {
  // What writes WAL on its own account is quiet.
  const settings = { source: { autovacuum: "off", checkpoint_timeout: "1h" } };
  stack = await startStack({ backend: "local", servers: ["source"], settings, progress: () => undefined });
  [source, other] = [await connect(), await connect()];
  await source.query("CREATE TABLE t (note text)");
  await source.query("CREATE PUBLICATION p FOR TABLE t");
});

afterAll(async () => {
  await source.end();
  await other.end();
  await stack.stop();
});

async function connect(): Promise<Client> {
  const client = new pg.Client({ connectionString: stack.source.url() });
  await client.connect();
  return client;
}

/** Whole transactions among the messages. */
function transactionsOf(messages: readonly Buffer[]): Committed[] {
  const decoder = new PgoutputDecoder();
  const found: Committed[] = [];
  let notes: string[] = [];
  for (const bytes of messages) {
    const kind = decoder.decode(bytes, 0, bytes.length);
    if (kind === Kind.begin) notes = [];
    if (kind === Kind.insert) notes.push(bytes.toString("utf8", decoder.new.start[0], decoder.new.end[0]));
    if (kind === Kind.commit) found.push({ notes, commitLsn: decoder.commitLsn, endLsn: decoder.endLsn });
  }
  return found;
}

/**
 * Two transactions of which the second's commit record begins exactly where the first's ends: the second has written its row before the first
 * commits, so that nothing but its commit is left to write. Where the server put something of its own between them, two more are made.
 *
 * @param slots created before
 */
async function neighbours(...slots: readonly string[]): Promise<{ first: Committed; second: Committed }> {
  return waitFor(
    async () => {
      for (const slot of slots) {
        await source.query("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1", [slot]);
        await source.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [slot]);
      }
      await other.query("BEGIN; INSERT INTO t VALUES ('second')");
      await source.query("INSERT INTO t VALUES ('first')");
      await other.query("COMMIT");
      const { rows } = await source.query<{ data: Buffer }>(
        "SELECT data FROM pg_logical_slot_peek_binary_changes($1, NULL, NULL, 'proto_version', '1', 'publication_names', 'p')",
        [slots[0]],
      );
      const [first, second] = transactionsOf(rows.map(({ data }) => data));
      expect([first?.notes, second?.notes]).toEqual([["first"], ["second"]]);
      return first!.endLsn === second!.commitLsn && { first: first!, second: second! };
    },
    { what: "a commit record right behind another" },
  );
}

async function confirmedFlush(slot: string): Promise<Lsn> {
  const { rows } = await source.query<{ lsn: string }>("SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = $1", [
    slot,
  ]);
  return parseLsn(rows[0]!.lsn);
}

async function isIdle(slot: string): Promise<boolean> {
  const { rows } = await source.query<{ active: boolean }>("SELECT active FROM pg_replication_slots WHERE slot_name = $1", [slot]);
  return rows[0]?.active === false;
}

/** What a client that has confirmed, and then died, gets when it starts again. A third transaction is committed, so that there is an end. */
async function afterRestart(slot: string): Promise<string[]> {
  await waitFor(async () => isIdle(slot), { what: `the slot ${slot} to be free` });
  await source.query("INSERT INTO t VALUES ('third')");
  await using stream = await RecordedStream.open(stack.source.url(), slot, "p");
  const notes = (): string[] => transactionsOf(stream.messages).flatMap((each) => each.notes);
  await waitFor(() => notes().includes("third"), { what: "the third transaction" });
  return notes();
}

/** Reads both transactions and confirms what it is told to. */
async function confirm(slot: string, choose: (first: Committed) => Lsn): Promise<void> {
  await using stream = await RecordedStream.open(stack.source.url(), slot, "p");
  const read = await waitFor(() => transactionsOf(stream.messages).length === 2 && transactionsOf(stream.messages), { what: "both transactions" });
  const lsn = choose(read[0]!);
  stream.confirm(lsn);
  await waitFor(async () => (await confirmedFlush(slot)) === lsn, { what: `${formatLsn(lsn)} to be confirmed` });
}

describe("a transaction whose commit record begins where the one before ends", () => {
  test.each([
    ["where the first's commit record begins", (first: Committed) => first.commitLsn, ["first", "second", "third"]],
    ["where the first's commit record ends", (first: Committed) => first.endLsn, ["second", "third"]],
    ["the byte after that", (first: Committed) => first.endLsn + 1n, ["third"]],
  ])("after a confirmation of %s", async (_, choose, expected) => {
    await neighbours("any");
    await confirm("any", choose);
    expect(await afterRestart("any")).toEqual(expected);
  });

  test("is not lost by Offtake, which confirms what the Acker says: the first comes again with it", async () => {
    await neighbours("ours");
    await confirm("ours", (first) => {
      const acker = new Acker(0n);
      // One event on the topic, and in all replicas of it; of the second transaction nothing yet.
      acker.appended(1);
      acker.commit(first.commitLsn);
      acker.appended(1);
      acker.durable(1);
      return acker.confirmable;
    });
    expect(await afterRestart("ours")).toEqual(["first", "second", "third"]);
  });

  test("is lost by pg-logical-replication: it has finished the first, dies over the second, and never gets it again", async () => {
    const { first, second } = await neighbours("theirs");
    const service = new LogicalReplicationService(
      { connectionString: stack.source.url() },
      { acknowledge: { auto: true, timeoutSeconds: 0 }, flowControl: { enabled: true } },
    );
    const finished: string[] = [];
    const began = Promise.withResolvers<void>();
    service.on("data", async (_lsn: string, message: { tag: string; commitLsn?: string | null }) => {
      if (message.tag === "begin" && parseLsn(message.commitLsn!) === second.commitLsn) {
        began.resolve();
        // Whoever handles it is killed here.
        await new Promise(() => undefined);
      }
      finished.push(message.tag);
    });
    const subscribed = service.subscribe(new PgoutputPlugin({ protoVersion: 1, publicationNames: ["p"] }), "theirs");
    await Promise.race([began.promise, subscribed]);
    await waitFor(async () => (await confirmedFlush("theirs")) > first.endLsn, { what: "the library's acknowledgement" });
    expect(finished).toEqual(["begin", "relation", "insert", "commit"]);
    expect(await confirmedFlush("theirs")).toBe(second.commitLsn + 1n);
    await service.destroy();
    await subscribed;
    expect(await afterRestart("theirs")).toEqual(["third"]);
  });

  test("is lost by pg-logical-replication with its own acknowledgements off, too: its timer confirms what it has received", async () => {
    const { second } = await neighbours("timer");
    // Its user confirms by acknowledge() what is safe, and nothing ever is.
    const service = new LogicalReplicationService({ connectionString: stack.source.url() }, { acknowledge: { auto: false, timeoutSeconds: 1 } });
    const subscribed = service.subscribe(new PgoutputPlugin({ protoVersion: 1, publicationNames: ["p"] }), "timer");
    await Promise.race([waitFor(async () => (await confirmedFlush("timer")) > second.commitLsn, { what: "its timer to confirm" }), subscribed]);
    await service.destroy();
    await subscribed;
    expect(await afterRestart("timer")).toEqual(["third"]);
  });
});
