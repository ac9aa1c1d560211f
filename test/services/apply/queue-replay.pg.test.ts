import { beforeEach, describe, expect, test } from "vitest";
import { endSession } from "../../../connectors/postgres/session.ts";
import { type Replay, replayQueue } from "../../../services/apply/queue-replay.ts";
import { readQueues, skipLetters } from "../../../services/apply/queues.ts";
import { openTargetSession } from "../../../services/apply/target-session.ts";
import { errorOf } from "../../support/error-of.ts";
import { waitFor } from "../../support/wait-for.ts";
import { Applier, committed, parkedKeys, prepared, target, trade, trades, tradesAndUsers, users, waiting } from "./applying-target.ts";
import { type TableEvent, writtenSchemas, writtenShapes } from "./event-writer.ts";
import { serviceOf } from "./target-fixture.ts";

beforeEach(() => prepared(tradesAndUsers));

const bad = (id: number) => trade(id, "bad");
const changed = (id: number, note: string | null) => trades.update({ id, note, amount: "1" });
const mend = "ALTER TABLE trades DROP CONSTRAINT trades_note_check";

/** In a session of its own, as the command has one. @param place of the queue among those that wait */
async function replay(place = 0): Promise<Replay> {
  const service = serviceOf(target.url);
  const session = await openTargetSession(service);
  try {
    const id = (await readQueues(session.client, "trading"))[place]!.first.id;
    const shapes = { history: writtenShapes, added: () => {} };
    return await replayQueue({ session, service, connector: "trading", schemas: writtenSchemas, shapes, by: "me" }, id);
  } finally {
    await endSession(session.client);
  }
}

/** Each transaction as a batch of its own: merged, what is refused in the middle would not be seen at all. */
async function parking(...transactions: TableEvent[][]): Promise<Applier> {
  const applier = await Applier.start({ parks: ["trades"] });
  await applier.apply([trade(1)]);
  for (const events of transactions) await applier.apply(events);
  return applier;
}

async function ends(): Promise<unknown[]> {
  return (await target.admin.query("SELECT key, state, ended_by, ended_at IS NOT NULL AS at FROM offtake.dead_letter ORDER BY id")).rows;
}

describe("a replay", () => {
  test("applies the key's events in their order, in one transaction, and frees the key", async () => {
    const applier = await parking([bad(2)], [changed(2, "x")], [trades.delete({ id: 2 })], [trade(2)], [changed(2, null)]);
    await target.admin.query(mend);
    expect(await replay()).toEqual({ events: 5, conflicts: [] });
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,,1.00,)"]);
    expect([await waiting(), await parkedKeys()]).toEqual([[], []]);
    expect(await ends()).toEqual(Array.from({ length: 5 }, () => ({ key: "(id)=(2)", state: "replayed", ended_by: "me", at: true })));
    // The applier, which did not hear of it, finds out.
    await applier.apply([changed(2, "after"), trade(3)]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,after,1.00,)", "(3,n3,1.00,)"]);
  });

  test("of changes of key moves the rows, with what only the target knows of them and what the events left out", async () => {
    const applier = await parking();
    await target.admin.query("UPDATE trades SET own = 'mine'");
    await applier.apply(
      [trades.move({ id: 1 }, { id: 2, note: "bad", amount: "1" })],
      [trade(1), trades.update({ id: 2, note: null, amount: "7" }, ["note"])],
    );
    await target.admin.query(mend);
    await replay();
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,bad,7.00,mine)"]);
  });

  test("that fails again changes nothing, and says what and why", async () => {
    await parking([bad(2)], [changed(2, "x")]);
    const before = [await target.texts("trades"), await waiting(), await parkedKeys(), await ends()];
    const error = await errorOf(replay());
    expect(error.code).toBe("EVENT_NOT_APPLICABLE");
    expect(error.message).toContain("The target refuses the create of public.trades (id)=(2), position 1/300:1, offset 1: new row for relation");
    expect(error.cure).toMatch(/^ALTER TABLE .* Nothing was changed: replay it again then\.$/);
    expect([await target.texts("trades"), await waiting(), await parkedKeys(), await ends()]).toEqual(before);
  });

  test("of more than a page of events", async () => {
    const applier = await parking([bad(2)]);
    await applier.apply(Array.from({ length: 1100 }, (_, i) => changed(2, `n${i}`)));
    await target.admin.query(mend);
    expect((await replay()).events).toBe(1101);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,n1099,1.00,)"]);
  });

  test("of one key leaves the others parked", async () => {
    await parking([bad(2), bad(3)]);
    await target.admin.query(mend);
    await replay(1);
    expect([await target.texts("trades"), await parkedKeys()]).toEqual([["(1,n1,1.00,)", "(3,bad,1.00,)"], ["public.trades {2}"]]);
  });

  test("may wait for that of a queue which began before", async () => {
    await target.admin.query("ALTER TABLE users ADD CONSTRAINT no_bad CHECK (email <> 'bad')");
    const applier = await Applier.start({ parks: ["users"] });
    await applier.apply([users.create({ id: 1, email: "x" })]);
    await applier.apply([users.update({ id: 1, email: "bad" })], [users.create({ id: 2, email: "x" })]);
    expect((await waiting()).map((text) => text.slice(-8))).toEqual(["#1 23514", "#2 23505"]);
    await target.admin.query("ALTER TABLE users DROP CONSTRAINT no_bad");
    expect((await errorOf(replay(1))).message).toContain("[23505]");
    await replay(0);
    await replay(0);
    expect(await target.texts("users")).toEqual(["(1,bad)", "(2,x)"]);
  });

  test("of a service that has nothing to replay is refused", async () => {
    const applier = await parking([bad(2)]);
    const [queue] = await readQueues(target.admin, "trading");
    await skipLetters(target.admin, "trading", queue!.first.id, { all: true, by: "me" });
    const error = await errorOf(skipLetters(target.admin, "trading", queue!.first.id, { all: true, by: "me" }));
    expect([error.code, error.message]).toEqual(["USAGE", `No dead letter ${queue!.first.id} waits.`]);
    await applier.apply([trade(2)]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,n2,1.00,)"]);
  });
});

describe("skipping", () => {
  test("drops the first of a queue and no other, and the key stays parked until none is left", async () => {
    const applier = await parking([bad(2)], [trade(2, "good")]);
    const [queue] = await readQueues(target.admin, "trading");
    const { id } = queue!.first;
    const second = String(BigInt(id) + 1n);
    const error = await errorOf(skipLetters(target.admin, "trading", second, { all: false, by: "me" }));
    expect([error.code, error.message]).toEqual(["USAGE", `The dead letter ${second} waits behind others; the first of its queue is ${id}.`]);
    expect(await skipLetters(target.admin, "trading", id, { all: false, by: "me" })).toBe(1);
    expect([await waiting(), await parkedKeys()]).toEqual([["public.trades create (id)=(2) #1"], ["public.trades {2}"]]);
    await applier.apply([changed(2, "better")]);
    expect((await replay()).events).toBe(2);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,better,1.00,)"]);
    expect((await ends())[0]).toEqual({ key: "(id)=(2)", state: "skipped", ended_by: "me", at: true });
  });

  test("of all of a queue frees its keys", async () => {
    await parking([bad(2)], [changed(2, "x")]);
    const [queue] = await readQueues(target.admin, "trading");
    expect(queue).toEqual({
      deadLetters: 2,
      keys: 1,
      first: {
        id: expect.stringMatching(/^\d+$/),
        table: "public.trades",
        op: "create",
        key: "(id)=(2)",
        position: "1/300:1",
        topic: "test.trading",
        offset: 1,
        since: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        sqlState: "23514",
        error: expect.stringContaining("violates check constraint"),
        cure: expect.stringContaining("ALTER TABLE"),
      },
    });
    expect(await skipLetters(target.admin, "trading", queue!.first.id, { all: true, by: "me" })).toBe(2);
    expect([await waiting(), await parkedKeys(), await readQueues(target.admin, "trading")]).toEqual([[], [], []]);
  });
});

/** @param lock `relation` for that of a table, `transactionid` for that of a row */
async function waitsFor(lock: string, what: string): Promise<void> {
  const sql = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = $1";
  const waits = async (): Promise<boolean> => {
    // A transaction is open, in which the view stays what it was.
    await target.admin.query("SELECT pg_stat_clear_snapshot()");
    return (await target.admin.query(sql, [lock])).rowCount === 1;
  };
  await waitFor(waits, { what });
}

describe("beside an applier at work", () => {
  test("a replay under way is waited for: what comes of the key is applied behind it", async () => {
    const applier = await parking([bad(2)]);
    await target.admin.query(mend);
    await target.admin.query("BEGIN; LOCK TABLE trades IN EXCLUSIVE MODE");
    const replaying = replay();
    await waitsFor("relation", "the replay to wait for the table");
    const applying = applier.apply([changed(2, "later"), trade(3)]);
    await waitsFor("transactionid", "the applier to wait for the replay");
    await target.admin.query("COMMIT");
    await Promise.all([replaying, applying]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,later,1.00,)", "(3,n3,1.00,)"]);
    expect([await waiting(), await parkedKeys()]).toEqual([[], []]);
  });

  test("a batch under way is waited for: what it puts into the queue is replayed with it", async () => {
    const applier = await parking([bad(2)], [users.create({ id: 1, email: "a" })]);
    await target.admin.query(mend);
    await target.admin.query("BEGIN; LOCK TABLE users IN EXCLUSIVE MODE");
    const applying = applier.apply([changed(2, "later"), users.create({ id: 2, email: "b" })]);
    await waitsFor("relation", "the applier to wait for the table");
    const replaying = replay();
    await waitsFor("transactionid", "the replay to wait for the applier");
    await target.admin.query("COMMIT");
    await applying;
    expect((await replaying).events).toBe(2);
    expect([await target.texts("trades"), await parkedKeys()]).toEqual([["(1,n1,1.00,)", "(2,later,1.00,)"], []]);
  });

  test("whatever the order in which both come, the rows end as the stream has them", async () => {
    const applier = await parking();
    const expected = new Map([[1, "n1"]]);
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const underWay: Promise<unknown>[] = [];
    for (let round = 0; round < 40; round += 1) {
      const events = Array.from({ length: 4 }, () => {
        const id = 1 + random(6);
        const note = random(4) === 0 ? "bad" : `r${round}`;
        const there = expected.has(id);
        if (there && random(3) === 0) {
          expected.delete(id);
          return trades.delete({ id });
        }
        expected.set(id, note);
        return there ? changed(id, note) : trade(id, note);
      });
      const applying = applier.apply(events);
      // One that is refused again, or has been replayed by the one before, changes nothing.
      if (round % 3 === 1) underWay.push(replay().catch(() => undefined));
      await applying;
    }
    await Promise.all(underWay);
    await target.admin.query(mend);
    for (let left = (await readQueues(target.admin, "trading")).length; left > 0; left -= 1) await replay();
    expect(await target.texts("trades")).toEqual([...expected].toSorted(([a], [b]) => a - b).map(([id, note]) => `(${id},${note},1.00,)`));
    expect([await waiting(), await parkedKeys(), await committed()]).toEqual([[], [], applier.writer.commitLsn]);
  });
});
