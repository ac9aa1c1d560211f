import { beforeEach, describe, expect, test } from "vitest";
import { recordCaptured } from "../../../connectors/postgres/captured-tables.ts";
import { doubtCopies, markNeedsCopy, readMarks, readNeedsCopy } from "../../../services/apply/needs-copy.ts";
import { readPosition } from "../../../services/apply/position.ts";
import { errorOf } from "../../support/error-of.ts";
import { Applier, committed, prepared, target, trade, trades, tradesAndUsers, users } from "./applying-target.ts";
import { copied, type TableEvent, WrittenTable } from "./event-writer.ts";

beforeEach(() => prepared(tradesAndUsers));

function copy(id: number, note = `n${id}`): TableEvent {
  return trades.read({ id, note, amount: "1" });
}

/** All of a row that may be missing. */
function whole(id: number): TableEvent {
  return trades.update({ id, note: `n${id}`, amount: "2" });
}

function copies(count: number, from = 1): TableEvent[] {
  return Array.from({ length: count }, (_, i) => copy(from + i));
}

/** What the session has sent so far, of these kinds: each statement is prepared once. */
async function kinds(applier: Applier): Promise<string[]> {
  const { rows } = await applier.client.query<{ kind: string }>(
    "SELECT DISTINCT split_part(name, ' ', 2) AS kind FROM pg_prepared_statements WHERE name ~ '^offtake (copy|put|insert|upsert) ' ORDER BY 1",
  );
  return rows.map(({ kind }) => kind);
}

async function uncopied(): Promise<Applier> {
  await markNeedsCopy(target.admin, "trading", ["public.trades", "public.users"], "it had rows before");
  return Applier.start({ uncopied: await readNeedsCopy(target.admin, "trading") });
}

describe("rows of a copy", () => {
  test("come in, and the position moves on with them", async () => {
    const applier = await uncopied();
    await applier.apply([users.create({ id: 1, email: "a" })], copies(3), [users.read({ id: 2, email: "b" })]);
    expect([await target.texts("trades"), await target.texts("users")]).toEqual([
      ["(1,n1,1.00,)", "(2,n2,1.00,)", "(3,n3,1.00,)"],
      ["(1,a)", "(2,b)"],
    ]);
    expect(await readPosition(target.admin, "trading")).toMatchObject({ commitLsn: applier.writer.commitLsn, sequence: 5, offset: 5 });
    expect(applier.kinds).toEqual([]);
  });

  test("write over what is there, keep the target's own columns, and are no conflict", async () => {
    await target.admin.query("INSERT INTO trades VALUES (1, 'old', 1, 'mine')");
    const applier = await Applier.start();
    await applier.apply([trade(9)], copies(2));
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,mine)", "(2,n2,1.00,)", "(9,n9,1.00,)"]);
    expect(applier.kinds).toEqual([]);
  });

  test("count where they stand in the topic: what comes later stays, what came before is written over", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1), trade(2), trade(3)], [copy(1, "copied"), copy(2, "copied"), copy(4), copy(5)]);
    const later = [trades.update({ id: 1, note: "later", amount: "2" }), trades.update({ id: 2, note: null, amount: "3" }, ["note"])];
    await applier.apply(later, [trades.delete({ id: 4 })]);
    expect(await target.texts("trades")).toEqual(["(1,later,2.00,)", "(2,copied,3.00,)", "(3,n3,1.00,)", "(5,n5,1.00,)"]);
    await applier.apply([trades.delete({ id: 5 })], [copy(3, "again")]);
    expect(await target.texts("trades")).toEqual(["(1,later,2.00,)", "(2,copied,3.00,)", "(3,again,1.00,)"]);
    expect(applier.kinds).toEqual([]);
  });

  test("the same in one batch: an update before, the copy, an update and a delete behind it", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1), trade(2), trade(3)]);
    await applier.apply(
      [trades.update({ id: 1, note: null, amount: "5" }, ["note"]), trades.update({ id: 3, note: "before", amount: "5" })],
      [copy(1, "copied"), copy(2, "copied"), copy(3, "copied")],
      [trades.update({ id: 1, note: null, amount: "6" }, ["note"]), trades.delete({ id: 2 })],
    );
    expect(await target.texts("trades")).toEqual(["(1,copied,6.00,)", "(3,copied,1.00,)"]);
    expect(applier.kinds).toEqual([]);
  });

  test("that have one another's unique values at the target are written all the same", async () => {
    await target.admin.query("INSERT INTO users VALUES (1, 'b'), (2, 'c'), (3, 'a'), (4, 'd')");
    const applier = await Applier.start();
    await applier.apply([trade(1)], [users.read({ id: 1, email: "a" }), users.read({ id: 2, email: "b" }), users.read({ id: 3, email: "c" })]);
    expect(await target.texts("users")).toEqual(["(1,a)", "(2,b)", "(3,c)", "(4,d)"]);
    expect([await target.texts("trades"), applier.kinds]).toEqual([["(1,n1,1.00,)"], []]);
  });

  test("the same is refused where rows that go and come again would lose what only the target has, or be missed by those that refer to them", async () => {
    const swapped = [users.read({ id: 1, email: "a" }), users.read({ id: 2, email: "b" })];
    const refused = { code: "EVENT_NOT_APPLICABLE", cure: expect.stringContaining("Remove the row of") };
    await prepared("CREATE TABLE users (id int4 PRIMARY KEY, email text UNIQUE, own text); INSERT INTO users VALUES (1, 'b', 'x'), (2, 'a', 'y')");
    expect(await errorOf((await Applier.start()).apply(swapped))).toMatchObject(refused);
    expect(await target.texts("users")).toEqual(["(1,b,x)", "(2,a,y)"]);
    const plain = await Applier.plain(`CREATE TABLE users (id int4 PRIMARY KEY, email text UNIQUE); INSERT INTO users VALUES (1, 'b'), (2, 'a');
      CREATE TABLE letters (id int4 REFERENCES users ON DELETE CASCADE); INSERT INTO letters VALUES (1), (2)`);
    expect(await errorOf(plain.apply(swapped))).toMatchObject(refused);
    expect([await target.texts("users"), await target.texts("letters")]).toEqual([
      ["(1,b)", "(2,a)"],
      ["(1)", "(2)"],
    ]);
  });

  test("nor do they go and come again where triggers are told of it, or where events of the table wait in queues", async () => {
    const swapped = [users.read({ id: 1, email: "a" }), users.read({ id: 2, email: "b" })];
    const refused = { code: "EVENT_NOT_APPLICABLE", cure: expect.stringContaining("Remove the row of") };
    await prepared(`CREATE TABLE users (id int4 PRIMARY KEY, email text UNIQUE); INSERT INTO users VALUES (1, 'b'), (2, 'a'); CREATE TABLE gone (id int4);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.gone VALUES (OLD.id); RETURN NULL; END';
      CREATE TRIGGER note AFTER DELETE ON users FOR EACH ROW EXECUTE FUNCTION note(); ALTER TABLE users ENABLE ALWAYS TRIGGER note`);
    expect(await errorOf((await Applier.start()).apply(swapped))).toMatchObject(refused);
    expect([await target.texts("users"), await target.texts("gone")]).toEqual([["(1,b)", "(2,a)"], []]);
    await prepared(tradesAndUsers);
    const first = await Applier.start({ parks: ["users"] });
    await first.apply([users.create({ id: 1, email: "b" }), users.create({ id: 2, email: "a" }), users.create({ id: 5, email: "e" })]);
    await first.apply([users.update({ id: 5, email: "a" })]);
    const next = await Applier.start({ writer: first.writer });
    expect(await errorOf(next.apply([...swapped, users.read({ id: 5, email: "f" })]))).toMatchObject(refused);
    expect(await target.texts("users")).toEqual(["(1,b)", "(2,a)", "(5,e)"]);
  });

  test("many go by COPY into an empty table; once it has met a row, they are written over instead, until the table is copied", async () => {
    const applier = await Applier.start();
    await applier.apply([users.create({ id: 1, email: "a" })], copies(60));
    expect(await kinds(applier)).toEqual(["copy", "insert"]);
    await applier.apply(copies(60, 50));
    expect(await kinds(applier)).toEqual(["copy", "insert", "put"]);
    expect(await target.texts("trades")).toHaveLength(109);
    expect(applier.kinds).toEqual([]);
    // New rows, written over all the same: nothing has to fail first.
    const before = await attempts(applier);
    await applier.apply(copies(60, 500));
    expect((await attempts(applier)) - before).toBe(60);
    await applier.apply([copied("public.trades")]);
    await applier.apply(copies(60, 500));
    expect((await attempts(applier)) - before).toBeGreaterThan(60);
  });

  test("a row that does not fit is named, and nothing of its piece is in", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1)]);
    const error = await errorOf(applier.apply([...copies(60, 10), copy(99, "bad")]));
    expect([error.code, error.message]).toEqual(["EVENT_NOT_APPLICABLE", expect.stringContaining("the copy of public.trades (id)=(99)")]);
    expect([await target.texts("trades"), await committed()]).toEqual([["(1,n1,1.00,)"], applier.writer.commitLsn]);
  });

  test.each([
    [
      "partitioned",
      "CREATE TABLE parts (id int4 PRIMARY KEY, note text) PARTITION BY HASH (id); CREATE TABLE p PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
    ],
    ["without a unique index", "CREATE TABLE parts (id int4 CHECK (true), note text)"],
    ["with a deferrable key", "CREATE TABLE parts (id int4 PRIMARY KEY DEFERRABLE, note text)"],
    ["with an identity beside the key", "CREATE TABLE parts (id int4 PRIMARY KEY, note text, n int4 GENERATED ALWAYS AS IDENTITY)"],
  ])("into a table %s", async (what, sql) => {
    await prepared(sql);
    const numbered = what.includes("identity") ? { n: 7 } : {};
    const parts = new WrittenTable("parts", { id: "int4*", note: "text", ...(what.includes("identity") ? { n: "int4" } : {}) });
    const applier = await Applier.start();
    const rows = (note: string): TableEvent[] => [1, 2].map((id) => parts.read({ id, note, ...numbered }));
    await applier.apply([parts.create({ id: 1, note: "created", n: 3 })], rows("copied"));
    await applier.apply(rows("again"));
    const n = what.includes("identity") ? ",7" : "";
    expect(await target.texts("parts")).toEqual([`(1,again${n})`, `(2,again${n})`]);
    expect(applier.kinds).toEqual([]);
  });

  test("where triggers are awake they come one by one, and are no conflict either", async () => {
    const applier = await Applier.plain(`${tradesAndUsers}; CREATE TABLE seen (id int4);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO seen VALUES (NEW.id); RETURN NULL; END';
      CREATE TRIGGER note AFTER INSERT ON trades FOR EACH ROW EXECUTE FUNCTION note()`);
    await applier.apply([trade(1)], copies(2));
    expect([await target.texts("seen"), applier.kinds]).toEqual([["(1)", "(2)"], []]);
  });
});

describe("keys that a repair found without a row", () => {
  const absent = [1, 2, 3].map((id) => trades.absent({ id }));

  test("are deleted where they are, and are no conflict where they are not", async () => {
    await target.admin.query("INSERT INTO trades VALUES (1, 'extra', 1, 'mine'), (2, 'extra', 1, 'mine')");
    const applier = await Applier.start();
    await applier.apply([trade(9)], [...absent, copy(4)]);
    expect([await target.texts("trades"), applier.kinds]).toEqual([["(4,n4,1.00,)", "(9,n9,1.00,)"], []]);
    expect(await readPosition(target.admin, "trading")).toMatchObject({ commitLsn: applier.writer.commitLsn, sequence: 5 });
  });

  test("come again where the stream brings them behind, in the same batch", async () => {
    await target.admin.query("INSERT INTO trades VALUES (1, 'extra', 1, 'mine')");
    const applier = await Applier.start();
    await applier.apply([trade(9)], absent, [trade(1)], [trades.delete({ id: 9 })], [trades.absent({ id: 9 })]);
    expect([await target.texts("trades"), applier.kinds]).toEqual([["(1,n1,1.00,)"], []]);
  });

  test("also where triggers are awake, one by one", async () => {
    const applier = await Applier.plain(`${tradesAndUsers}; CREATE TABLE gone (id int4);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO gone VALUES (OLD.id); RETURN NULL; END';
      CREATE TRIGGER note AFTER DELETE ON trades FOR EACH ROW EXECUTE FUNCTION note()`);
    await target.admin.query("INSERT INTO trades VALUES (2, 'extra', 1, 'mine')");
    await applier.apply([trade(9)], absent);
    expect([await target.texts("gone"), await target.texts("trades"), applier.kinds]).toEqual([["(2)"], ["(9,n9,1.00,)"], []]);
  });
});

/** Rows that were ever put into trades, those of transactions that failed included. */
async function attempts({ client }: Applier): Promise<number> {
  await client.query("SELECT pg_stat_force_next_flush()");
  const { rows } = await target.admin.query<{ count: number }>("SELECT n_tup_ins::int AS count FROM pg_stat_user_tables WHERE relname = 'trades'");
  return rows[0]!.count;
}

/** What trades is marked for. */
async function reason(): Promise<string | undefined> {
  return (await readMarks(target.admin, "trading")).find(({ table }) => table === "public.trades")?.reason;
}

describe("the end of a copy", () => {
  test("takes the mark away with the rows before it", async () => {
    const applier = await uncopied();
    await applier.apply([trade(9)], copies(2), [copied("public.trades")]);
    expect([await target.texts("trades"), await readNeedsCopy(target.admin, "trading")]).toEqual([
      ["(1,n1,1.00,)", "(2,n2,1.00,)", "(9,n9,1.00,)"],
      ["public.users"],
    ]);
    expect(await readPosition(target.admin, "trading")).toMatchObject({ sequence: 4 });
  });

  test("the mark stays where the rows before it do not come in, and goes with them in source order", async () => {
    await target.admin.query("INSERT INTO trades VALUES (9, 'there', 1, NULL)");
    const applier = await uncopied();
    const error = await errorOf(applier.apply([trade(8)], [copy(1, "bad")], [copied("public.trades")]));
    expect([error.code, await readNeedsCopy(target.admin, "trading")]).toEqual(["EVENT_NOT_APPLICABLE", ["public.trades", "public.users"]]);
    const again = await Applier.start({ writer: applier.writer, uncopied: ["public.trades", "public.users"] });
    await again.apply([trade(9)], [copied("public.trades")]);
    expect([again.kinds, await readNeedsCopy(target.admin, "trading")]).toEqual([["create-exists public.trades (id)=(9)"], ["public.users"]]);
  });

  test("from there on a row that is missing stops the applier, also in the batch behind it", async () => {
    const applier = await uncopied();
    await applier.apply([trades.update({ id: 5, note: null, amount: "2" }, ["note"])], copies(1));
    const ending = applier.apply([copied("public.trades")]);
    const next = errorOf(applier.apply([trades.update({ id: 5, note: null, amount: "2" }, ["note"])]));
    await ending;
    expect((await next).code).toBe("TARGET_ROW_MISSING");
  });

  test("leaves a mark that has got another reason since the copy was asked for, and rows of the table may go on missing", async () => {
    const applier = await uncopied();
    await target.admin.query("UPDATE offtake.needs_copy SET reason = reason || '; a partition was attached' WHERE table_name = 'public.trades'");
    await applier.apply([trade(9)], copies(2), [copied("public.trades"), copied("public.users")]);
    expect(await readNeedsCopy(target.admin, "trading")).toEqual(["public.trades"]);
    await applier.apply([trades.update({ id: 5, note: null, amount: "2" }, ["note"])]);
    expect(applier.kinds).toEqual(["partial-missing public.trades (several)"]);
  });

  test.each<[string, (time: number) => Promise<unknown>]>([
    [
      "is in its publication anew",
      async (time) =>
        recordCaptured(target.admin, "trading", [{ name: "public.trades", membership: String(time) }], [], () => Promise.reject(new Error("asked"))),
    ],
    ["may have lost records of the topic", async (time) => doubtCopies(target.admin, "trading", time)],
  ])("leaves a mark that was made for more than one thing, and once more since the copy was asked for, since the table %s", async (_, happens) => {
    const applier = await uncopied();
    for (const time of [1, 2]) await happens(time);
    const asked = await reason();
    expect(asked).toMatch(/^it had rows before; /);
    await happens(3);
    await applier.apply([trade(9)], copies(2), [copied("public.trades", asked)]);
    const newest = await reason();
    expect(newest).toMatch(/^it had rows before; /);
    await applier.apply([copied("public.trades", newest)]);
    expect(await reason()).toBeUndefined();
  });

  test("a mark that is made while the applier runs is learned of where it matters", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1)]);
    await markNeedsCopy(target.admin, "trading", ["public.trades"], "it joined later");
    await applier.apply([whole(5), trades.delete({ id: 6 })]);
    expect([await target.texts("trades"), applier.kinds]).toEqual([["(1,n1,1.00,)", "(5,n5,2.00,)"], []]);
    await applier.apply([copied("public.trades", "it joined later")], [trade(2)]);
    await applier.apply([whole(7)]);
    expect(applier.kinds).toEqual(["update-missing public.trades (id)=(7)"]);
  });

  test("of a table that is not marked changes nothing", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(1)], [copied("public.trades")]);
    expect(await target.texts("trades")).toEqual(["(1,n1,1.00,)"]);
  });
});
