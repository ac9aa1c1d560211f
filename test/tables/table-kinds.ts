/**
 * Every kind of table and column that docs/tables.md speaks of: what is carried, with rows that change, and what is refused, with PostgreSQL's or Offtake's
 * reason. The document's rows are these cases' names and words, so that it promises nothing that nobody has tried.
 */
import { randomTypes } from "./random-types.ts";

export interface CarriedKind {
  /** The first cell. */
  readonly name: string;
  /** The last cell. */
  readonly how: string;
  /** Tables that are the service's; schema public. */
  readonly tables: readonly string[];
  /** Makes them at the monolith. */
  readonly sql: string;
  /** Changes their rows while they are replicated. */
  readonly load: string;
}

export interface RefusedKind {
  readonly name: string;
  readonly table: string;
  readonly sql: string;
}

const values = randomTypes.map(({ values: [first], sql }) => `'${first!.replaceAll("'", "''")}'::${sql}`).join(", ");
const lasts = randomTypes.map(({ values: all, sql }, i) => `c${i} = '${all.at(-1)!.replaceAll("'", "''")}'::${sql}`).join(", ");

export const carriedKinds: readonly CarriedKind[] = [
  {
    name: "primary key, REPLICA IDENTITY DEFAULT",
    how: "rows are found by the key; a change of the key moves the row",
    tables: ["i_key"],
    sql: "CREATE TABLE i_key (id int PRIMARY KEY, note text)",
    load: "INSERT INTO i_key VALUES (1, 'a'), (2, 'b'), (3, 'c'); UPDATE i_key SET id = id + 10 WHERE id < 3; UPDATE i_key SET note = NULL WHERE id = 11; DELETE FROM i_key WHERE id = 3",
  },
  {
    name: "key of several columns, in another order than they have in the table",
    how: "as any key",
    tables: ["i_composite"],
    sql: "CREATE TABLE i_composite (b numeric, note text, a text, c timestamptz, PRIMARY KEY (c, a, b))",
    load: "INSERT INTO i_composite VALUES (1.0, 'x', 'a', 'infinity'), (2, 'y', 'a', '-infinity'); UPDATE i_composite SET b = 1.00 WHERE b = 1; UPDATE i_composite SET a = 'b', note = 'z' WHERE b = 2",
  },
  {
    name: "REPLICA IDENTITY FULL with a primary key",
    how: "by the primary key; events have the whole row before",
    tables: ["i_full"],
    sql: "CREATE TABLE i_full (id int PRIMARY KEY, note text); ALTER TABLE i_full REPLICA IDENTITY FULL",
    load: "INSERT INTO i_full VALUES (1, 'a'), (2, 'b'); UPDATE i_full SET id = 3 WHERE id = 1; UPDATE i_full SET note = 'c' WHERE id = 2",
  },
  {
    name: "REPLICA IDENTITY FULL without a key",
    how: "by all columns, as text; of equal rows one is taken, so that as many are left as at the source",
    tables: ["i_keyless"],
    sql: "CREATE TABLE i_keyless (a int, b json, c float8); ALTER TABLE i_keyless REPLICA IDENTITY FULL",
    load: "INSERT INTO i_keyless SELECT 1, NULL, '-0' FROM generate_series(1, 5); INSERT INTO i_keyless VALUES (1, '{}', 0), (1, '{ }', 'NaN'); DELETE FROM i_keyless WHERE ctid IN (SELECT ctid FROM i_keyless WHERE b IS NULL LIMIT 2); UPDATE i_keyless SET a = 2 WHERE ctid = (SELECT min(ctid) FROM i_keyless)",
  },
  {
    name: "REPLICA IDENTITY FULL with a key that is DEFERRABLE",
    how: "as without a key: within a transaction it is not unique",
    tables: ["i_late"],
    sql: "CREATE TABLE i_late (id int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, note text); ALTER TABLE i_late REPLICA IDENTITY FULL",
    load: "INSERT INTO i_late VALUES (1, 'a'), (2, 'b'), (3, 'c'); UPDATE i_late SET id = 4 - id; DELETE FROM i_late WHERE note = 'b'",
  },
  {
    name: "REPLICA IDENTITY USING INDEX",
    how: "by the columns of that index, whatever the primary key is",
    tables: ["i_index"],
    sql: "CREATE TABLE i_index (id int PRIMARY KEY, code text NOT NULL UNIQUE, note text); ALTER TABLE i_index REPLICA IDENTITY USING INDEX i_index_code_key",
    load: "INSERT INTO i_index VALUES (1, 'a', 'x'), (2, 'b', 'y'); UPDATE i_index SET id = 7 WHERE code = 'a'; UPDATE i_index SET code = 'c' WHERE id = 2",
  },
  {
    name: "parent and children of inheritance",
    how: "each is a table of its own, also where they have equal keys; `TRUNCATE` of a parent empties its children, as at the source",
    tables: ["k_parent", "k_child", "k_grandchild"],
    sql: `CREATE TABLE k_parent (id int PRIMARY KEY, note text); CREATE TABLE k_child (more text, PRIMARY KEY (id)) INHERITS (k_parent);
          CREATE TABLE k_grandchild (PRIMARY KEY (id)) INHERITS (k_child)`,
    load: `INSERT INTO k_parent VALUES (1, 'p'), (2, 'p'); INSERT INTO k_child VALUES (1, 'c', 'm'), (3, 'c', NULL); INSERT INTO k_grandchild VALUES (1, 'g', 'g');
           TRUNCATE k_child; INSERT INTO k_child VALUES (1, 'c', 'm'); INSERT INTO k_grandchild VALUES (1, 'g', 'h');
           UPDATE k_parent SET note = tableoid::regclass::text; DELETE FROM ONLY k_parent WHERE id = 2`,
  },
  {
    name: "partition that `tables` names, of a partitioned table that it does not",
    how: "a table of its own; a row that moves to another partition is deleted here and created there",
    tables: ["k_low", "k_high"],
    sql: `CREATE SCHEMA apart; CREATE TABLE apart.k_root (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
          CREATE TABLE k_low PARTITION OF apart.k_root FOR VALUES FROM (0) TO (100); CREATE TABLE k_high PARTITION OF apart.k_root FOR VALUES FROM (100) TO (200)`,
    load: `INSERT INTO apart.k_root SELECT i, 'n' FROM generate_series(90, 110) i; UPDATE apart.k_root SET id = id + 50 WHERE id < 95; TRUNCATE k_low; INSERT INTO k_low VALUES (1, 'a');
           ALTER TABLE apart.k_root DETACH PARTITION k_high; UPDATE k_high SET note = 'alone'; ALTER TABLE apart.k_root ATTACH PARTITION k_high FOR VALUES FROM (100) TO (200); DELETE FROM apart.k_root WHERE id = 101`,
  },
  {
    name: "partitioned table, of any depth",
    how: "one table, published with `publish_via_partition_root = true`, which `up` sees to; a row that moves to another partition is deleted and created; the target may be partitioned or not",
    tables: ["k_whole"],
    sql: `CREATE TABLE k_whole (id int, region text, gone int, note text, s int GENERATED ALWAYS AS (id * 2) STORED, PRIMARY KEY (region, id)) PARTITION BY LIST (region);
          ALTER TABLE k_whole DROP gone;
          CREATE TABLE k_whole_north PARTITION OF k_whole FOR VALUES IN ('n', 'nw') PARTITION BY RANGE (id);
          CREATE TABLE k_whole_north_low PARTITION OF k_whole_north FOR VALUES FROM (MINVALUE) TO (100);
          CREATE TABLE k_whole_north_rest PARTITION OF k_whole_north DEFAULT;
          CREATE TABLE k_whole_south (lost point, note text, region text NOT NULL, s int GENERATED ALWAYS AS (id * 2) STORED, id int NOT NULL);
          ALTER TABLE k_whole_south DROP lost; ALTER TABLE k_whole ATTACH PARTITION k_whole_south FOR VALUES IN ('s');
          CREATE TABLE k_whole_rest PARTITION OF k_whole DEFAULT`,
    load: `INSERT INTO k_whole (id, region, note) SELECT i, (ARRAY['n', 'nw', 's', 'e', 'w'])[1 + i % 5], 'a' FROM generate_series(90, 120) i;
           UPDATE k_whole SET note = 'b' WHERE region IN ('n', 's'); UPDATE k_whole SET region = 's' WHERE region = 'w'; UPDATE k_whole SET id = id + 50 WHERE region = 'nw';
           DELETE FROM k_whole WHERE id BETWEEN 101 AND 103; INSERT INTO k_whole_south (id, region, note) VALUES (1, 's', 'c'); TRUNCATE k_whole;
           INSERT INTO k_whole (id, region, note) SELECT i, (ARRAY['n', 'nw', 's', 'e', 'w'])[1 + i % 5], NULL FROM generate_series(90, 120) i; UPDATE k_whole SET region = 'n' WHERE region <> 'n'`,
  },
  {
    name: "partitioned table with REPLICA IDENTITY FULL, and with USING INDEX",
    how: "as an ordinary one; each partition needs an identity that has the root's key, which a new one does not get by itself, and with FULL as well if events are to have the whole row before",
    tables: ["k_root_full", "k_root_keyless", "k_root_index"],
    sql: `CREATE TABLE k_root_full (id int PRIMARY KEY, body text, n int) PARTITION BY RANGE (id); ALTER TABLE k_root_full REPLICA IDENTITY FULL;
          CREATE TABLE k_root_full_1 PARTITION OF k_root_full FOR VALUES FROM (0) TO (10); CREATE TABLE k_root_full_2 PARTITION OF k_root_full FOR VALUES FROM (10) TO (20);
          ALTER TABLE k_root_full_2 REPLICA IDENTITY FULL; ALTER TABLE k_root_full_1 ALTER body SET STORAGE EXTERNAL; ALTER TABLE k_root_full_2 ALTER body SET STORAGE EXTERNAL;
          CREATE TABLE k_root_keyless (id int, note text) PARTITION BY HASH (id); ALTER TABLE k_root_keyless REPLICA IDENTITY FULL;
          CREATE TABLE k_root_keyless_0 PARTITION OF k_root_keyless FOR VALUES WITH (MODULUS 2, REMAINDER 0); ALTER TABLE k_root_keyless_0 REPLICA IDENTITY FULL;
          CREATE TABLE k_root_keyless_1 PARTITION OF k_root_keyless FOR VALUES WITH (MODULUS 2, REMAINDER 1); ALTER TABLE k_root_keyless_1 REPLICA IDENTITY FULL;
          CREATE TABLE k_root_index (id int PRIMARY KEY, code int NOT NULL, note text) PARTITION BY RANGE (id); CREATE UNIQUE INDEX k_root_index_code ON k_root_index (code, id);
          CREATE TABLE k_root_index_1 PARTITION OF k_root_index FOR VALUES FROM (0) TO (100); ALTER TABLE k_root_index REPLICA IDENTITY USING INDEX k_root_index_code;
          ALTER TABLE k_root_index_1 REPLICA IDENTITY FULL`,
    load: `INSERT INTO k_root_full SELECT i, repeat('ab', 3000), i FROM unnest(ARRAY[1, 2, 11, 12]) i; UPDATE k_root_full SET n = 7; UPDATE k_root_full SET id = id + 2 WHERE id IN (2, 12);
           UPDATE k_root_full SET id = 5 WHERE id = 11; DELETE FROM k_root_full WHERE id = 1;
           INSERT INTO k_root_keyless SELECT i % 4, 'a' FROM generate_series(1, 12) i; DELETE FROM k_root_keyless WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM k_root_keyless WHERE id IN (1, 2) LIMIT 3);
           UPDATE k_root_keyless SET id = id + 1 WHERE id = 3; INSERT INTO k_root_index VALUES (1, 10, 'a'), (2, 20, 'b'); UPDATE k_root_index SET code = 30 WHERE id = 1; UPDATE k_root_index SET note = 'c'; DELETE FROM k_root_index WHERE id = 2`,
  },
  {
    name: "names in any case and script, reserved words, with dots, quotes and blanks",
    how: "the same at the target; in offtake.yaml a name with a dot or a quote stands in double quotes",
    tables: ["select", 'Ünï "x".y', "__proto__"],
    sql: `CREATE TABLE "select" ("from" int PRIMARY KEY, "Where" text, "a.b" text, "_u0041" text, "constructor" text); CREATE TABLE "Ünï ""x"".y" (" " int PRIMARY KEY, "'" text);
          CREATE TABLE "__proto__" ("__proto__" int PRIMARY KEY, toString text)`,
    load: `INSERT INTO "select" VALUES (1, 'a', 'b', 'c', 'd'); UPDATE "select" SET "Where" = 'e'; INSERT INTO "Ünï ""x"".y" VALUES (1, 'q'); INSERT INTO "__proto__" VALUES (1, 's')`,
  },
  {
    name: "200 columns, and columns that were dropped",
    how: "as they are; what is dropped is not there",
    tables: ["k_wide"],
    sql: `CREATE TABLE k_wide (${Array.from({ length: 200 }, (_, i) => `c${i} text`).join(", ")}, PRIMARY KEY (c150, c3)); ALTER TABLE k_wide DROP c7, DROP c199`,
    load: `INSERT INTO k_wide (c150, c3, c0, c198) SELECT i, 'k', 'first', 'last' FROM generate_series(1, 5) i; UPDATE k_wide SET c100 = 'middle' WHERE c150 = '2'`,
  },
  {
    name: "every built-in type that a column can have, enums, domains, composites, ranges, multiranges, and arrays of all of them",
    how: "the text at the target is the text at the source; what is no number, bool or bytea is text in the topic",
    tables: ["c_types"],
    sql: `CREATE TABLE c_types (id int PRIMARY KEY, ${randomTypes.map(({ sql }, i) => `c${i} ${sql}`).join(", ")})`,
    load: `INSERT INTO c_types VALUES (1, ${values}), (2, ${values}); UPDATE c_types SET ${lasts} WHERE id = 2; INSERT INTO c_types VALUES (3)`,
  },
  {
    name: "value stored out of line that an update leaves alone (TOAST)",
    how: "it is not in the WAL; the target keeps its own",
    tables: ["c_toast"],
    sql: "CREATE TABLE c_toast (id int PRIMARY KEY, body text, n int); ALTER TABLE c_toast ALTER body SET STORAGE EXTERNAL",
    load: "INSERT INTO c_toast VALUES (1, repeat('ab', 5000), 1); UPDATE c_toast SET n = 2; UPDATE c_toast SET id = 2",
  },
  {
    name: "generated column, stored or virtual",
    how: "is not published; the target generates its own. A stored one under REPLICA IDENTITY FULL is published from PostgreSQL 18 on, which else refuses updates: `up` sees to it",
    tables: ["c_generated", "c_generated_full"],
    sql: `CREATE TABLE c_generated (id int PRIMARY KEY, a int, s int GENERATED ALWAYS AS (a * 2) STORED, v int GENERATED ALWAYS AS (a * 3) VIRTUAL);
          CREATE TABLE c_generated_full (a int, s int GENERATED ALWAYS AS (a * 2) STORED, b text); ALTER TABLE c_generated_full REPLICA IDENTITY FULL`,
    load: `INSERT INTO c_generated VALUES (1, 1), (2, NULL); UPDATE c_generated SET a = 5 WHERE id = 1;
           INSERT INTO c_generated_full (a, b) VALUES (1, 'x'), (1, 'x'), (2, 'y'); UPDATE c_generated_full SET a = 3 WHERE b = 'y'; DELETE FROM c_generated_full WHERE ctid = (SELECT min(ctid) FROM c_generated_full)`,
  },
  {
    name: "identity column, ALWAYS or BY DEFAULT",
    how: "the source's numbers; the target's sequence is not moved on",
    tables: ["c_always", "c_default"],
    sql: `CREATE TABLE c_always (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text);
          CREATE TABLE c_default (id int PRIMARY KEY, n int GENERATED BY DEFAULT AS IDENTITY (START WITH 7), note text)`,
    load: "INSERT INTO c_always (note) VALUES ('a'), ('b'); UPDATE c_always SET id = DEFAULT WHERE id = 1; INSERT INTO c_default (id) VALUES (1), (2); UPDATE c_default SET n = 70 WHERE id = 2",
  },
];

export const refusedKinds: readonly RefusedKind[] = [
  {
    name: "REPLICA IDENTITY NOTHING",
    table: "r_nothing",
    sql: "CREATE TABLE r_nothing (id int PRIMARY KEY); ALTER TABLE r_nothing REPLICA IDENTITY NOTHING",
  },
  { name: "no key, REPLICA IDENTITY DEFAULT", table: "r_keyless", sql: "CREATE TABLE r_keyless (id int)" },
  {
    name: "primary key that is DEFERRABLE, REPLICA IDENTITY DEFAULT",
    table: "r_late",
    sql: "CREATE TABLE r_late (id int PRIMARY KEY DEFERRABLE)",
  },
  {
    name: "REPLICA IDENTITY USING INDEX of an index that was dropped",
    table: "r_index",
    sql: "CREATE TABLE r_index (id int NOT NULL); CREATE UNIQUE INDEX r_index_id ON r_index (id); ALTER TABLE r_index REPLICA IDENTITY USING INDEX r_index_id; DROP INDEX r_index_id",
  },
  {
    name: "generated column in the key",
    table: "r_generated",
    sql: "CREATE TABLE r_generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY)",
  },
  {
    name: "virtual generated column under REPLICA IDENTITY FULL",
    table: "r_virtual",
    sql: "CREATE TABLE r_virtual (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL); ALTER TABLE r_virtual REPLICA IDENTITY FULL",
  },
  { name: "unlogged table", table: "r_unlogged", sql: "CREATE UNLOGGED TABLE r_unlogged (id int PRIMARY KEY)" },
  {
    name: "partitioned table without a key, REPLICA IDENTITY DEFAULT",
    table: "r_root",
    sql: "CREATE TABLE r_root (id int) PARTITION BY RANGE (id); CREATE TABLE r_root_1 PARTITION OF r_root DEFAULT",
  },
  {
    name: "partition whose REPLICA IDENTITY is without a column of the root's key",
    table: "r_part",
    sql: "CREATE TABLE r_part (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE r_part_1 PARTITION OF r_part DEFAULT; ALTER TABLE r_part_1 REPLICA IDENTITY NOTHING",
  },
  {
    name: "partition with REPLICA IDENTITY DEFAULT of a root with USING INDEX",
    table: "r_new",
    sql: "CREATE TABLE r_new (id int PRIMARY KEY, code int NOT NULL) PARTITION BY RANGE (id); CREATE UNIQUE INDEX r_new_code ON r_new (code, id); ALTER TABLE r_new REPLICA IDENTITY USING INDEX r_new_code; CREATE TABLE r_new_1 PARTITION OF r_new DEFAULT",
  },
  {
    name: "partition without REPLICA IDENTITY FULL of a root with FULL and without a key",
    table: "r_whole",
    sql: "CREATE TABLE r_whole (id int) PARTITION BY RANGE (id); ALTER TABLE r_whole REPLICA IDENTITY FULL; CREATE TABLE r_whole_1 PARTITION OF r_whole DEFAULT",
  },
  {
    name: "partition with REPLICA IDENTITY FULL and a virtual generated column",
    table: "r_dream",
    sql: "CREATE TABLE r_dream (id int PRIMARY KEY, v int GENERATED ALWAYS AS (id * 2) VIRTUAL) PARTITION BY RANGE (id); CREATE TABLE r_dream_1 PARTITION OF r_dream DEFAULT; ALTER TABLE r_dream_1 REPLICA IDENTITY FULL",
  },
  {
    name: "unlogged partition",
    table: "r_lost",
    sql: "CREATE TABLE r_lost (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE UNLOGGED TABLE r_lost_1 PARTITION OF r_lost DEFAULT",
  },
  {
    name: "foreign partition",
    table: "r_far",
    sql: "CREATE TABLE r_far (id int NOT NULL) PARTITION BY RANGE (id); ALTER TABLE r_far REPLICA IDENTITY FULL; CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing; CREATE FOREIGN TABLE r_far_1 PARTITION OF r_far DEFAULT SERVER far",
  },
];
