/** What is known of rows that are in no stream: the list of captured tables at the target, and a look at the source that is not deceived. */
import pg, { type Client } from "pg";
import { describe, expect, test } from "vitest";
import type { CapturedShape } from "../../../connectors/postgres/captured-shape.ts";
import { type CapturedTable, type JudgeShape, readCaptured, recordCaptured } from "../../../connectors/postgres/captured-tables.ts";
import { olderRows } from "../../../connectors/postgres/copied-by-itself.ts";
import { openTransactionsEnded } from "../../../connectors/postgres/open-transactions.ts";
import { readPublication } from "../../../connectors/postgres/publication.ts";
import { endSession, openSession, sessionError } from "../../../connectors/postgres/session.ts";
import { migrateTarget } from "../../../services/apply/migrate-target.ts";
import { markNeedsCopy, readMarks, readNeedsCopy } from "../../../services/apply/needs-copy.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase, uniqueName } from "../../support/databases.ts";

async function withSession<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Of tables without shapes nobody is asked what a change of them means. */
const unasked: JudgeShape = () => Promise.reject(new Error("asked"));

/** A reason without the moment at its end. */
function timeless(reason: string): string {
  return reason.replaceAll(/(?<= \(seen at )\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z(?=\))/g, "…");
}

describe("the list of captured tables", () => {
  const [a, b]: CapturedTable[] = [
    { name: "public.a", membership: "1.2.3" },
    { name: "public.b", membership: "1.4.5" },
  ];

  test.each<[string, (readonly CapturedTable[])[], readonly string[], string[]]>([
    ["the first is taken as it is", [[a!, b!]], [], []],
    [
      "the same again marks nothing",
      [
        [a!, b!],
        [b!, a!],
      ],
      [],
      [],
    ],
    ["a table that joins later is marked", [[a!], [a!, b!]], [], ["public.b: joined the service's tables later"]],
    ["unless it is known to lack nothing", [[a!], [a!, b!]], ["public.b"], []],
    ["one that leaves is not", [[a!, b!], [a!]], [], []],
    ["one that comes back is", [[a!, b!], [a!], [a!, b!]], [], ["public.b: was out of the service's tables for a while (seen at …)"]],
    ["also when all had left", [[a!], [], [a!]], [], ["public.a: was out of the service's tables for a while (seen at …)"]],
    [
      "one that is in its publication anew is",
      [
        [a!, b!],
        [{ ...a!, membership: "1.2.9" }, b!],
      ],
      [],
      ["public.a: was out of its publication for a while, or was made again (seen at …)"],
    ],
  ])("%s", async (_, lists, whole, expected) => {
    await using database = await freshDatabase("target");
    await withSession(database.url, async (target) => {
      await migrateTarget(target);
      const marked = [];
      for (const list of lists) marked.push(...(await recordCaptured(target, "trading", list, whole, unasked)).marked);
      expect(marked.map(({ name, reason }) => `${name}: ${timeless(reason)}`)).toEqual(expected);
      expect(await readNeedsCopy(target, "trading")).toEqual(marked.map(({ name }) => name));
      // Another connector's list is its own.
      expect((await recordCaptured(target, "other", [b!], [], unasked)).marked).toEqual([]);
      expect([...(await readCaptured(target, "trading"))].toSorted()).toEqual([...new Set(lists.flat().map(({ name }) => name))].toSorted());
    });
  });
});

function member(membership: string): CapturedTable {
  return { name: "public.a", membership };
}

test("a table that is marked already gets another reason whenever it was out: the end of a copy that was asked for before does not take that away", async () => {
  await using database = await freshDatabase("target");
  await withSession(database.url, async (target) => {
    await migrateTarget(target);
    await recordCaptured(target, "trading", [member("1")], [], unasked);
    await markNeedsCopy(target, "trading", ["public.a"], olderRows.up);
    const reasons: string[] = [];
    for (const list of [[member("1")], [member("2")], [member("2")], [member("3")], [], [member("3")], [], [member("3")], [member("3")]]) {
      await recordCaptured(target, "trading", list, [], unasked);
      for (const { reason } of await readMarks(target, "trading")) if (reasons.at(-1) !== reason) reasons.push(reason);
    }
    const [out, left] = ["was out of its publication for a while, or was made again", "was out of the service's tables for a while"];
    expect(reasons.map(timeless)).toEqual([
      olderRows.up,
      `${olderRows.up}; ${out} (seen at …)`,
      `${olderRows.up}; ${out} (seen at …)`,
      `${olderRows.up}; ${out}; ${left} (seen at …)`,
      `${olderRows.up}; ${out}; ${left} (seen at …)`,
    ]);
    expect(new Set(reasons).size).toBe(reasons.length);
  });
});

test("a table that joins, and that `up` has marked for it, keeps its reason: it is copied without anybody asking", async () => {
  await using database = await freshDatabase("target");
  await withSession(database.url, async (target) => {
    await migrateTarget(target);
    const [a, b] = [
      { name: "public.a", membership: "1" },
      { name: "public.b", membership: "2" },
    ];
    await recordCaptured(target, "trading", [a], [], unasked);
    await markNeedsCopy(target, "trading", ["public.b"], olderRows.publication);
    expect((await recordCaptured(target, "trading", [a, b], [], unasked)).marked).toEqual([]);
    expect(await readMarks(target, "trading")).toEqual([{ table: "public.b", reason: olderRows.publication }]);
  });
});

const bare: CapturedShape = { oid: 1, partitioned: false, file: 1, toast: 0, unlogged: false, columns: [], enums: [], partitions: [] };

function filed(file: number, doubts: string[]): CapturedTable {
  return { name: "public.a", membership: "1", shape: { ...bare, file }, doubts };
}

test("reasons that are found later come to those that are there, each once, with the moment of the last; what waits for an answer is judged again", async () => {
  await using database = await freshDatabase("target");
  await withSession(database.url, async (target) => {
    await migrateTarget(target);
    const look = async (
      file: number,
      doubts: string[],
      reasons: string[],
      undecided = false,
    ): Promise<readonly [files: number[], reasons: string[]]> => {
      const files: number[] = [];
      const judge: JudgeShape = (_, before, now) => Promise.resolve({ reasons, undecided: files.push(before.file, now.file) > 0 && undecided });
      const { marked } = await recordCaptured(target, "trading", [filed(file, doubts)], [], judge);
      return [files, marked.map(({ reason }) => timeless(reason))];
    };
    expect(await look(1, [], ["not asked"])).toEqual([[], []]);
    expect(await look(2, ["doubt"], ["one"])).toEqual([[1, 2], ["doubt; one (seen at …)"]]);
    const all = ["doubt; one; two (seen at …)"];
    expect(await look(3, [], ["one", "two"], true)).toEqual([[2, 3], all]);
    expect(await look(3, [], ["two"], true)).toEqual([[2, 3], []]);
    expect(await look(3, [], ["two"])).toEqual([[2, 3], all]);
    // What lasts is not told again, and what has happened once more is: a copy may have begun in between.
    expect(await look(3, [], ["two"])).toEqual([[3, 3], []]);
    expect(await look(4, [], ["two"])).toEqual([[3, 4], all]);
    expect(await look(4, ["doubt"], [])).toEqual([[4, 4], all]);
    expect(await look(4, [], [])).toEqual([[4, 4], []]);
  });
});

test("a table is in its publication anew when it was out of it, the publication was made again, or the table was", async () => {
  await using database = await freshDatabase("source");
  await withSession(database.url, async (source) => {
    const membership = async (): Promise<string> => (await readPublication(source, "p"))!.tables.find(({ table }) => table === "t")!.membership;
    await source.query("CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION p FOR TABLE t");
    const seen = [await membership()];
    await source.query("ALTER TABLE t ADD note text; TRUNCATE t; CREATE TABLE u (id int PRIMARY KEY); ALTER PUBLICATION p ADD TABLE u");
    expect(await membership()).toBe(seen[0]);
    for (const sql of [
      "ALTER PUBLICATION p DROP TABLE t; ALTER PUBLICATION p ADD TABLE t",
      "ALTER PUBLICATION p SET TABLE t WHERE (id > 1); ALTER PUBLICATION p SET TABLE t",
      "DROP PUBLICATION p; CREATE PUBLICATION p FOR TABLE t",
      "ALTER TABLE t RENAME TO old; CREATE TABLE t (id int PRIMARY KEY); ALTER PUBLICATION p ADD TABLE t",
      "DROP PUBLICATION p; CREATE PUBLICATION p FOR ALL TABLES",
      "DROP PUBLICATION p; CREATE PUBLICATION p FOR TABLES IN SCHEMA public",
      "ALTER PUBLICATION p SET TABLES IN SCHEMA pg_temp; ALTER PUBLICATION p SET TABLES IN SCHEMA public".replace("pg_temp", "offside"),
    ]) {
      if (sql.includes("offside")) await source.query("CREATE SCHEMA offside");
      for (const statement of sql.split("; ")) await source.query(statement);
      seen.push(await membership());
    }
    expect(new Set(seen).size).toBe(seen.length);
  });
});

test("a partitioned table is in its publication anew when that was altered: for a while its rows may have come under other names", async () => {
  await using database = await freshDatabase("source");
  await withSession(database.url, async (source) => {
    const membership = async (): Promise<string> => (await readPublication(source, "p"))!.tables.find(({ table }) => table === "t")!.membership;
    await source.query(
      "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE PUBLICATION p FOR TABLE t WITH (publish_via_partition_root = true)",
    );
    const first = await membership();
    await source.query("CREATE TABLE t_1 PARTITION OF t DEFAULT; TRUNCATE t; CREATE TABLE u (id int PRIMARY KEY); ALTER PUBLICATION p ADD TABLE u");
    expect(await membership()).toBe(first);
    for (const value of [false, true]) await source.query(`ALTER PUBLICATION p SET (publish_via_partition_root = ${value})`);
    expect(await membership()).not.toBe(first);
  });
});

describe("transactions that are open", () => {
  test("are waited for, those that have written and no others", async () => {
    await using database = await freshDatabase("source");
    await withSession(database.url, async (source) =>
      withSession(database.url, async (writer) =>
        withSession(database.url, async (reader) => {
          await source.query("CREATE TABLE t (id int)");
          await reader.query("BEGIN; SELECT FROM t");
          await writer.query("BEGIN; INSERT INTO t VALUES (1)");
          const never = new AbortController().signal;
          expect(await openTransactionsEnded(source, 0, never, () => {})).toBe(false);
          const { promise: waiting, resolve } = Promise.withResolvers<void>();
          const ended = openTransactionsEnded(source, 60_000, never, resolve);
          await waiting;
          await writer.query("COMMIT");
          expect(await ended).toBe(true);
        }),
      ),
    );
  });

  test("are waited for no longer than until Ctrl-C", async () => {
    await using database = await freshDatabase("source");
    await withSession(database.url, async (source) =>
      withSession(database.url, async (writer) => {
        await writer.query("BEGIN; CREATE TABLE t (id int)");
        const stop = new AbortController();
        const ended = openTransactionsEnded(source, 60_000, stop.signal, () => stop.abort());
        await expect(ended).rejects.toMatchObject({ code: "INTERRUPTED" });
      }),
    );
  });
});

test("a session with the source does not see a table as empty of which a policy hides the rows", async () => {
  await using database = await freshDatabase("source");
  const role = uniqueName("role");
  await withSession(database.url, async (admin) => {
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'; CREATE TABLE t (id int); INSERT INTO t VALUES (1)`);
    await admin.query(`ALTER TABLE t ENABLE ROW LEVEL SECURITY; GRANT SELECT ON t TO ${role}`);
    const url = new URL(database.url);
    [url.username, url.password] = [role, "x"];
    const secret = new Secret(url.href);
    const session = await openSession(secret, { side: "source", applicationName: "test", statementTimeoutMs: 10_000 });
    try {
      const refused: unknown = await session.query("SELECT FROM public.t").catch((error: unknown) => error);
      expect(sessionError(refused, "source", secret)).toMatchObject({ code: "SOURCE_REFUSED", cure: expect.stringContaining("BYPASSRLS") });
    } finally {
      await endSession(session);
      await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});
