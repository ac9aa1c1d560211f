import { beforeEach, describe, expect, test } from "vitest";
import { errorOf } from "../../support/error-of.ts";
import { Applier, committed, parkedKeys, prepared, target, trade, trades, tradesAndUsers, users, waiting } from "./applying-target.ts";
import { WrittenTable } from "./event-writer.ts";

beforeEach(() => prepared(tradesAndUsers));

const bad = (id: number) => trade(id, "bad");
const changed = (id: number, note: string | null) => trades.update({ id, note, amount: "1" });

/** One that parks keys of trades, and has a row of both tables. */
async function parking(): Promise<Applier> {
  const applier = await Applier.start({ parks: ["trades"] });
  await applier.apply([trade(1), users.create({ id: 1, email: "a" })]);
  return applier;
}

/** Statements that were applied one by one leave a row version of their own subtransaction; merged ones are of the transaction itself. */
async function isMerged(id: number): Promise<boolean> {
  const { rows } = await target.admin.query<{ merged: boolean }>(
    "SELECT t.xmin = p.xmin AS merged FROM trades t, offtake.applied_position p WHERE t.id = $1",
    [id],
  );
  return rows[0]!.merged;
}

describe("an event that the target refuses, of a table with `poison: park`", () => {
  test("is put aside with its transaction's position, and all other rows of that transaction are there in the same commit", async () => {
    const applier = await parking();
    await applier.apply([trade(2)], [users.create({ id: 2, email: "b" }), changed(1, "bad"), trade(3)], [trade(4)]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(2,n2,1.00,)", "(3,n3,1.00,)", "(4,n4,1.00,)"]);
    expect(await target.texts("users")).toEqual(["(1,a)", "(2,b)"]);
    expect([await waiting(), await parkedKeys()]).toEqual([["public.trades update (id)=(1) #1 23514"], ["public.trades {1}"]]);
    expect(await committed()).toBe(applier.writer.commitLsn);
    expect(applier.parked).toEqual([
      { table: "public.trades", op: "update", offset: 4, position: "1/400:2", sqlState: "23514", deadLetter: expect.stringMatching(/^\d+$/) },
    ]);
  });

  test("is put aside by the transaction that has the other rows, the key and the position, and no other", async () => {
    // Of the transaction itself, also in what a savepoint of it has written, where xmin is another.
    for (const table of ["trades", "users", "offtake.dead_letter", "offtake.parked"])
      await target.admin.query(`ALTER TABLE ${table} ADD COLUMN writer xid DEFAULT pg_current_xact_id()::xid`);
    const applier = await parking();
    await applier.apply([trade(2), bad(3), users.create({ id: 2, email: "b" }), changed(3, "bad"), trade(4)]);
    const { rows } = await target.admin.query<{ what: string; times: number; same: boolean }>(
      `SELECT what, count(*)::int4 AS times, bool_and(writer = (SELECT xmin FROM offtake.applied_position)) AS same
         FROM (SELECT 'row' AS what, writer FROM trades WHERE id IN (2, 4) UNION ALL SELECT 'row', writer FROM users WHERE id = 2
               UNION ALL SELECT 'event', writer FROM offtake.dead_letter UNION ALL SELECT 'key', writer FROM offtake.parked) AS written
        GROUP BY what ORDER BY what`,
    );
    expect(rows).toEqual([
      { what: "event", times: 2, same: true },
      { what: "key", times: 1, same: true },
      { what: "row", times: 3, same: true },
    ]);
  });

  test("is not put aside where its transaction is not committed: all of that is one", async () => {
    const applier = await parking();
    const before = await committed();
    const error = await errorOf(applier.apply([trade(2), bad(3), users.create({ id: 7, email: "a" })]));
    expect([error.code, error.message]).toEqual(["EVENT_NOT_APPLICABLE", expect.stringContaining("the create of public.users (id)=(7)")]);
    expect([await target.texts("trades"), await waiting(), await parkedKeys(), applier.parked]).toEqual([["(1,n1,1.00,)"], [], [], []]);
    expect(await committed()).toBe(before);
  });

  test("has with it what it says of itself, and the record as it stands in the topic", async () => {
    const applier = await parking();
    await applier.apply([bad(2)]);
    const { rows } = await target.admin.query(
      'SELECT topic, topic_id, "offset", commit_lsn::text, sequence, sqlstate, error, cure, state FROM offtake.dead_letter',
    );
    expect(rows).toEqual([
      {
        topic: "test.trading",
        topic_id: "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        offset: "2",
        commit_lsn: "1/300",
        sequence: "1",
        sqlstate: "23514",
        error: expect.stringContaining("The target refuses the create of public.trades (id)=(2), position 1/300:1, offset 2: new row for relation"),
        cure: expect.stringContaining('ALTER TABLE "public"."trades" DROP CONSTRAINT'),
        state: "waiting",
      },
    ]);
  });

  test("says nothing of its row where that has values that nobody may see", async () => {
    const applier = await Applier.start({ parks: ["trades"], redact: ["note"] });
    await target.admin.query("ALTER TABLE trades DROP CONSTRAINT trades_note_check, ALTER COLUMN note TYPE int4 USING NULL, ADD CHECK (note < 5)");
    await applier.apply([trade(1, "4111"), trade(2, "forty-one")]);
    const { rows } = await target.admin.query<{ sqlstate: string; error: string; cure: string }>(
      "SELECT sqlstate, error, cure FROM offtake.dead_letter ORDER BY id",
    );
    expect(rows.map(({ sqlstate, error }) => [sqlstate, error])).toEqual([
      ["23514", expect.stringMatching(/\(id\)=\(1\).*violates check constraint "trades_note_check1?" \[23514\]\.$/)],
      ["22P02", expect.stringContaining("(id)=(2), position")],
    ]);
    expect(JSON.stringify(rows)).not.toMatch(/4111|forty/);
  });

  test("is found by halves: the other transactions of its batch stay merged, and those without rows pass by", async () => {
    const applier = await parking();
    const transactions = Array.from({ length: 1000 }, (_, i) => (i % 100 === 50 ? [] : [i === 617 ? bad(i + 2) : trade(i + 2)]));
    await applier.apply(...transactions);
    expect(await waiting()).toEqual(["public.trades create (id)=(619) #1 23514"]);
    const { rows } = await target.admin.query<{ n: string; transactions: string }>(
      "SELECT count(*) AS n, count(DISTINCT xmin::text) AS transactions FROM trades WHERE id > 1",
    );
    expect(rows[0]?.n).toBe("989");
    expect(Number(rows[0]?.transactions)).toBeLessThanOrEqual(Math.ceil(Math.log2(1000)) + 1);
    expect(await committed()).toBe(applier.writer.commitLsn);
  });

  test("where a batch is taken apart, half of it may go to queues as a whole, and leaves nothing to write", async () => {
    const applier = await parking();
    await applier.apply([bad(2)]);
    await applier.apply([bad(9)], [trade(3)], [changed(2, "a")], [changed(2, "b")]);
    expect(await target.texts("trades")).toContain("(3,n3,1.00,)");
    expect((await waiting()).toSorted()).toEqual([
      "public.trades create (id)=(2) #1 23514",
      "public.trades create (id)=(9) #2 23514",
      "public.trades update (id)=(2) #1",
      "public.trades update (id)=(2) #1",
    ]);
    expect(await committed()).toBe(applier.writer.commitLsn);
  });

  test("later events of its key wait behind it, in order, and no others", async () => {
    const applier = await parking();
    await applier.apply([bad(2), trade(3)]);
    await applier.apply([changed(2, "mended"), changed(1, "new")], [trades.delete({ id: 2 }), trade(4)], [trade(2)]);
    await applier.apply([changed(2, "again")]);
    expect(await target.texts("trades")).toEqual(["(1,new,1.00,)", "(3,n3,1.00,)", "(4,n4,1.00,)"]);
    expect(await waiting()).toEqual([
      "public.trades create (id)=(2) #1 23514",
      "public.trades update (id)=(2) #1",
      "public.trades delete (id)=(2) #1",
      "public.trades create (id)=(2) #1",
      "public.trades update (id)=(2) #1",
    ]);
    expect(await committed()).toBe(applier.writer.commitLsn);
  });

  test("batches stay merged, also those that have something for a queue, and none of them asks for a key", async () => {
    const applier = await parking();
    const asked = async (): Promise<number> => {
      const sql = "SELECT count(*)::int4 AS n FROM pg_prepared_statements WHERE statement LIKE '%offtake.parked%'";
      return (await applier.client.query<{ n: number }>(sql)).rows[0]!.n;
    };
    await applier.apply([changed(1, "a")]);
    expect([await isMerged(1), await asked()]).toEqual([true, 0]);
    await applier.apply([bad(2), trade(3)]);
    expect(await isMerged(3)).toBe(false);
    await applier.apply([trade(4)], [changed(2, "x"), trade(5)]);
    expect([await isMerged(4), await isMerged(5)]).toEqual([true, true]);
    expect(await asked()).toBe(1);
  });

  test("is found again by an applier that starts later", async () => {
    const first = await parking();
    await first.apply([bad(2)]);
    const next = await Applier.start({ writer: first.writer });
    await next.apply([changed(2, "later"), trade(3)]);
    expect(await waiting()).toEqual(["public.trades create (id)=(2) #1 23514", "public.trades update (id)=(2) #1"]);
    // What is refused now stops again: the policy of this one is another.
    expect((await errorOf(next.apply([bad(4)]))).code).toBe("EVENT_NOT_APPLICABLE");
    expect(await parkedKeys()).toEqual(["public.trades {2}"]);
  });

  test("many of them in one batch, one of each class", async () => {
    const applier = await parking();
    await applier.apply(
      [bad(10), trade(11), bad(12)],
      [trades.create({ id: 13, note: "n", amount: "123456" }), trade(14)],
      [users.create({ id: 3, email: "c" }), bad(15)],
    );
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(11,n11,1.00,)", "(14,n14,1.00,)"]);
    expect((await waiting()).map((text) => text.slice(-5))).toEqual(["23514", "23514", "22003", "23514"]);
    expect(applier.parked).toHaveLength(4);
    await applier.apply([trade(16)]);
    expect(applier.counts).toEqual([{ table: "public.trades", keys: 4, deadLetters: 4 }]);
  });

  test("a row that a copy of the table reads waits like any other event of its key", async () => {
    const applier = await parking();
    await applier.apply([bad(2)]);
    await applier.apply([2, 3].map((id) => trades.read({ id, note: "copied", amount: "1" })));
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(3,copied,1.00,)"]);
    expect(await waiting()).toEqual(["public.trades create (id)=(2) #1 23514", "public.trades copy (id)=(2) #1"]);
  });

  test("what a later event of the batch has mended is not refused at all", async () => {
    const applier = await parking();
    await applier.apply([bad(2)], [changed(2, "good")]);
    expect([await target.texts("trades"), await waiting()]).toEqual([["(1,n1,1.00,)", "(2,good,1.00,)"], []]);
  });

  test("a conflict that the refused row had met is none", async () => {
    const applier = await parking();
    await applier.apply([trades.update({ id: 9, note: "bad", amount: "1" })]);
    expect([applier.kinds, await parkedKeys()]).toEqual([[], ["public.trades {9}"]]);
  });
});

describe("a change of key", () => {
  test("that is refused parks both keys", async () => {
    const applier = await parking();
    await applier.apply([trades.move({ id: 1 }, { id: 2, note: "bad", amount: "1" }), trade(3)]);
    await applier.apply([changed(2, "x"), trade(1), trade(4)]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(3,n3,1.00,)", "(4,n4,1.00,)"]);
    expect(await waiting()).toEqual([
      "public.trades change of key (id)=(2) #1 23514",
      "public.trades update (id)=(2) #1",
      "public.trades create (id)=(1) #1",
    ]);
    expect(await parkedKeys()).toEqual(["public.trades {2}", "public.trades {1}"]);
  });

  test("from a parked key, and to one, goes into its queue and parks the other key", async () => {
    const applier = await parking();
    await applier.apply([bad(2), trade(3)]);
    await applier.apply([trades.move({ id: 2 }, { id: 5, note: "m", amount: "1" }), trades.move({ id: 3 }, { id: 2, note: "m", amount: "1" })]);
    await applier.apply([changed(5, "x"), trade(3), trade(6)]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)", "(3,n3,1.00,)", "(6,n6,1.00,)"]);
    expect((await waiting()).map((text) => text.replace("public.trades ", ""))).toEqual([
      "create (id)=(2) #1 23514",
      "change of key (id)=(5) #1",
      "change of key (id)=(2) #1",
      "update (id)=(5) #1",
      "create (id)=(3) #1",
    ]);
  });

  test("from one parked key to another makes one queue of both", async () => {
    const applier = await parking();
    await applier.apply([bad(2), bad(3)]);
    expect(await waiting()).toEqual(["public.trades create (id)=(2) #1 23514", "public.trades create (id)=(3) #2 23514"]);
    await applier.apply([trades.delete({ id: 3 }), trades.move({ id: 2 }, { id: 3, note: "m", amount: "1" })]);
    await applier.apply([changed(3, "x"), trade(2)]);
    expect(new Set((await waiting()).map((text) => /#\d/.exec(text)?.[0]))).toEqual(new Set(["#1"]));
    expect(await parkedKeys()).toEqual(["public.trades {2}", "public.trades {3}"]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)"]);
  });
});

describe("a truncate", () => {
  test("takes what waits for its table, and frees its keys", async () => {
    const applier = await parking();
    await applier.apply([bad(2), trade(3)]);
    await applier.apply([changed(2, "x"), trades.truncate(), trade(2)]);
    expect([await target.texts("trades"), await waiting(), await parkedKeys()]).toEqual([["(2,n2,1.00,)"], [], []]);
    const { rows } = await target.admin.query("SELECT state, ended_by FROM offtake.dead_letter");
    expect(rows).toEqual([
      { state: "truncated", ended_by: "applier" },
      { state: "truncated", ended_by: "applier" },
    ]);
    await applier.apply([changed(2, "y")]);
    expect(await target.texts("trades")).toEqual(["(2,y,1.00,)"]);
  });

  test("of another table takes nothing", async () => {
    const applier = await parking();
    await applier.apply([bad(2)]);
    await applier.apply([users.truncate(), changed(2, "x")]);
    expect([(await waiting()).length, await target.texts("users")]).toEqual([2, []]);
  });
});

describe("what parks nothing", () => {
  test("a table whose policy is to stop", async () => {
    const applier = await parking();
    await target.admin.query("INSERT INTO users VALUES (5, 'taken')");
    const error = await errorOf(applier.apply([users.create({ id: 7, email: "taken" })]));
    expect([error.code, await parkedKeys()]).toEqual(["EVENT_NOT_APPLICABLE", []]);
  });

  test.each([
    ["an error that is neither of a value nor of a constraint", "EVENT_NOT_APPLICABLE", "RAISE EXCEPTION 'no'"],
    ["a full disk", "TARGET_BUSY", "RAISE EXCEPTION 'no space' USING ERRCODE = '53100'"],
    ["a lock that is not to be had", "TARGET_BUSY", "RAISE EXCEPTION 'locked' USING ERRCODE = '55P03'"],
    ["a missing right", "TARGET_REFUSED", "RAISE EXCEPTION 'denied' USING ERRCODE = '42501'"],
    ["a session that ends", "TARGET_UNREACHABLE", "PERFORM pg_terminate_backend(pg_backend_pid())"],
  ])("%s", async (_, code, statement) => {
    await prepared(`${tradesAndUsers};
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 2 THEN ${statement}; END IF; RETURN NEW; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON trades FOR EACH ROW EXECUTE FUNCTION refuse(); ALTER TABLE trades ENABLE ALWAYS TRIGGER refuse`);
    const applier = await parking();
    const before = await committed();
    const error = await errorOf(applier.apply([trade(2)]));
    expect([error.code, await parkedKeys(), await waiting(), await committed()]).toEqual([code, [], [], before]);
  });

  test("a constraint that is checked at the commit, which does not say of which row", async () => {
    const links = new WrittenTable("links", { id: "int4*", user: "int4" });
    const sql = `${tradesAndUsers}; CREATE TABLE links (id int4 PRIMARY KEY, "user" int4 REFERENCES users DEFERRABLE INITIALLY DEFERRED)`;
    const applier = await Applier.plain(sql, { parks: ["links"] });
    const error = await errorOf(applier.apply([links.create({ id: 1, user: 9 })]));
    expect([error.code, await parkedKeys()]).toEqual(["EVENT_NOT_APPLICABLE", []]);
    expect(error.message).toContain("the commit of the transaction 1/200");
  });

  test("a service that has 10 000 parked keys", async () => {
    await target.admin.query(`INSERT INTO offtake.parked (connector, table_name, key_columns, key, queue)
      SELECT 'trading', 'public.trades', '{id}', ARRAY[(100 + i)::text], 1 FROM generate_series(1, 10000) i`);
    const applier = await parking();
    const error = await errorOf(applier.apply([bad(2)]));
    expect([error.code, error.cure]).toEqual([
      "EVENT_NOT_APPLICABLE",
      expect.stringMatching(/ It is not parked: 10000 keys of the service are parked already\.$/),
    ]);
  });

  test("a table without a key, and one whose key's texts do not tell its rows apart; both say why", async () => {
    await prepared(`CREATE COLLATION ignoring (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE TABLE logs (note text CHECK (note <> 'bad')); CREATE TABLE spans (span interval PRIMARY KEY, note text CHECK (note <> 'bad'));
      CREATE TABLE names (name text COLLATE ignoring PRIMARY KEY, note text CHECK (note <> 'bad'))`);
    const parks = ["logs", "spans", "names"];
    const cures: string[] = [];
    for (const event of [
      new WrittenTable("logs", { note: "text" }).create({ note: "bad" }),
      new WrittenTable("spans", { span: "interval*", note: "text" }).create({ span: "1 day", note: "bad" }),
      new WrittenTable("names", { name: "text*", note: "text" }).create({ name: "A", note: "bad" }),
    ]) {
      const applier = await Applier.start({ parks });
      const error = await errorOf(applier.apply([event]));
      expect(error.code).toBe("EVENT_NOT_APPLICABLE");
      cures.push(/It is not parked: (.*)$/.exec(error.cure)?.[1] ?? "");
    }
    expect(cures).toEqual([
      "public.logs has no key by which later events of the row could be told.",
      "of span of the key of public.spans different texts may be equal, so that later events of the row cannot be told for certain.",
      "of name of the key of public.names different texts may be equal, so that later events of the row cannot be told for certain.",
    ]);
  });
});

test("a key that is of other columns by now stops its table, and what is before it is in", async () => {
  const applier = await parking();
  await applier.apply([bad(2)]);
  const rekeyed = new WrittenTable("trades", { id: "int4*", note: "text*", amount: "numeric" });
  const error = await errorOf(applier.apply([users.create({ id: 2, email: "b" })], [rekeyed.create({ id: 3, note: "n", amount: "1" })]));
  expect([error.code, error.message]).toEqual([
    "PARKED_KEY_CHANGED",
    "Keys of public.trades are parked by (id), and the table's key is (id, note) now.",
  ]);
  expect(await target.texts("users")).toEqual(["(1,a)", "(2,b)"]);
});

test("numbers that are equal are one key, and so are texts but for blanks at their end", async () => {
  await prepared("CREATE TABLE odd (n numeric, t text, note text CHECK (note <> 'bad'), PRIMARY KEY (n, t))");
  const odd = new WrittenTable("odd", { n: "numeric*", t: "text*", note: "text" });
  const applier = await Applier.start({ parks: ["odd"] });
  await applier.apply([odd.create({ n: "1.00", t: "a", note: "bad" })]);
  await applier.apply([
    odd.update({ n: "1", t: "a", note: "x" }),
    odd.delete({ n: "1.0", t: "a " }),
    odd.create({ n: "10", t: "a", note: "other" }),
    odd.create({ n: "1", t: "A", note: "other" }),
  ]);
  expect(await waiting()).toHaveLength(3);
  expect(await target.texts("odd")).toEqual(["(1,A,other)", "(10,a,other)"]);
});
