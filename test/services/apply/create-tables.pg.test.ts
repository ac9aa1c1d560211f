import { readFileSync } from "node:fs";
import type { Client } from "pg";
import { describe, expect, test } from "vitest";
import { listTables } from "../../../connectors/postgres/catalog-tables.ts";
import { readCatalog } from "../../../connectors/postgres/catalog.ts";
import { comparable } from "./comparable-catalog.ts";
import { databasePair } from "./database-pair.ts";
import { serverViews } from "./server-views.ts";

const rich = ["rich-schema.sql", "rich-schema-18.sql"].map((file) => readFileSync(new URL(file, import.meta.url), "utf8")).join("\n");
const richExtensions = "CREATE EXTENSION citext; CREATE EXTENSION btree_gist; CREATE EXTENSION pg_trgm";

async function catalog(client: Client, schema = "public"): Promise<Record<string, unknown>> {
  return comparable(await readCatalog(client, await listTables(client), [schema, "public"]), schema);
}

async function value(client: Client, sql: string): Promise<unknown> {
  const { rows } = await client.query<unknown[]>({ text: sql, rowMode: "array" });
  return rows[0]?.[0];
}

/** Everything of the database's own that has a name, with its definition's version. */
async function fingerprint(client: Client): Promise<unknown> {
  const tables = ["pg_class", "pg_type", "pg_constraint", "pg_attrdef", "pg_namespace", "pg_trigger", "pg_collation"];
  const all = tables.map((table) => `SELECT '${table}' AS kind, oid, xmin::text FROM ${table} WHERE oid >= 16384`).join(" UNION ALL ");
  return value(client, `SELECT jsonb_agg(to_jsonb(o) ORDER BY kind, oid)::text FROM (${all}) AS o`);
}

const ownersAndPrivileges = { what: "owners and privileges", why: expect.any(String) };

describe("the round trip", () => {
  test("loses nothing: the target's catalogs say what the source's say", async () => {
    await using pair = await databasePair(rich, richExtensions);
    const report = await pair.create();
    expect(report.leftOut).toEqual([ownersAndPrivileges]);
    expect(report.created).toEqual(await listTables(pair.source));
    expect(await serverViews(pair.target)).toEqual(await serverViews(pair.source));
    expect(await catalog(pair.target)).toEqual(await catalog(pair.source));
  });

  test("loses nothing where the two databases print and read everything in other ways", async () => {
    await using pair = await databasePair(rich, richExtensions, {
      source: [
        "DateStyle = 'SQL, DMY'",
        "IntervalStyle = 'sql_standard'",
        "TimeZone = 'Asia/Kathmandu'",
        "standard_conforming_strings = off",
        "quote_all_identifiers = on",
        "extra_float_digits = -10",
        "bytea_output = 'escape'",
        "search_path = other, pg_catalog",
        "default_transaction_isolation = 'serializable'",
      ],
      target: ["DateStyle = 'Postgres, MDY'", "xmloption = document", "search_path = ''", "default_transaction_read_only = on"],
    });
    const report = await pair.create();
    expect(report.leftOut).toEqual([ownersAndPrivileges]);
    expect(await catalog(pair.target)).toEqual(await catalog(pair.source));
    expect(await serverViews(pair.target)).toEqual(await serverViews(pair.source));
  });

  test("into a schema of another name, where defaults, checks and sequences still mean the same", async () => {
    const schema = `Dienst "1".é`;
    await using pair = await databasePair(rich, richExtensions);
    const { source, target } = pair;
    const report = await pair.create(undefined, schema);
    // The one name that no search_path can map: hidden behind pg_catalog's, it is printed as public.date.
    expect(report.leftOut).toEqual([
      ownersAndPrivileges,
      { what: `default of ${schema}.every_column.dated`, why: `the target says: type "public.date" does not exist` },
    ]);
    await source.query("ALTER TABLE every_column ALTER COLUMN dated DROP DEFAULT");
    expect(await catalog(target, schema)).toEqual(await catalog(source));

    await target.query(`SET search_path = "Dienst ""1"".é", public`);
    const insert = "INSERT INTO every_column (sorted2, number_p) VALUES ('x', 2) RETURNING *";
    const row = `WITH row AS (${insert}) SELECT (to_jsonb(row) - '{tstz,uuid_}'::text[])::text FROM row`;
    expect(await value(target, row)).toEqual(await value(source, row));
    expect(await value(target, `SELECT last_value FROM "Dienst ""1"".é".every_column_id_seq WHERE is_called`)).toBe("1");
    const refused = "INSERT INTO parents (id, tenant, code, mood) VALUES (1, 1, 'A', '')";
    for (const client of [source, target]) await expect(client.query(refused)).rejects.toThrow(/violates check constraint "sane"/);
  });

  test("does not copy REPLICA IDENTITY: nobody replicates from the target", async () => {
    await using pair = await databasePair("CREATE TABLE a (id int PRIMARY KEY, b int); ALTER TABLE a REPLICA IDENTITY FULL");
    await pair.create();
    const { tables } = await readCatalog(pair.target, await listTables(pair.target));
    expect(tables[0]?.replicaIdentity).toEqual({ kind: "default", columns: ["id"] });
  });
});

describe("what the target has already", () => {
  test("a second run does nothing", async () => {
    await using pair = await databasePair(rich, richExtensions);
    const first = await pair.create();
    const before = await fingerprint(pair.target);
    expect(await pair.create()).toEqual({ created: [], present: first.created, reused: [], leftOut: [] });
    expect(await fingerprint(pair.target)).toBe(before);
  });

  test("two runs at once: one creates, the other finds it done", async () => {
    const sql = "CREATE TYPE t AS ENUM (); CREATE TABLE a (id serial PRIMARY KEY, t t); CREATE TABLE b (a int REFERENCES a)";
    // A snapshot that is older than the lock would not see what the run before has made.
    await using pair = await databasePair(sql, "SELECT", { source: [], target: ["default_transaction_isolation = 'repeatable read'"] });
    const sessions = await Promise.all([pair.sessions(), pair.sessions(), pair.sessions()]);
    const reports = await Promise.all(sessions.map(async (each) => pair.create(["a", "b"], "public", each)));
    expect(reports.map(({ created, present }) => `${created.length} created, ${present.length} present`)).toEqual(
      expect.arrayContaining(["2 created, 0 present", "0 created, 2 present"]),
    );
    expect(reports.filter(({ created }) => created.length > 0).length).toBe(1);
  });

  test("a table of another shape is left alone, with everything that would change it", async () => {
    await using pair = await databasePair(
      `CREATE TABLE there (id int PRIMARY KEY, a text DEFAULT 'x' CHECK (a <> ''));
       CREATE INDEX there_a ON there (a);
       COMMENT ON TABLE there IS 'a comment';
       CREATE TABLE new_one (id int PRIMARY KEY, there int REFERENCES there)`,
      "CREATE TABLE there (other int, id int); CREATE INDEX there_b ON there (id)",
    );
    const before = await value(pair.target, "SELECT string_agg(c.*::text, '; ' ORDER BY oid) FROM pg_class c WHERE relname ~ '^there'");
    const report = await pair.create();
    expect(report).toMatchObject({ created: [{ schema: "public", table: "new_one" }], present: [{ schema: "public", table: "there" }] });
    expect(report.leftOut).toContainEqual({
      what: "foreign key new_one_there_fkey of public.new_one",
      why: `the target says: there is no unique constraint matching given keys for referenced table "there"`,
    });
    expect(await value(pair.target, "SELECT string_agg(c.*::text, '; ' ORDER BY oid) FROM pg_class c WHERE relname ~ '^there'")).toBe(before);
  });

  test("a foreign key to a table that was there is made where that has the key", async () => {
    const there = "CREATE TABLE there (id int PRIMARY KEY)";
    await using pair = await databasePair(`${there}; CREATE TABLE new_one (id int, there int REFERENCES there)`, there);
    const report = await pair.create();
    expect(report.leftOut).toEqual([ownersAndPrivileges]);
    expect(await catalog(pair.target)).toEqual(await catalog(pair.source));
  });

  test("types, collations and sequences that are there are used as they are", async () => {
    await using pair = await databasePair(
      `CREATE TYPE mood AS ENUM ('a', 'b'); CREATE COLLATION c (PROVIDER = icu, LOCALE = 'de');
       CREATE TABLE t (id serial, mood mood DEFAULT 'a', c text COLLATE c, i int GENERATED ALWAYS AS IDENTITY (START WITH 7))`,
      `CREATE TYPE mood AS ENUM ('b', 'a', 'more'); CREATE COLLATION c (PROVIDER = icu, LOCALE = 'fr');
       CREATE SEQUENCE t_id_seq START WITH 50; CREATE SEQUENCE t_i_seq`,
    );
    const report = await pair.create();
    expect(report.reused).toEqual(["type public.mood", "sequence public.t_id_seq", "collation public.c"]);
    expect(await value(pair.target, "SELECT enum_range(NULL::mood)::text")).toBe("{b,a,more}");
    // The sequence was somebody's before: it is drawn from, not owned. An identity column has to have its own, by another name.
    expect(await value(pair.target, "SELECT pg_get_serial_sequence('t', 'id')")).toBe(null);
    expect(await value(pair.target, "INSERT INTO t (c) VALUES ('x') RETURNING id || ' ' || i")).toBe("50 7");
  });

  test("a partition is not attached to a parent that was there, and the statement that would do it is on the list", async () => {
    const parent = "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id)";
    await using pair = await databasePair(`${parent}; CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9)`, parent);
    const report = await pair.create();
    expect(report.leftOut[0]).toEqual({
      what: "public.p1 as a partition of public.p",
      why: `public.p was at the target before and is left alone; by hand: ALTER TABLE "public"."p" ATTACH PARTITION "public"."p1" FOR VALUES FROM (1) TO (9)`,
    });
    expect(await value(pair.target, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'p'::regclass")).toBe("0");
  });
});

describe("what crosses the border of the service", () => {
  test("foreign keys in both directions are left out and listed", async () => {
    await using pair = await databasePair(
      `CREATE SCHEMA elsewhere;
       CREATE TABLE users (id int PRIMARY KEY, best_trade int);
       CREATE TABLE trades (id int PRIMARY KEY, "user" int CONSTRAINT "to users" REFERENCES users, parent int REFERENCES trades);
       CREATE TABLE fills (trade int REFERENCES trades, "user" int REFERENCES users);
       CREATE TABLE elsewhere.audit (trade int REFERENCES trades);
       ALTER TABLE users ADD CONSTRAINT best FOREIGN KEY (best_trade) REFERENCES trades`,
    );
    const report = await pair.create(["trades", "fills"]);
    expect(report.leftOut).toEqual([
      { what: "foreign key fills_user_fkey of public.fills to public.users", why: "public.users is not the service's" },
      { what: "foreign key to users of public.trades to public.users", why: "public.users is not the service's" },
      { what: "foreign key audit_trade_fkey of elsewhere.audit to public.trades", why: "elsewhere.audit is not the service's" },
      { what: "foreign key best of public.users to public.trades", why: "public.users is not the service's" },
      ownersAndPrivileges,
    ]);
    const made = "SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint WHERE contype = 'f'";
    expect(await value(pair.target, made)).toBe("fills_trade_fkey trades_parent_fkey");
  });

  test("a partition without its parent is a table with all that it has from it", async () => {
    await using pair = await databasePair(
      `CREATE TABLE r (id int PRIMARY KEY);
       CREATE TABLE p (id int GENERATED ALWAYS AS IDENTITY, r int REFERENCES r, CHECK (r > 0), PRIMARY KEY (id), EXCLUDE USING btree (id WITH =)) PARTITION BY RANGE (id);
       CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9);
       CREATE INDEX p_r ON p (r)`,
    );
    const report = await pair.create(["p1", "r"]);
    expect(report.leftOut).toEqual([
      { what: "public.p1 as a partition of public.p", why: expect.stringMatching(/^public.p is not the service's; by hand: ALTER TABLE/) },
      { what: "foreign key p_r_fkey of public.p to public.r", why: "public.p is not the service's" },
      ownersAndPrivileges,
    ]);
    const { tables } = await readCatalog(pair.target, [{ schema: "public", table: "p1" }]);
    expect(tables[0]).toMatchObject({ kind: "ordinary", primaryKey: ["id"], columns: [{ identity: { kind: "always" } }, { identity: null }] });
    expect(tables[0]?.constraints.map(({ kind }) => kind).toSorted()).toEqual(["check", "exclusion", "foreign key", "not null", "primary key"]);
    expect(tables[0]?.indexes.map(({ name }) => name)).toContain("p1_r_idx");
  });

  test("a child without its parent has its columns and checks", async () => {
    await using pair = await databasePair("CREATE TABLE p (id int CHECK (id > 0)); CREATE TABLE c (own int) INHERITS (p)");
    const report = await pair.create(["c"]);
    expect(report.leftOut).toEqual([{ what: "inheritance of public.c from public.p", why: "public.p is not the service's" }, ownersAndPrivileges]);
    await expect(pair.target.query("INSERT INTO c (id) VALUES (0)")).rejects.toThrow(/p_id_check/);
  });

  test("a sequence that other services draw from too is listed, and another's is nobody's", async () => {
    await using pair = await databasePair(
      `CREATE SEQUENCE shared; CREATE TABLE ours (id bigint DEFAULT nextval('shared'), b bigint DEFAULT nextval('shared'));
       CREATE TABLE theirs (id serial, s bigint DEFAULT nextval('shared'), i bigint GENERATED ALWAYS AS IDENTITY);
       ALTER TABLE ours ADD COLUMN c int DEFAULT nextval('theirs_id_seq'), ADD COLUMN d int DEFAULT nextval('theirs_i_seq')`,
    );
    const report = await pair.create(["ours"]);
    const notTheirs = "public.theirs is not the service's";
    const two = "of other services draw from it too: after a cutover two databases hand out the same numbers";
    expect(report.leftOut).toEqual([
      { what: "one count for sequence public.shared", why: `public.theirs.s ${two}` },
      { what: "owner public.theirs.i of sequence public.theirs_i_seq", why: notTheirs },
      { what: "one count for sequence public.theirs_id_seq", why: `public.theirs.id ${two}` },
      { what: "owner public.theirs.id of sequence public.theirs_id_seq", why: notTheirs },
      ownersAndPrivileges,
    ]);
    expect(await value(pair.target, "INSERT INTO ours DEFAULT VALUES RETURNING ours::text")).toBe("(1,2,1,1)");
  });

  test("the row type of another service's table is an error; that of an own table comes with it", async () => {
    await using pair = await databasePair(
      `CREATE TABLE z_theirs (a int); CREATE TABLE y_ours (a int); CREATE TYPE x AS (y y_ours[]); CREATE DOMAIN w AS x CHECK ((VALUE).y IS NOT NULL);
       CREATE TABLE a_user (w w); CREATE TABLE b_user (z z_theirs[])`,
    );
    await expect(pair.create(["a_user", "b_user", "y_ours"])).rejects.toMatchObject({
      code: "TARGET_TYPE_MISSING",
      message: "The type public.z_theirs, for column public.b_user.z, is the row type of public.z_theirs, which is not a table of the service.",
    });
    const report = await pair.create(["a_user", "y_ours"]);
    expect(report.created.map(({ table }) => table)).toEqual(["a_user", "y_ours"]);
    await pair.target.query("CREATE TYPE z_theirs AS (a int)");
    expect((await pair.create(["a_user", "b_user", "y_ours"])).reused).toEqual(["type public.z_theirs"]);
  });
});

describe("what the target lacks", () => {
  test("extensions: one error with all of them, what needs each, and the cure; nothing is created", async () => {
    await using pair = await databasePair(
      `CREATE SCHEMA ext; CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION pg_trgm; CREATE EXTENSION btree_gist; CREATE EXTENSION "uuid-ossp" SCHEMA ext;
       CREATE DOMAIN mail AS citext[] CHECK (VALUE <> '{}');
       CREATE TABLE t (id uuid DEFAULT ext.uuid_generate_v4(), m mail, n text, EXCLUDE USING gist (n WITH =));
       CREATE TABLE u (a text, b int); CREATE INDEX u_trgm ON u USING gist (a gist_trgm_ops);
       CREATE TABLE v (h text, CHECK ((h::hstore -> 'a') IS NOT NULL));
       CREATE EXTENSION ltree; CREATE TABLE w (a text DEFAULT array_to_string(NULL::ltree[], ''))`,
      "CREATE EXTENSION hstore",
    );
    const before = await fingerprint(pair.target);
    await expect(pair.create()).rejects.toMatchObject({
      code: "TARGET_EXTENSION_MISSING",
      message:
        "The target lacks extensions that the tables need: uuid-ossp (expression of column public.t.id), btree_gist (index t_n_excl of public.t), " +
        "pg_trgm (index u_trgm of public.u), ltree (expression of column public.w.a), citext (type public.mail).",
      cure: `At the target, as a superuser: CREATE EXTENSION "uuid-ossp"; CREATE EXTENSION "btree_gist"; CREATE EXTENSION "pg_trgm"; CREATE EXTENSION "ltree"; CREATE EXTENSION "citext";`,
    });
    expect(await fingerprint(pair.target)).toBe(before);
    expect((await pair.create(["v"])).leftOut).toEqual([ownersAndPrivileges]);
  });

  test("an extension may be in another schema there than here", async () => {
    await using pair = await databasePair(
      `CREATE EXTENSION citext; CREATE EXTENSION pg_trgm; CREATE TYPE pair AS (a citext, b citext[]);
       CREATE TABLE t (id int, c citext DEFAULT 'x', p pair, CHECK (c <> 'NO'::citext)); CREATE INDEX ON t USING gin (c gin_trgm_ops)`,
      `CREATE SCHEMA "Ext"; CREATE EXTENSION citext SCHEMA "Ext"; CREATE EXTENSION pg_trgm SCHEMA "Ext"`,
    );
    const report = await pair.create(undefined, "svc");
    expect(report.leftOut).toEqual([ownersAndPrivileges]);
    expect(await value(pair.target, "SELECT atttypid::regtype FROM pg_attribute WHERE attrelid = 'svc.t'::regclass AND attname = 'c'")).toBe(
      `"Ext".citext`,
    );
    await expect(pair.target.query("INSERT INTO svc.t (c) VALUES ('no')")).rejects.toThrow(/t_c_check/);
  });

  test("functions: defaults, checks, indexes and exclusions that call them are left out with PostgreSQL's reason", async () => {
    const functions = `CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'; CREATE FUNCTION g() RETURNS text LANGUAGE sql AS 'SELECT ''g'''`;
    await using pair = await databasePair(
      `${functions}; CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq, COMMUTATOR = ===);
       CREATE DOMAIN d AS int DEFAULT f(1) CHECK (f(VALUE) > 0) CHECK (VALUE > -1);
       CREATE TABLE t (a int DEFAULT f(3) CHECK (f(a) > 1), b text NOT NULL DEFAULT g(), c int DEFAULT 1 CHECK (c === 1), d d, e int CHECK (e > 0));
       CREATE INDEX t_f ON t (f(a)); CREATE INDEX t_e ON t (e) WHERE f(e) > 1; CREATE INDEX t_c ON t (c)`,
    );
    const missing = "the target says: function f(integer) does not exist";
    expect((await pair.create()).leftOut).toEqual([
      ownersAndPrivileges,
      { what: "default of domain public.d", why: missing },
      { what: "constraint d_check of domain public.d", why: missing },
      { what: "default of public.t.a", why: missing },
      { what: "default of public.t.b", why: "the target says: function g() does not exist" },
      { what: "check constraint t_a_check of public.t", why: missing },
      { what: "check constraint t_c_check of public.t", why: "the target says: operator does not exist: integer === integer" },
      { what: "index t_e of public.t", why: missing },
      { what: "index t_f of public.t", why: missing },
    ]);
    const { tables } = await readCatalog(pair.target, await listTables(pair.target));
    expect(tables[0]?.columns.map((column) => column.default?.text ?? null)).toEqual([null, null, "1", null, null]);
    expect(tables[0]?.indexes.map(({ name }) => name)).toEqual(["t_c"]);
    // Where the target has functions of that name, its own are called.
    await pair.target.query(`DROP TABLE t; DROP DOMAIN d; ${functions}`);
    expect((await pair.create()).leftOut.map(({ what }) => what)).toEqual(["owners and privileges", "check constraint t_c_check of public.t"]);
  });

  test("a function that a generated column calls: nothing is created at all", async () => {
    await using pair = await databasePair(
      `CREATE SCHEMA s; CREATE FUNCTION f(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1'; CREATE TYPE mood AS ENUM ('a');
       CREATE TABLE a (id serial PRIMARY KEY, m mood DEFAULT 'a'); CREATE TABLE s.b (a int REFERENCES a); CREATE TABLE z (a int, b int GENERATED ALWAYS AS (f(a)) STORED)`,
    );
    const before = await fingerprint(pair.target);
    await expect(pair.create()).rejects.toMatchObject({
      code: "TARGET_TABLES_REFUSED",
      message: expect.stringMatching(
        /^The target of service trading refuses the table public.z: function f\(integer\) does not exist; .*\(42883\)\.$/,
      ),
    });
    expect(await fingerprint(pair.target)).toBe(before);
    // The session is as it was: no transaction, no settings left.
    expect(await value(pair.target, "SELECT current_setting('search_path')")).toBe(`"$user", public`);
    expect((await pair.create(["a", "s.b"])).created.length).toBe(2);
  });

  test("rights: an error that says so", async () => {
    await using pair = await databasePair("CREATE TABLE a (id int)");
    await pair.target.query("SET SESSION AUTHORIZATION pg_monitor");
    await expect(pair.create()).rejects.toMatchObject({
      code: "TARGET_TABLES_REFUSED",
      message: expect.stringMatching(/permission denied for schema public/),
    });
  });
});

test("what acts by itself, what rows may violate and what cannot be replicated is left out and listed", async () => {
  await using pair = await databasePair(
    `CREATE TABLE r (id int PRIMARY KEY);
     CREATE UNLOGGED TABLE t (id int PRIMARY KEY, a int, b int, r int);
     CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
     CREATE TRIGGER "on insert" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
     CREATE RULE quiet AS ON DELETE TO t DO INSTEAD NOTHING;
     ALTER TABLE t ENABLE ROW LEVEL SECURITY;
     CREATE POLICY own ON t USING (a > 1);
     CREATE STATISTICS together ON a, b FROM t;
     ALTER TABLE t ADD CONSTRAINT unchecked CHECK (a > 0) NOT VALID;
     ALTER TABLE t ADD CONSTRAINT unchecked_r FOREIGN KEY (r) REFERENCES r NOT VALID;
     ALTER TABLE t ADD CONSTRAINT unchecked_b NOT NULL b NOT VALID;
     CREATE DOMAIN d AS int; CREATE TABLE u (d d); ALTER DOMAIN d ADD CONSTRAINT unchecked CHECK (VALUE > 0) NOT VALID`,
  );
  const notValid = "it is NOT VALID at the source: rows that violate it may be there, and could not be copied";
  const actsAlone = "only what the rows themselves need is created; create it at the target if the service needs it";
  expect((await pair.create()).leftOut).toEqual([
    { what: "foreign key unchecked_r of public.t to public.r", why: notValid },
    { what: "constraint unchecked of domain public.d", why: notValid },
    { what: "unlogged storage of public.t", why: "changes of such a table are not in the WAL; at the target it is an ordinary one" },
    { what: "NOT NULL of public.t.b", why: notValid },
    { what: "check constraint unchecked of public.t", why: notValid },
    { what: "policy own of public.t", why: actsAlone },
    { what: "rule quiet of public.t", why: actsAlone },
    { what: "statistics together of public.t", why: actsAlone },
    { what: "trigger on insert of public.t", why: actsAlone },
    { what: "row level security of public.t", why: "the target's roles are its own" },
    ownersAndPrivileges,
  ]);
  await pair.target.query("INSERT INTO r VALUES (1); INSERT INTO t (id, a, b, r) VALUES (1, -1, NULL, 99); INSERT INTO u VALUES (-1)");
  expect(await value(pair.target, "SELECT relpersistence FROM pg_class WHERE relname = 't'")).toBe("p");
});

test("a half-built index is left out and listed", async () => {
  await using pair = await databasePair("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1)");
  await expect(pair.source.query("CREATE UNIQUE INDEX CONCURRENTLY half ON t (id)")).rejects.toThrow(/could not create unique index/);
  expect((await pair.create()).leftOut[0]).toEqual({
    what: "index half of public.t",
    why: "it is invalid at the source: half built, or not on all partitions",
  });
});

test("a table that is gone since it was listed is an error before anything is done", async () => {
  await using pair = await databasePair("CREATE TABLE a (id int)");
  await expect(pair.create(["a", "gone"])).rejects.toMatchObject({ code: "CATALOG_CHANGED", retry: "yes" });
  expect(await listTables(pair.target)).toEqual([]);
});
