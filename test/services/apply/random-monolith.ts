/**
 * A monolith with every kind of column, and a load that writes what is hard to carry: extremes, texts that look like syntax, values stored out of line,
 * changes of key. The same seed gives the same statements.
 */
import fc from "fast-check";
import type { Client } from "pg";

/** Type of each column of `everything`, and values of it as PostgreSQL reads them. */
export const columns: readonly (readonly [type: string, values: readonly string[]])[] = [
  ["bool", ["t", "f"]],
  ["int2", ["0", "-32768", "32767"]],
  ["int4", ["0", "-2147483648", "2147483647", "127", "128", "-129"]],
  ["int8", ["0", "-9223372036854775808", "9223372036854775807", "4503599627370497", "-4294967297", "999999999999999", "1000000000000000"]],
  ["float4", ["0", "-0", "NaN", "Infinity", "-Infinity", "0.1", "1e-45", "3.4028235e38", "50331648"]],
  ["float8", ["0", "-0", "NaN", "Infinity", "-Infinity", "0.1", "5e-324", "1.7976931348623157e308", "18014398509481988"]],
  ["numeric", ["0", "0.000", "NaN", "Infinity", "-Infinity", "1.5000", `1${"0".repeat(300)}.${"0".repeat(50)}1`, "-0.0000000000000000000000001"]],
  ["numeric(18,8)", ["0", "-1234567890.12345678", "0.00000001"]],
  ["money", ["-92233720368547758.08", "0.01"]],
  ["text", ["", "NULL", "null", "\\N", "\\x", "{}", '{"a"}', "'", '"', "a\nb\tc", "ä ö ☃ 🐘", " lead and trail ", "x".repeat(3000)]],
  ["varchar(5)", ["", "abcde", "ä ☃ "]],
  ["char(4)", ["", "a", "ab  "]],
  ['"char"', ["x", ""]],
  ["name", ["a_name"]],
  ["bytea", ["\\x", "\\x00ff", `\\x${"5c".repeat(2000)}`]],
  ["date", ["infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "2024-02-29"]],
  ["time", ["00:00:00", "24:00:00", "23:59:59.999999"]],
  ["timetz", ["24:00:00-15:59:59", "00:00:00+15:59:59", "12:00:00.5+02"]],
  ["timestamp", ["infinity", "-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999", "2024-01-01 00:00:00.1"]],
  ["timestamptz", ["infinity", "-infinity", "4714-11-24 00:00:00+00 BC", "2024-03-31 01:30:00+00"]],
  ["interval", ["0", "-1 years -2 mons +3 days -04:05:06.789", "178000000 years", "infinity", "1 day -1 hour"]],
  ["interval day to second(3)", ["1 day 02:03:04.567"]],
  ["bit(5)", ["10101", "00000"]],
  ["varbit(8)", ["", "1", "11110000"]],
  ["uuid", ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]],
  ["json", ['{"b":1, "a" : [1,2], "b":2}', "null", '"\\u00e4"', "1e400"]],
  ["jsonb", ['{"b":1, "a":[1.10,{"c":null}]}', "null", "1.0", '"\\u00e4"']],
  ["jsonpath", ["$.a[*] ? (@ > 1)"]],
  ["xml", ["<a b='c'>d</a>", "text <b/> text"]],
  ["inet", ["10.1.2.3/8", "::1", "192.168.0.1"]],
  ["cidr", ["10.0.0.0/8", "2001:db8::/32"]],
  ["macaddr", ["08:00:2b:01:02:03"]],
  ["macaddr8", ["08:00:2b:01:02:03:04:05"]],
  ["point", ["(0,-0)", "(NaN,Infinity)", "(0.1,1e-300)"]],
  ["line", ["{1,2,3}"]],
  ["lseg", ["[(0,0),(1,1)]"]],
  ["box", ["(1,1),(0,0)"]],
  ["path", ["[(0,0),(1,1)]", "((0,0),(1,1))"]],
  ["polygon", ["((0,0),(1,1),(1,0))"]],
  ["circle", ["<(0,0),2>"]],
  ["tsvector", ["'a':1A,2 'b c':3", ""]],
  ["tsquery", ["'a' & !( 'b' | 'c':* )"]],
  ["pg_lsn", ["FFFFFFFF/FFFFFFFF", "0/0"]],
  ["oid", ["0", "4294967295"]],
  ["xid8", ["18446744073709551615"]],
  ["int4range", ["empty", "[1,5)", "(,)", "(,7)"]],
  ["numrange", ["[1.0,1.5]", "(-infinity,infinity)"]],
  ["tstzrange", ['["2024-01-01 00:00:00+00",infinity)', "(,)"]],
  ["datemultirange", ["{}", "{[2024-01-01,2024-02-01),[2024-03-01,)}"]],
  ["int4[]", ["{}", "{1,NULL,-3}", "{{1,2},{3,4}}", "[0:1]={5,6}", "[2:2][-1:0]={{7,8}}"]],
  ["text[]", ["{}", '{"",NULL,"NULL","a b","\\"","\\\\","{}",","}']],
  ["float8[]", ["{NaN,-0,Infinity}"]],
  ["timestamptz[]", ['{infinity,"2024-01-01 00:00:00+00"}']],
  ["mood", ["sad", 'it\'s "fine"', "ä, b"]],
  ["mood[]", ['{sad,NULL,"ä, b"}']],
  ["short", ["", "abc"]],
  ["positive", ["1", "100"]],
  ["pair", ['(1,"a, ""b""")', "(,)", '(,"")']],
  ["pair[]", ['{"(1,a)","(,)"}']],
  ["short[]", ["{abc,NULL}"]],
  ["nested", ['("(1,x)","{1,2}",sad)']],
];

const everything = columns.map(([type], i) => `c${i} ${type}`).join(", ");

/** The types of some of its columns. */
export const typesSql = `
  CREATE TYPE mood AS ENUM ('sad', 'it''s "fine"', 'ä, b');
  CREATE DOMAIN short AS varchar(3);
  CREATE DOMAIN positive AS int4 CHECK (VALUE > 0);
  CREATE TYPE pair AS (a int4, b text);
  CREATE TYPE nested AS (p pair, n int4[], m mood);
`;

export const monolithSql = `${typesSql}
  CREATE TABLE everything (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ${everything}, doubled int4 GENERATED ALWAYS AS (c1 * 2) STORED);
  CREATE TABLE docs (id int4 PRIMARY KEY, title text, body text, meta jsonb, version int4 NOT NULL DEFAULT 1);
  ALTER TABLE docs ALTER body SET STORAGE EXTERNAL, ALTER meta SET STORAGE EXTERNAL;
  CREATE TABLE places (region text, code char(3), at numeric(10,2), rank int4 UNIQUE, PRIMARY KEY (code, region, at));
  CREATE TABLE lines (who text, doc json, score float8, blob bytea);
  ALTER TABLE lines REPLICA IDENTITY FULL;
  CREATE TABLE wholes (id uuid PRIMARY KEY, note text, body text);
  ALTER TABLE wholes REPLICA IDENTITY FULL;
  ALTER TABLE wholes ALTER body SET STORAGE EXTERNAL;
  CREATE TABLE "Odd ""Name.s" ("select" int4 PRIMARY KEY, "ü ☃" text, "a.b" timestamptz, "_u0041" bool);
`;

/** Each with what orders its rows. */
export const monolithTables: Readonly<Record<string, string>> = {
  everything: "id",
  docs: "id",
  places: "code, region, at",
  lines: "1",
  wholes: "id",
  '"Odd ""Name.s"': '"select"',
};

/** A statement, and its parameters as texts. */
interface Write {
  readonly sql: string;
  readonly values: readonly (string | null)[];
}

export interface Transaction {
  readonly writes: readonly Write[];
  /** These writes of it are rolled back to a savepoint. */
  readonly undone: readonly Write[];
}

const id = fc.integer({ min: 1, max: 12 }).map(String);
const large = fc.constantFrom("x", "yz", "ä").map((text) => text.repeat(4000));

function write(sql: string, ...values: fc.Arbitrary<string | null>[]): fc.Arbitrary<Write> {
  return fc.tuple(...values).map((given) => ({ sql, values: given }));
}

/** Some columns of `everything`, with a value each. */
const someColumns = fc
  .uniqueArray(fc.integer({ min: 0, max: columns.length - 1 }), { minLength: 1, maxLength: 20 })
  .chain((chosen) => fc.tuple(...chosen.map((i) => fc.option(fc.constantFrom(...columns[i]![1])).map((value) => [i, value] as const))));

const anyRow = (table: string, key: string): string =>
  `(SELECT ${key} FROM ${table} ORDER BY ${key} OFFSET $1::int % greatest((SELECT count(*) FROM ${table}), 1) LIMIT 1)`;

const writes: fc.Arbitrary<Write> = fc.oneof(
  {
    weight: 4,
    arbitrary: someColumns.map((chosen) => ({
      sql: `INSERT INTO everything (${chosen.map(([i]) => `c${i}`).join(", ")}) VALUES (${chosen.map(([i], at) => `$${at + 1}::text::${columns[i]![0]}`).join(", ")})`,
      values: chosen.map(([, value]) => value),
    })),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(id, someColumns).map(([row, chosen]) => ({
      sql: `UPDATE everything SET ${chosen.map(([i], at) => `c${i} = $${at + 2}::text::${columns[i]![0]}`).join(", ")} WHERE id = ${anyRow("everything", "id")}`,
      values: [row, ...chosen.map(([, value]) => value)],
    })),
  },
  write(`DELETE FROM everything WHERE id = ${anyRow("everything", "id")}`, id),
  write(`UPDATE everything SET id = DEFAULT WHERE id = ${anyRow("everything", "id")}`, id),
  {
    weight: 2,
    arbitrary: write(
      "INSERT INTO docs (id, title, body, meta) VALUES ($1, $2, $3, jsonb_build_object('k', $3::text)) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
      id,
      fc.constantFrom("a", "b"),
      large,
    ),
  },
  { weight: 3, arbitrary: write("UPDATE docs SET title = $2, version = version + 1 WHERE id = $1", id, fc.constantFrom("c", null)) },
  write("UPDATE docs SET id = $2 WHERE id = $1", id, id),
  write("UPDATE docs SET body = $2 WHERE id = $1", id, fc.constantFrom(null, "short")),
  write("DELETE FROM docs WHERE id = $1", id),
  {
    weight: 2,
    arbitrary: write(
      "INSERT INTO places VALUES ($1, $2, $3, $4)",
      fc.constantFrom("n", "s", ""),
      fc.constantFrom("a", "b", "abc"),
      fc.constantFrom("1", "1.50"),
      id,
    ),
  },
  write("UPDATE places SET region = $2, at = at + 1 WHERE region = $1", fc.constantFrom("n", "s"), fc.constantFrom("n", "e")),
  write("UPDATE places SET rank = NULL WHERE rank = $1", id),
  write("UPDATE places SET rank = $1 WHERE rank IS NULL", id),
  write("DELETE FROM places WHERE code = $1", fc.constantFrom("a", "abc")),
  {
    weight: 3,
    arbitrary: write(
      "INSERT INTO lines VALUES ($1, $2, $3, $4)",
      fc.constantFrom("a", null),
      fc.constantFrom('{"a":1}', '{"a" :1}', null),
      fc.constantFrom("-0", "0", "NaN"),
      fc.constantFrom("\\x00", null),
    ),
  },
  write("UPDATE lines SET who = $1 WHERE ctid = (SELECT min(ctid) FROM lines)", fc.constantFrom("b", null)),
  write("UPDATE lines SET score = score WHERE who = $1", fc.constantFrom("a", "b")),
  write("DELETE FROM lines WHERE ctid = (SELECT max(ctid) FROM lines WHERE who IS NOT DISTINCT FROM $1)", fc.constantFrom("a", "b", null)),
  {
    weight: 2,
    arbitrary: write("INSERT INTO wholes VALUES (lpad($1, 32, '0')::uuid, 'n', $2) ON CONFLICT (id) DO UPDATE SET note = 'again'", id, large),
  },
  write("UPDATE wholes SET note = $2 WHERE id = lpad($1, 32, '0')::uuid", id, fc.constantFrom("m", null)),
  write("DELETE FROM wholes WHERE id = lpad($1, 32, '0')::uuid", id),
  write(
    `INSERT INTO "Odd ""Name.s" VALUES ($1, $2, '2024-01-01 00:00:00+00', true) ON CONFLICT ("select") DO UPDATE SET "ü ☃" = 'over', "_u0041" = NOT "Odd ""Name.s"."_u0041"`,
    id,
    fc.constantFrom("x", null),
  ),
  write("INSERT INTO lines SELECT 'many', NULL, n, NULL FROM generate_series(1, $1::int * 10) AS n", id),
  { weight: 1, arbitrary: fc.constantFrom({ sql: "TRUNCATE lines", values: [] }, { sql: "TRUNCATE docs, places", values: [] }) },
);

export const transactions: fc.Arbitrary<Transaction> = fc.record({
  writes: fc.array(writes, { minLength: 1, maxLength: 8 }),
  undone: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(writes, { minLength: 1, maxLength: 3 }) }),
});

/** Runs one transaction; a statement that the monolith refuses is left out. */
export async function run(monolith: Client, { writes: kept, undone }: Transaction): Promise<void> {
  await monolith.query("BEGIN");
  for (const each of kept) await attempt(monolith, each);
  if (undone.length > 0) {
    await monolith.query("SAVEPOINT undone");
    for (const each of undone) await attempt(monolith, each);
    await monolith.query("ROLLBACK TO SAVEPOINT undone");
  }
  await monolith.query("COMMIT");
}

async function attempt(monolith: Client, { sql, values }: Write): Promise<void> {
  await monolith.query("SAVEPOINT statement");
  try {
    await monolith.query(sql, [...values]);
    await monolith.query("RELEASE SAVEPOINT statement");
  } catch (error) {
    // 23: a key or a check of the monolith's own.
    if (!(error instanceof Error && "code" in error && String(error.code).startsWith("23"))) throw error;
    await monolith.query("ROLLBACK TO SAVEPOINT statement");
  }
}
