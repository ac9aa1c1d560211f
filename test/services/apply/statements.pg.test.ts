import { escapeIdentifier } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { sqlState } from "../../../connectors/postgres/session.ts";
import { knownColumns } from "../../../services/apply/apply-merged.ts";
import {
  deleteStatement,
  insertStatement,
  moveStatement,
  truncateSql,
  updateStatement,
  upsertStatement,
} from "../../../services/apply/statements.ts";
import { logOf, WrittenTable } from "./event-writer.ts";
import { targetFixture } from "./target-fixture.ts";

const target = await targetFixture();
afterAll(() => target[Symbol.asyncDispose]());

/** The SQLSTATE that a promise is rejected with. */
async function stateOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => "no error",
    (error: unknown) => sqlState(error) ?? String(error),
  );
}

const all = (count: number): boolean[] => Array.from({ length: count }, () => true);

describe("the statements of a table", () => {
  const trades = new WrittenTable("trades", { id: "int8*", sub: "text*", note: "text", amount: "numeric" });
  const created = `CREATE TABLE trades (note text, own text DEFAULT 'mine', sub text, amount numeric, id int8, PRIMARY KEY (id, sub));
    INSERT INTO trades (id, sub, note, amount, own) VALUES (1, 'a', 'one', 1.50, 'x'), (1, 'b', 'two', NULL, 'y'), (2, 'a', NULL, 3, 'z')`;

  test("insert puts rows in, and leaves the target's own columns to their defaults", async () => {
    await target.reset(created);
    const log = logOf([
      trades.create({ id: 7n, sub: "", note: null, amount: "1.00" }),
      trades.create({ id: -7n, sub: "ä", note: "", amount: "NaN" }),
    ]);
    expect(await target.run(insertStatement(await target.table(trades)), log, [0, 1])).toBe(2);
    expect(await target.texts("trades", "id, sub")).toEqual([
      '("",mine,ä,NaN,-7)',
      "(one,x,a,1.50,1)",
      "(two,y,b,,1)",
      "(,z,a,3,2)",
      '(,mine,"",1.00,7)',
    ]);
  });

  test("insert refuses a row whose key is there", async () => {
    await target.reset(created);
    const log = logOf([trades.create({ id: 7n, sub: "" }), trades.create({ id: 2n, sub: "a" })]);
    expect(await stateOf(target.run(insertStatement(await target.table(trades)), log, [0, 1]))).toBe("23505");
  });

  test("upsert says of each row whether it was there, and keeps the target's own columns", async () => {
    await target.reset(created);
    const table = await target.table(trades);
    const log = logOf([trades.create({ id: 7n, sub: "", note: "new" }), trades.create({ id: 2n, sub: "a", note: "over", amount: null })]);
    const existed = await Promise.all(
      [0, 1].map(async (change) => {
        const { sql, parameters } = upsertStatement(table);
        expect(parameters.map(({ column }) => column.name)).toEqual(['"id"', '"sub"', '"note"', '"amount"']);
        expect(await target.run(upsertStatement(table), log, [change])).toBe(1);
        return sql;
      }),
    );
    expect(new Set(existed).size).toBe(1);
    expect(await target.texts("trades", "id, sub")).toContain("(over,z,a,,2)");
    expect(await target.texts("trades", "id, sub")).toContain('(new,mine,"",,7)');
  });

  test("update sets the known columns of the rows that are there, and counts them", async () => {
    await target.reset(created);
    const table = await target.table(trades);
    const log = logOf([
      trades.update({ id: 1n, sub: "a", note: "upd", amount: null }, ["amount"]),
      trades.update({ id: 2n, sub: "a", note: null, amount: null }, ["amount"]),
      trades.update({ id: 3n, sub: "a", note: "gone", amount: null }, ["amount"]),
      trades.update({ id: 1n, sub: "b", note: null, amount: "9" }),
    ]);
    expect(knownColumns(log, 0)).toEqual([true, true, true, false]);
    expect(await target.run(updateStatement(table, knownColumns(log, 0)), log, [0, 1, 2])).toBe(2);
    expect(await target.run(updateStatement(table, knownColumns(log, 3)), log, [3])).toBe(1);
    expect(await target.texts("trades", "id, sub")).toEqual(["(upd,x,a,1.50,1)", "(,y,b,9,1)", "(,z,a,3,2)"]);
  });

  test("an update of nothing but its key still counts the rows that are there", async () => {
    await target.reset("CREATE TABLE tags (id int8 PRIMARY KEY); INSERT INTO tags VALUES (1), (2)");
    const tags = new WrittenTable("tags", { id: "int8*" });
    const log = logOf([tags.update({ id: 1n }), tags.update({ id: 3n })]);
    expect(await target.run(updateStatement(await target.table(tags), all(1)), log, [0, 1])).toBe(1);
    expect(await target.texts("tags")).toEqual(["(1)", "(2)"]);
  });

  test("move sets the key too, and finds the row by the old one", async () => {
    await target.reset(created);
    const table = await target.table(trades);
    const log = logOf([
      trades.move({ id: 1n, sub: "a" }, { id: 5n, sub: "a", note: "moved", amount: null }, ["amount"]),
      trades.move({ id: 9n, sub: "a" }, { id: 10n, sub: "a", note: "nobody", amount: null }, ["amount"]),
      trades.move({ id: 2n, sub: "a" }, { id: 2n, sub: "A", note: "cased", amount: null }, ["amount"]),
    ]);
    expect(await target.run(moveStatement(table, knownColumns(log, 0)), log, [0, 1, 2])).toBe(2);
    expect(await target.texts("trades", "id, sub")).toEqual(["(two,y,b,,1)", "(cased,z,A,3,2)", "(moved,x,a,1.50,5)"]);
  });

  test("delete takes the rows of these keys and no other", async () => {
    await target.reset(created);
    const log = logOf([trades.delete({ id: 1n, sub: "b" }), trades.delete({ id: 2n, sub: "b" })]);
    expect(await target.run(deleteStatement(await target.table(trades)), log, [0, 1])).toBe(1);
    expect(await target.texts("trades", "id, sub")).toEqual(["(one,x,a,1.50,1)", "(,z,a,3,2)"]);
  });

  test("tables that refer to each other are truncated together", async () => {
    await target.reset(
      `CREATE TABLE a (id int4 PRIMARY KEY); CREATE TABLE b (id int4 PRIMARY KEY REFERENCES a); INSERT INTO a VALUES (1); INSERT INTO b VALUES (1)`,
    );
    const tables = [await target.table(new WrittenTable("a", { id: "int4*" })), await target.table(new WrittenTable("b", { id: "int4*" }))];
    expect(await stateOf(target.session.client.query(truncateSql(tables.slice(0, 1))))).toBe("0A000");
    await target.session.client.query(truncateSql([...tables, ...tables]));
    expect(await target.texts("a")).toEqual([]);
  });

  test("statements with different columns never share a name, however many columns there are", async () => {
    const names = Array.from({ length: 60 }, (_, i) => `column_${i}`);
    await target.reset(
      `CREATE TABLE wide (id int4 PRIMARY KEY, ${names.map((name) => `${name} text DEFAULT 'old'`).join(", ")}); INSERT INTO wide VALUES (1)`,
    );
    const wide = new WrittenTable("wide", { id: "int4*", ...Object.fromEntries(names.map((name) => [name, "text"])) });
    const table = await target.table(wide);
    for (const left of ["column_57", "column_58", "column_59"]) {
      const log = logOf([wide.update({ id: 1, ...Object.fromEntries(names.map((name) => [name, `not ${left}`])) }, [left])]);
      const statement = updateStatement(table, knownColumns(log, 0));
      // PostgreSQL cuts names at 63 bytes, and would then take one statement for the other.
      expect(Buffer.byteLength(statement.name)).toBeLessThan(64);
      expect(await target.run(statement, log, [0])).toBe(1);
      const { rows } = await target.admin.query<Record<string, string>>("SELECT * FROM wide");
      expect(rows[0]).toMatchObject({ column_0: `not ${left}`, column_56: `not ${left}` });
      expect(rows[0]![left]).not.toBe(`not ${left}`);
    }
  });
});

describe("columns of another type than the source's", () => {
  const floats = Array.from({ length: 256 }, (_, exponent) =>
    [0, 1, 2, 0x40_0000, 0x7f_ffff, 0x12_3456].map((mantissa) => (exponent << 23) | mantissa),
  )
    .flat()
    .map((bits) => new Float32Array(new Uint32Array([bits]).buffer)[0]!)
    .filter(Number.isFinite);
  const doubles = [...floats.map((value) => value * Math.PI), 2 ** 54, 2 ** 54 + 4, 5e-324, -0, Number.NaN, -Infinity];

  test.each([
    ["float4", "float8", floats],
    ["float4", "numeric", floats],
    ["float4", "text", [...floats, -0, Number.NaN, Infinity]],
    ["float8", "numeric", doubles],
    ["float8", "text", doubles],
    ["int4", "int8", [2_147_483_647, -2_147_483_648, 0]],
    ["int4", "numeric", [2_147_483_647, -2_147_483_648, 0]],
    ["int2", "int2", [32_767, -32_768]],
    ["int8", "numeric", [2n ** 63n - 1n, -(2n ** 63n), 0n]],
    ["int8", "text", [2n ** 63n - 1n, -(2n ** 63n), 0n]],
    ["bool", "text", [true, false]],
  ])("%s goes into %s as the text that the source prints", async (from, to, values) => {
    await target.reset(`CREATE TABLE t (id int4 PRIMARY KEY, v ${to})`);
    const table = new WrittenTable("t", { id: "int4*", v: from });
    const log = logOf(values.map((v, id) => table.create({ id, v })));
    await target.run(insertStatement(await target.table(table)), log, [...values.keys()]);
    // The same values in a column of the source's own type are what the source would print.
    await target.admin.query(`CREATE TABLE s (id int4 PRIMARY KEY, v ${from})`);
    const source = new WrittenTable("s", { id: "int4*", v: from });
    await target.run(insertStatement(await target.table(source)), logOf(values.map((v, id) => source.create({ id, v }))), [...values.keys()]);
    const printed = from === "bool" ? "CASE WHEN v THEN 't' ELSE 'f' END" : "v::text";
    const { rows } = await target.session.client.query(
      `SELECT s.id, s.v AS from, t.v AS to FROM s JOIN t USING (id) WHERE ((SELECT ${printed} FROM s AS x WHERE x.id = s.id)::${to})::text IS DISTINCT FROM t.v::text`,
    );
    expect(rows).toEqual([]);
    expect((await target.texts("t")).length).toBe(values.length);
  });

  test.each([
    ["varchar", "varchar(3)", "abcd", "22001"],
    ["varchar", "short", "abcd", "22001"],
    ["varchar", "char(3)", "abcd", "22001"],
    ["bit", "bit(3)", "1010", "22026"],
    ["varbit", "varbit(3)", "1010", "22001"],
    ["int4", "int2", 40_000, "22003"],
    ["int8", "int4", 2n ** 40n, "22003"],
    ["numeric", "numeric(4,2)", "123.45", "22003"],
    ["text", "positive", "-1", "23514"],
    ["text", "mood", "angry", "22P02"],
    ["text", "_int4", "{1,x}", "22P02"],
    ["float8", "float4", 1e300, "22003"],
  ])("%s into %s: %s is refused, not cut to fit", async (from, to, value, state) => {
    await target.reset(
      `CREATE DOMAIN short AS varchar(3); CREATE DOMAIN positive AS int4 CHECK (VALUE > 0); CREATE TYPE mood AS ENUM ('sad'); CREATE TABLE t (id int4 PRIMARY KEY, v ${to})`,
    );
    const table = new WrittenTable("t", { id: "int4*", v: from });
    const log = logOf([table.create({ id: 1, v: value }), table.update({ id: 1, v: value })]);
    expect(await stateOf(target.run(insertStatement(await target.table(table)), log, [0]))).toBe(state);
    await target.admin.query("INSERT INTO t VALUES (1, NULL)");
    expect(await stateOf(target.run(updateStatement(await target.table(table), all(2)), log, [1]))).toBe(state);
  });

  const setUp = `CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION cube;
    CREATE TYPE mood AS ENUM ('sad', 'it''s "fine"'); CREATE TYPE pair AS (a int4, b text);
    CREATE DOMAIN short AS varchar(3); CREATE DOMAIN shorter AS short CHECK (VALUE <> 'no');`;

  test.each([
    ["varchar(3)", ["abc", "", "äöü"]],
    ["short", ["abc", ""]],
    ["shorter", ["abc", ""]],
    ["char(5)", ["ab   ", "abcde"]],
    ['"char"', ["x", ""]],
    ["name", ["n"]],
    ["bit(4)", ["1010"]],
    ["bit varying", ["", "10101"]],
    ["mood", ["sad", `it's "fine"`]],
    ["mood[]", [`{sad,"it's \\"fine\\"",NULL}`]],
    ["int4[]", ["{}", "{{1,2},{3,NULL}}", "[0:1]={5,6}"]],
    ["text[]", [`{a,"b c","","NULL",NULL,"\\"\\\\"}`]],
    ["pair", [`(1,"x, y")`, "(,)"]],
    ["pair[]", [`{"(1,\\"x, y\\")"}`]],
    ["citext", ["MiXed", ""]],
    ["hstore", [`"a"=>"1", "b"=>NULL`]],
    ["ltree", ["a.b.c"]],
    ["cube", ["(1, 2),(3, 4)"]],
    ["numeric", ["1.500", "NaN", "Infinity", "0.00", "-0.00000000000000000001"]],
    ["numeric(10,4)", ["1.5000", "NaN"]],
    ["date", ["infinity", "-infinity", "0044-03-15 BC", "2024-02-29"]],
    ["time", ["24:00:00", "00:00:00.000001"]],
    ["timetz", ["24:00:00+15:59:59", "12:00:00-05"]],
    ["timestamp", ["infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"]],
    ["timestamptz", ["-infinity", "2024-01-01 00:00:00+00"]],
    ["interval", ["-1 years -2 mons +3 days -04:05:06.7", "00:00:00", "infinity"]],
    ["money", ["-$1,234.56"]],
    ["uuid", ["6ba7b810-9dad-11d1-80b4-00c04fd430c8"]],
    ["json", [`{"a": 1,  "a": 2}`, "null"]],
    ["jsonb", [`{"a": 1.10}`, "null"]],
    ["xml", ["<a>b</a>", "text only"]],
    ["jsonpath", [`$."a"[*]`]],
    ["inet", ["10.0.0.1/8", "::1"]],
    ["cidr", ["10.0.0.0/8"]],
    ["macaddr", ["08:00:2b:01:02:03"]],
    ["point", ["(1,2)", "(NaN,-0)"]],
    ["polygon", ["((0,0),(1,1),(1,0))"]],
    ["int4range", ["[1,5)", "empty", "(,)"]],
    ["tstzmultirange", [`{["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00")}`, "{}"]],
    ["tsvector", [`'a':1A 'b c':2`]],
    ["tsquery", ["'a' & !'b'"]],
    ["pg_lsn", ["FFFFFFFF/FFFFFFFF"]],
    ["oid", ["4294967295"]],
    ["xid8", ["18446744073709551615"]],
    ["regclass", ["pg_class"]],
  ])("%s takes what PostgreSQL prints and prints it again", async (type, values) => {
    await target.reset(`${setUp} CREATE TABLE t (id int4 PRIMARY KEY, v ${type})`);
    const table = new WrittenTable("t", { id: "int4*", v: "text" });
    const log = logOf([...values, null].map((v, id) => table.create({ id, v })));
    const changes = [...values, null].map((_, i) => i);
    await target.run(insertStatement(await target.table(table)), log, changes);
    const printed = async (): Promise<unknown[]> => {
      const { rows } = await target.session.client.query<unknown[]>({ text: "SELECT format('%s', v) AS v FROM t ORDER BY id", rowMode: "array" });
      return rows.flat();
    };
    expect(await printed()).toEqual([...values, ""]);
    expect(await target.run(updateStatement(await target.table(table), all(2)), log, changes)).toBe(changes.length);
    expect(await printed()).toEqual([...values, ""]);
  });

  test.each([
    ["citext", "ABC"],
    ["mood", "sad"],
    ["shorter", "abc"],
    ["int4[]", "{1,2}"],
    ["pair", "(1,a)"],
    ["numeric", "1.50"],
    ["char(4)", "ab  "],
    ["timestamptz", "infinity"],
    ["uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"],
    ["int4range", "[1,5)"],
    ["inet", "10.0.0.1/8"],
    ["jsonb", `{"a": 1}`],
    ["hstore", `"a"=>"1"`],
    ["bit(4)", "1010"],
  ])("a key of type %s finds its row", async (type, key) => {
    await target.reset(`${setUp} CREATE TABLE t (id ${type} PRIMARY KEY, v int4)`);
    const table = new WrittenTable("t", { id: "text*", v: "int4" });
    const read = await target.table(table);
    const log = logOf([
      table.create({ id: key, v: 1 }),
      table.update({ id: key, v: 2 }),
      table.move({ id: key }, { id: key, v: 3 }),
      table.delete({ id: key }),
    ]);
    expect(await target.run(insertStatement(read), log, [0])).toBe(1);
    expect(await target.run(updateStatement(read, all(2)), log, [1])).toBe(1);
    expect(await target.run(moveStatement(read, all(2)), log, [2])).toBe(1);
    expect(await target.run(upsertStatement(read), log, [0])).toBe(1);
    expect((await target.texts("t")).length).toBe(1);
    expect(await target.run(deleteStatement(read), log, [3])).toBe(1);
  });

  test("an extension's type is found wherever the extension lives", async () => {
    await target.reset(
      "CREATE SCHEMA extensions; CREATE EXTENSION citext SCHEMA extensions; CREATE TABLE t (id extensions.citext PRIMARY KEY, v extensions.citext)",
    );
    const table = new WrittenTable("t", { id: "text*", v: "text" });
    const read = await target.table(table);
    const log = logOf([table.create({ id: "Key", v: "Value" }), table.update({ id: "KEY", v: "Other" })]);
    expect(await target.run(insertStatement(read), log, [0])).toBe(1);
    expect(await target.run(updateStatement(read, all(2)), log, [1])).toBe(1);
    expect(await target.texts("t")).toEqual(["(Key,Other)"]);
  });
});

describe("columns that the server fills in", () => {
  test("generated columns are left to the server", async () => {
    await target.reset("CREATE TABLE t (id int4 PRIMARY KEY, a int4, doubled int4 GENERATED ALWAYS AS (a * 2) STORED)");
    const table = new WrittenTable("t", { id: "int4*", a: "int4", doubled: "int4" });
    const read = await target.table(table);
    const log = logOf([
      table.create({ id: 1, a: 2, doubled: 99 }),
      table.update({ id: 1, a: 3, doubled: 99 }),
      table.move({ id: 1 }, { id: 2, a: 4, doubled: 99 }),
    ]);
    await target.run(insertStatement(read), log, [0]);
    await target.run(updateStatement(read, all(3)), log, [1]);
    await target.run(moveStatement(read, all(3)), log, [2]);
    await target.run(upsertStatement(read), logOf([table.create({ id: 2, a: 5, doubled: 99 })]), [0]);
    expect(await target.texts("t")).toEqual(["(2,5,10)"]);
  });

  for (const always of ["ALWAYS", "BY DEFAULT"]) {
    test(`a key that is GENERATED ${always} AS IDENTITY takes the source's values, moves, and keeps what only the target knows`, async () => {
      await target.reset(
        `CREATE TABLE t (doc json, id int4 GENERATED ${always} AS IDENTITY PRIMARY KEY, a text, own json DEFAULT '{"mine": 1}', up text GENERATED ALWAYS AS (upper(a)) STORED)`,
      );
      const table = new WrittenTable("t", { doc: "json", id: "int4*", a: "text" });
      const read = await target.table(table);
      const log = logOf([
        table.create({ id: 7, a: "x", doc: "{}" }),
        table.create({ id: 8, a: "y", doc: "[1]" }),
        table.update({ id: 7, a: "z", doc: null }, ["doc"]),
        table.move({ id: 7 }, { id: 9, a: "m", doc: null }, ["doc"]),
        table.move({ id: 8 }, { id: 7, a: "n", doc: null }, ["doc"]),
        table.move({ id: 6 }, { id: 5, a: "nobody", doc: null }, ["doc"]),
        table.move({ id: 9 }, { id: 10, a: "m", doc: "[9]" }),
      ]);
      expect(await target.run(insertStatement(read), log, [0, 1])).toBe(2);
      await target.admin.query(`UPDATE t SET own = '{"kept": 1}'`);
      expect(await target.run(updateStatement(read, knownColumns(log, 2)), log, [2])).toBe(1);
      expect(await target.run(moveStatement(read, knownColumns(log, 3)), log, [3, 5])).toBe(1);
      expect(await target.run(moveStatement(read, knownColumns(log, 4)), log, [4])).toBe(1);
      expect(await target.texts("t", "id")).toEqual([`([1],7,n,"{""kept"": 1}",N)`, `({},9,m,"{""kept"": 1}",M)`]);
      expect(await target.run(moveStatement(read, all(3)), log, [6])).toBe(1);
      expect(await target.texts("t", "id")).toContain(`([9],10,m,"{""kept"": 1}",M)`);
      expect(await target.run(upsertStatement(read), logOf([table.create({ id: 10, a: "over", doc: "2" })]), [0])).toBe(1);
      expect(await target.texts("t", "id")).toContain(`(2,10,over,"{""kept"": 1}",OVER)`);
    });
  }

  test("rows whose identity is GENERATED ALWAYS take each other's keys in one statement", async () => {
    await target.reset(
      "CREATE TABLE t (id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text); INSERT INTO t (a) VALUES ('one'), ('two'), ('three')",
    );
    const table = new WrittenTable("t", { id: "int4*", a: "text" });
    const log = logOf([table.move({ id: 1 }, { id: 11, a: "one" }), table.move({ id: 2 }, { id: 1, a: "two" })]);
    expect(await target.run(moveStatement(await target.table(table), all(2)), log, [0, 1])).toBe(2);
    expect(await target.texts("t")).toEqual(["(1,two)", "(11,one)", "(3,three)"]);
  });

  test("an identity beside the key: an update finds the row only where it is the same, a replacement sets it", async () => {
    await target.reset("CREATE TABLE t (k text PRIMARY KEY, id int4 GENERATED ALWAYS AS IDENTITY, a text); INSERT INTO t (k, a) VALUES ('x', 'one')");
    const table = new WrittenTable("t", { k: "text*", id: "int4", a: "text" });
    const read = await target.table(table);
    const log = logOf([table.update({ k: "x", id: 1, a: "same" }), table.update({ k: "x", id: 5, a: "other" })]);
    expect(await target.run(updateStatement(read, all(3)), log, [0])).toBe(1);
    expect(await target.run(updateStatement(read, all(3)), log, [1])).toBe(0);
    expect(await target.run(moveStatement(read, all(3), "row"), log, [1])).toBe(1);
    expect(await target.texts("t")).toEqual(["(x,5,other)"]);
  });
});

/** Sends every statement to a table with these names. @returns the rows that each touched, and the row in between */
async function everyStatement(schema: string, name: string, columns: readonly string[], identity: string): Promise<unknown[]> {
  const quoted = [schema, name].map(escapeIdentifier).join(".");
  const [key = "", first = "", second = "", own = ""] = columns;
  const definitions = [first, second, own].map((column) => `${escapeIdentifier(column)} text`).join(", ");
  await target.reset(
    `CREATE SCHEMA IF NOT EXISTS ${escapeIdentifier(schema)}; CREATE TABLE ${quoted} (${escapeIdentifier(key)} int4 ${identity} PRIMARY KEY, ${definitions})`,
  );
  const table = new WrittenTable(name, { [key]: "int4*", [first]: "text", [second]: "text" }, { schema });
  const read = await target.table(table);
  const log = logOf([
    table.create({ [key]: 1, [first]: "a", [second]: "b" }),
    table.update({ [key]: 1, [first]: "c", [second]: null }, [second]),
    table.move({ [key]: 1 }, { [key]: 2, [first]: null, [second]: "d" }, [first]),
    table.create({ [key]: 2, [first]: "e", [second]: "f" }),
    table.delete({ [key]: 2 }),
  ]);
  const inserted = await target.run(insertStatement(read), log, [0]);
  await target.admin.query(`UPDATE ${quoted} SET ${escapeIdentifier(own)} = 'own'`);
  const updated = await target.run(updateStatement(read, knownColumns(log, 1)), log, [1]);
  const moved = await target.run(moveStatement(read, knownColumns(log, 2)), log, [2]);
  const rows = await target.texts(read.name);
  const upserted = await target.run(upsertStatement(read), log, [3]);
  rows.push(...(await target.texts(read.name)));
  const deleted = await target.run(deleteStatement(read), log, [4]);
  await target.session.client.query(truncateSql([read]));
  return [inserted, updated, moved, upserted, deleted, ...rows];
}

const everyStatementDone = [1, 1, 1, 1, 1, "(2,c,d,own)", "(2,e,f,own)"];

describe("names", () => {
  const odd = [
    'q"uote',
    "do.t",
    "CamelCase",
    "größe ☃",
    "select",
    "a b",
    "'single'",
    "$1",
    "_u0041x",
    "back\\slash",
    "tab\there",
    "%s",
    "x".repeat(63),
  ];

  test.each(odd)("%j as schema, table and column", async (name) => {
    const columns = [name, ...["1", "2", "3"].map((digit) => `${name.slice(0, 61)}${digit}`)];
    expect(await everyStatement(name, name, columns, "")).toEqual(everyStatementDone);
  });

  const ours = ["t", "v", "excluded", "gone", "o$0", "k$0", "old", "new", "existed", "unnest"];

  test.each(ours)("%j, which the statements use themselves, as table and columns", async (name) => {
    const others = ours.filter((each) => each !== name);
    for (const identity of ["", "GENERATED ALWAYS AS IDENTITY"]) {
      expect(await everyStatement("public", name, [name, ...others.slice(0, 3)], identity)).toEqual(everyStatementDone);
      expect(await everyStatement("public", name, [...others.slice(3, 6), name], identity)).toEqual(everyStatementDone);
      expect(await everyStatement("public", name, [...others.slice(6, 9), name], identity)).toEqual(everyStatementDone);
    }
  });
});
