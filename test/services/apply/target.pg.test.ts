import { Client } from "pg";
import { beforeEach, describe, expect, test } from "vitest";
import { readPosition } from "../../../services/apply/position.ts";
import { waitFor } from "../../support/wait-for.ts";
import { errorOf } from "../../support/error-of.ts";
import { Applier, committed, prepared, target, topicId, trade, trades, tradesAndUsers, users } from "./applying-target.ts";
import { EventWriter, heartbeat } from "./event-writer.ts";
import { sessionProxy } from "./session-proxy.ts";

beforeEach(() => prepared(tradesAndUsers));

describe("a batch", () => {
  test("is one transaction of the target: rows of all its tables, and the position of its last transaction", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1), users.create({ id: 1, email: "a" })], [heartbeat()], [trade(2), trades.delete({ id: 1 })]);
    const { rows } = await target.admin.query(
      "SELECT DISTINCT xmin FROM (SELECT xmin FROM trades UNION ALL SELECT xmin FROM users UNION ALL SELECT xmin FROM offtake.applied_position) AS all_rows",
    );
    expect(rows).toHaveLength(1);
    expect(await target.texts("trades")).toEqual(["(2,n2,1.00,)"]);
    expect(await readPosition(target.admin, "trading")).toEqual({
      topic: "test.trading",
      topicId,
      offset: 5,
      commitLsn: applier.writer.commitLsn,
      sequence: 2,
      xid: Number(700n + (applier.writer.commitLsn & 0xffffn)),
      systemIdentifier: String(applier.writer.systemIdentifier),
      timeline: 1,
    });
  });

  test("of heartbeats moves the position and nothing else", async () => {
    const applier = await Applier.start();
    await applier.apply([heartbeat()], [heartbeat()]);
    await applier.apply([heartbeat()]);
    expect(await committed()).toBe(applier.writer.commitLsn);
  });

  test("that comes again changes nothing: the position is not where it would have to be", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1)]);
    const again = await Applier.start({ writer: new EventWriter() });
    again.target.position = undefined;
    const before = await target.texts("trades");
    expect((await errorOf(again.apply([trades.update({ id: 1, note: "twice", amount: "2" })]))).code).toBe("APPLIED_POSITION_MOVED");
    expect(await target.texts("trades")).toEqual(before);
  });

  test("goes on where another applier has stopped", async () => {
    const first = await Applier.start();
    await first.apply([trade(1)]);
    const second = await Applier.start({ writer: first.writer });
    await second.apply([trades.update({ id: 1, note: "later", amount: "2" })]);
    expect((await errorOf(first.apply([trade(3)]))).code).toBe("APPLIED_POSITION_MOVED");
    expect(await target.texts("trades")).toEqual(["(1,later,2.00,)"]);
  });

  test("a position that somebody moved while the applier ran stops it before it has changed anything", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1)]);
    await target.admin.query("UPDATE offtake.applied_position SET commit_lsn = '0/1'");
    const error = await errorOf(applier.apply([trade(2)]));
    expect([error.code, error.retry]).toEqual(["APPLIED_POSITION_MOVED", "yes"]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)"]);
  });

  test("takes the cluster and the timeline of its own last transaction", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1)]);
    applier.writer.timeline = 2;
    await applier.apply([trade(2)]);
    expect(await readPosition(target.admin, "trading")).toMatchObject({ timeline: 2 });
  });

  test("several tables are truncated together, though foreign keys bind them", async () => {
    await prepared(`${tradesAndUsers}; ALTER TABLE trades ADD FOREIGN KEY (id) REFERENCES users`);
    const applier = await Applier.start();
    await applier.apply([users.create({ id: 1, email: "a" }), trade(1)], [users.truncate(), trades.truncate(), users.create({ id: 2, email: "a" })]);
    expect([await target.texts("trades"), await target.texts("users")]).toEqual([[], ["(2,a)"]]);
  });

  test("a unique value that passes from row to row in one batch ends where the source has it", async () => {
    const applier = await Applier.start();
    await applier.apply([users.create({ id: 1, email: "a" }), users.create({ id: 2, email: "b" }), users.create({ id: 3, email: "c" })]);
    const passed: [number, string][] = [
      [3, "x"],
      [2, "c"],
      [1, "b"],
      [3, "a"],
    ];
    await applier.apply(...passed.map(([id, email]) => [users.update({ id, email })]), [
      users.delete({ id: 2 }),
      users.create({ id: 4, email: "c" }),
    ]);
    expect(await target.texts("users")).toEqual(["(1,b)", "(3,a)", "(4,c)"]);
    expect(applier.kinds).toEqual([]);
  });

  test("an update of unchanged columns only finds out whether its row is there", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1)]);
    await applier.apply([trades.update({ id: 1, note: null, amount: null }, ["note", "amount"])]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)"]);
    expect(applier.kinds).toEqual([]);
  });
});

/** An error of the server in the middle of a merged batch. */
async function raising(state: string): Promise<void> {
  await target.admin.query(
    `CREATE FUNCTION raising() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'simulated' USING ERRCODE = '${state}'; END $$;
     ALTER TABLE trades ADD CHECK (id <> 2 OR raising())`,
  );
}

function pidOf(client: Client): unknown {
  return Reflect.get(client, "processID");
}

/** In a session of its own: the others wait for each other. */
async function watch(sql: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new Client({ connectionString: target.url });
  await client.connect();
  try {
    return (await client.query(sql, values)).rows;
  } finally {
    await client.end();
  }
}

describe("what is not the event's fault", () => {
  test.each([
    ["53100", "disk full", "TARGET_BUSY", "yes"],
    ["53200", "out of memory", "TARGET_BUSY", "yes"],
    ["40P01", "deadlock", "TARGET_BUSY", "yes"],
    ["40001", "serialization failure", "TARGET_BUSY", "yes"],
    ["55P03", "lock not available", "TARGET_BUSY", "yes"],
    ["57014", "statement timeout", "TARGET_BUSY", "yes"],
    ["25006", "read-only: a standby just now", "TARGET_BUSY", "yes"],
    ["58030", "I/O error", "TARGET_BUSY", "yes"],
    ["57P01", "the server shuts down", "TARGET_UNREACHABLE", "yes"],
    ["25P04", "a time-out that ends sessions", "TARGET_UNREACHABLE", "yes"],
    ["42501", "a right is missing", "TARGET_REFUSED", "operator"],
    ["42P01", "a table is gone", "TARGET_TABLE_MISSING", "operator"],
    ["P0001", "a trigger of the target's own objects", "EVENT_NOT_APPLICABLE", "operator"],
    ["54000", "a limit of the server", "EVENT_NOT_APPLICABLE", "operator"],
  ])("%s, %s: %s", async (state, _, code, retry) => {
    await raising(state);
    const applier = await Applier.start();
    const error = await errorOf(applier.apply([trade(1)], [trade(2)]));
    expect([error.code, error.retry]).toEqual([code, retry]);
    // What is poison or a table's was applied one by one up to there; everything else leaves the batch as it was.
    expect(await target.texts("trades")).toEqual(["EVENT_NOT_APPLICABLE", "TARGET_TABLE_MISSING"].includes(code) ? ["(1,n1,1.00,)"] : []);
    expect(error.message.includes("(id)=(2)")).toBe(code === "EVENT_NOT_APPLICABLE");
    await target.admin.query("DROP FUNCTION raising CASCADE");
    await target.admin.query("TRUNCATE trades, offtake.applied_position");
    const next = await Applier.start();
    await next.apply([trade(1)], [trade(2)]);
    expect(await target.texts("trades")).toHaveLength(2);
  });

  test("a lock that somebody holds is waited for, and then tried again", async () => {
    const applier = await Applier.start();
    await applier.client.query("SET lock_timeout = '50ms'");
    await target.admin.query("BEGIN; LOCK trades");
    const error = await errorOf(applier.apply([trade(1)]));
    await target.admin.query("ROLLBACK");
    expect([error.code, error.message]).toEqual(["TARGET_BUSY", expect.stringContaining("55P03")]);
    expect(await committed()).toBeUndefined();
  });

  test("a deadlock with the target's own users is tried again", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1), trade(2)]);
    // It looks for a deadlock once, so long after it began to wait; the other session leaves that to it.
    await applier.client.query("SET deadlock_timeout = '500ms'");
    await target.admin.query("BEGIN; UPDATE trades SET own = 'x' WHERE id = 2");
    const applying = errorOf(applier.apply([trades.update({ id: 1, note: "a", amount: "1" }), trades.update({ id: 2, note: "a", amount: "1" })]));
    await waitFor(async () => (await watch("SELECT 1 FROM pg_locks WHERE NOT granted AND pid = $1", [pidOf(applier.client)])).length > 0, {
      what: "the applier to wait for the row",
    });
    await target.admin.query("SET LOCAL deadlock_timeout = '60s'; UPDATE trades SET own = 'x' WHERE id = 1; COMMIT");
    expect((await applying).code).toBe("TARGET_BUSY");
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,x)", "(2,n2,1.00,x)"]);
  });

  test("a session that is killed in the middle leaves nothing", async () => {
    const applier = await Applier.start();
    await target.admin.query("BEGIN; LOCK users");
    const applying = errorOf(applier.apply([trade(1), users.create({ id: 1, email: "a" })]));
    await waitFor(
      async () => (await watch("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE NOT granted AND pid = $1", [pidOf(applier.client)])).length > 0,
      {
        what: "the applier to wait for the table",
      },
    );
    expect((await applying).code).toBe("TARGET_UNREACHABLE");
    await target.admin.query("ROLLBACK");
    expect([await target.texts("trades"), await committed()]).toEqual([[], undefined]);
    expect((await errorOf(applier.apply([trade(1)]))).code).toBe("TARGET_UNREACHABLE");
  });

  test("a session that dies at the commit leaves nothing", async () => {
    await target.admin.query(
      `CREATE FUNCTION dying() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
       CREATE CONSTRAINT TRIGGER dying AFTER INSERT ON trades DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dying();
       ALTER TABLE trades ENABLE ALWAYS TRIGGER dying`,
    );
    const applier = await Applier.start();
    expect((await errorOf(applier.apply([trade(1)]))).code).toBe("TARGET_UNREACHABLE");
    expect([await target.texts("trades"), await committed()]).toEqual([[], undefined]);
  });

  test("a commit whose answer is lost has happened, and the position says so", async () => {
    await using proxy = await sessionProxy(target.url, { muteAfter: "COMMIT" });
    const applier = await Applier.start({ url: proxy.url });
    const applying = errorOf(applier.apply([trade(1)]));
    await waitFor(async () => (await committed()) !== undefined, { what: "the commit" });
    proxy.cut();
    expect((await applying).code).toBe("TARGET_UNREACHABLE");
    const next = await Applier.start({ writer: applier.writer });
    expect(next.target.position?.commitLsn).toBe(applier.writer.commitLsn);
    await next.apply([trade(2)]);
    expect(await target.texts("trades")).toHaveLength(2);
  });

  test("a column that is renamed under the applier stops it with the column's name", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1)]);
    await target.admin.query("ALTER TABLE trades RENAME note TO remark");
    const error = await errorOf(applier.apply([trade(2)]));
    expect([error.code, error.message]).toEqual(["TARGET_COLUMN_MISSING", expect.stringContaining("note")]);
    await target.admin.query("ALTER TABLE trades RENAME remark TO note; ALTER TABLE trades RENAME TO gone");
    const next = await Applier.start({ writer: applier.writer });
    const other = await errorOf(next.apply([trade(2)]));
    expect([other.code, other.message]).toEqual(["TARGET_TABLE_MISSING", expect.stringContaining("trades")]);
  });
});
