/**
 * What changes rows, or looks as if it did, without the stream saying so, one statement after the other. The rows of "What the stream does not say" in
 * docs/tables.md are these cases' names and words.
 */
export interface UnseenChange {
  /** The first cell. */
  readonly name: string;
  /** The last cell: how the table's reason begins, or why there is none. */
  readonly how: string;
  readonly marked: boolean;
  /** Makes the table `t`. */
  readonly sql: string;
  readonly change: string;
  /** Whether the stream has a TRUNCATE of the table in the transaction of the change. Default: no. */
  readonly truncated?: boolean;
  /** Whether the look before was long ago. */
  readonly away?: boolean;
  /** Whether the connector stops at it: each look finds it once more, as changes may be missing until it is mended. */
  readonly lasts?: boolean;
  /** Of the reason; t's target has another name. */
  readonly statement?: string;
}

const range = (more = ""): string => `CREATE TABLE t (id int PRIMARY KEY, note text${more}) PARTITION BY RANGE (id);
  CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t_2 PARTITION OF t FOR VALUES FROM (10) TO (20); INSERT INTO t (id, note) VALUES (1, 'a'), (11, 'b')`;
const plain = "CREATE TABLE t (id int PRIMARY KEY, n int, note text); INSERT INTO t VALUES (1, 1, 'a')";

export const unseenChanges: readonly UnseenChange[] = [
  {
    name: "A partition is created, and filled",
    how: "its rows come like any others",
    marked: false,
    sql: range(),
    change: "CREATE TABLE t_3 PARTITION OF t (note DEFAULT 'x') FOR VALUES FROM (20) TO (30); INSERT INTO t VALUES (21, 'c')",
  },
  {
    name: "A partition of which every column has a default is created and filled in one transaction",
    how: "the same",
    marked: false,
    sql: "CREATE TABLE t (id int DEFAULT 1 PRIMARY KEY, n int DEFAULT 2) PARTITION BY LIST (id)",
    change:
      "BEGIN; CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1) PARTITION BY LIST (id); CREATE TABLE t_1_1 PARTITION OF t_1 DEFAULT; INSERT INTO t VALUES (1, 2); COMMIT",
  },
  {
    name: "A table without rows is attached as a partition",
    how: "there is nothing to bring along",
    marked: false,
    sql: range(),
    change: "CREATE TABLE t_3 (LIKE t INCLUDING INDEXES); ALTER TABLE t ATTACH PARTITION t_3 FOR VALUES FROM (20) TO (30)",
  },
  {
    name: "A table with rows is attached as a partition",
    how: "its partition public.t_3 was attached with rows",
    marked: true,
    sql: range(),
    change:
      "CREATE TABLE t_3 (LIKE t INCLUDING INDEXES); INSERT INTO t_3 VALUES (21, 'c'); ALTER TABLE t ATTACH PARTITION t_3 FOR VALUES FROM (20) TO (30)",
  },
  {
    name: "A table is created, filled and attached in one transaction",
    how: "its partition public.t_3 was attached with rows",
    marked: true,
    sql: range(),
    change:
      "BEGIN; CREATE TABLE t_3 (LIKE t INCLUDING INDEXES); INSERT INTO t_3 VALUES (21, 'c'); ALTER TABLE t ATTACH PARTITION t_3 FOR VALUES FROM (20) TO (30); COMMIT",
  },
  {
    name: "A partitioned table that has a partition with rows is attached",
    how: "its partition public.t_3_1 was attached with rows",
    marked: true,
    sql: range(),
    change: `CREATE TABLE t_3 (LIKE t INCLUDING INDEXES) PARTITION BY RANGE (id); CREATE TABLE t_3_1 PARTITION OF t_3 DEFAULT; INSERT INTO t_3 VALUES (21, 'c');
             ALTER TABLE t ATTACH PARTITION t_3 FOR VALUES FROM (20) TO (30)`,
  },
  {
    name: "A partition is detached",
    how: "its partition public.t_1 was detached or dropped, and its rows are still at the target",
    marked: true,
    sql: range(),
    change: "ALTER TABLE t DETACH PARTITION t_1",
    statement: `DELETE FROM "desk"."deals" WHERE ((id IS NOT NULL) AND (id >= 0) AND (id < 10));`,
  },
  {
    name: "A partition that is itself partitioned is dropped",
    how: "its partition public.t_1_1 was detached or dropped, and its rows are still at the target",
    marked: true,
    sql: "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE t_1 PARTITION OF t FOR VALUES IN (1, 2) PARTITION BY LIST (id); CREATE TABLE t_1_1 PARTITION OF t_1 DEFAULT",
    change: "DROP TABLE t_1",
    statement: `DELETE FROM "desk"."deals" WHERE ((id IS NOT NULL) AND (id = ANY (ARRAY[1, 2])));`,
  },
  {
    name: "The DEFAULT partition is dropped, and is the only one",
    how: "its partition public.t_0 was detached or dropped, and its rows are still at the target",
    marked: true,
    sql: "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE t_0 PARTITION OF t DEFAULT",
    change: "DROP TABLE t_0",
    statement: `DELETE FROM "desk"."deals";`,
  },
  {
    name: "A partition by hash is detached",
    how: "its partition public.t_0 was detached or dropped, and its rows are still at the target: nothing but a copy mends that",
    marked: true,
    sql: "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY HASH (id); CREATE TABLE t_0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
    change: "ALTER TABLE t DETACH PARTITION t_0",
  },
  {
    name: "A partition is detached and attached again",
    how: "its partition public.t_1 was detached and attached again",
    marked: true,
    sql: range(),
    change: "ALTER TABLE t DETACH PARTITION t_1; UPDATE t_1 SET note = 'changed'; ALTER TABLE t ATTACH PARTITION t_1 FOR VALUES FROM (0) TO (10)",
  },
  {
    name: "A partition is truncated",
    how: "its partition public.t_1 was truncated by itself, or rewritten by VACUUM FULL or CLUSTER",
    marked: true,
    sql: range(),
    change: "TRUNCATE t_1",
    statement: `DELETE FROM "desk"."deals" WHERE ((id IS NOT NULL) AND (id >= 0) AND (id < 10));`,
  },
  {
    name: "A partition is truncated, filled again, and analyzed",
    how: "its partition public.t_1 was truncated by itself, or rewritten by VACUUM FULL or CLUSTER",
    marked: true,
    sql: range(),
    change: "BEGIN; TRUNCATE t_1; INSERT INTO t VALUES (2, 'b'); CREATE INDEX ON t_1 (note); ANALYZE t_1; COMMIT; VACUUM t_1",
  },
  {
    name: "Every partition is truncated, by its own name",
    how: "its partition public.t_1 was truncated by itself, or rewritten by VACUUM FULL or CLUSTER",
    marked: true,
    sql: range(),
    change: "TRUNCATE t_1, t_2",
  },
  { name: "The partitioned table is truncated", how: "it is in the stream", marked: false, sql: range(), change: "TRUNCATE t", truncated: true },
  {
    name: "The partitioned table is truncated, and one of its partitions again",
    how: "its partition public.t_1 was truncated by itself, or rewritten by VACUUM FULL or CLUSTER",
    marked: true,
    sql: range(),
    change: "TRUNCATE t; INSERT INTO t VALUES (1, 'a'); TRUNCATE t_1",
    truncated: true,
  },
  {
    name: "VACUUM, ANALYZE, REINDEX, and an ALTER TABLE that leaves the rows alone",
    how: "they change nothing",
    marked: false,
    sql: range(),
    change: `VACUUM t; ANALYZE t; REINDEX TABLE t; CREATE INDEX ON t (note); ALTER TABLE t ALTER note SET DEFAULT 'x'; ALTER TABLE t ADD more text DEFAULT 'y'; ALTER TABLE t ADD CHECK (id > 0);
             COMMENT ON TABLE t IS 'c'; ALTER TABLE t_1 SET (fillfactor = 50); ALTER TABLE t RENAME note TO remark; UPDATE t SET remark = 'z'; DELETE FROM t WHERE id = 1`,
  },
  {
    name: "VACUUM FULL or CLUSTER of a partition with rows, while the connector runs",
    how: "it changes nothing",
    marked: false,
    sql: range(),
    change: "VACUUM FULL t_1; CLUSTER t_2 USING t_2_pkey; ANALYZE t",
  },
  {
    name: "The same, of a partition without a TOAST table",
    how: "its partition public.t_0 was truncated by itself, or rewritten by VACUUM FULL or CLUSTER",
    marked: true,
    sql: "CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE t_0 PARTITION OF t DEFAULT; INSERT INTO t VALUES (1)",
    change: "VACUUM FULL t_0",
  },
  {
    name: "VACUUM FULL or CLUSTER of a partition, while the connector is away",
    how: "its partition public.t_1 was truncated by itself, or rewritten by VACUUM FULL or CLUSTER",
    marked: true,
    sql: range(),
    change: "VACUUM FULL t_1",
    away: true,
  },
  {
    name: "A table is set UNLOGGED",
    how: "the table is unlogged: what changes meanwhile is missing",
    marked: true,
    sql: plain,
    change: "ALTER TABLE t SET UNLOGGED",
  },
  {
    name: "A partition is set UNLOGGED, which also stops the connector",
    how: "it has the unlogged partition public.t_1: its changes are not in the WAL",
    marked: true,
    lasts: true,
    sql: range(),
    change: "ALTER TABLE t_1 SET UNLOGGED",
  },
  {
    name: "A table is unlogged and logged again before anyone looks",
    how: "the table's rows were written anew, and nothing says why: it may have been unlogged for a while",
    marked: true,
    sql: plain,
    change: "ALTER TABLE t SET UNLOGGED; INSERT INTO t VALUES (2, 2, 'b'); ALTER TABLE t SET LOGGED",
  },
  {
    name: "A column is computed anew while its type stays the same",
    how: "the column n was altered while its type stayed the same, and the table's rows were written anew",
    marked: true,
    sql: plain,
    change: "ALTER TABLE t ALTER n TYPE int USING n + 1",
  },
  {
    name: "The same, of a partitioned table, or of one without a TOAST table",
    how: "the column n was altered while its type stayed the same, and the table's rows were written anew",
    marked: true,
    sql: "CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY LIST (id); CREATE TABLE t_0 PARTITION OF t DEFAULT; INSERT INTO t VALUES (1, 1)",
    change: "ALTER TABLE t ALTER n TYPE int USING n + 1",
  },
  {
    name: "A column is dropped and added again under its name and type",
    how: "the column n is another one under the same name: dropped and added again, or renamed",
    marked: true,
    sql: plain,
    change: "ALTER TABLE t DROP n; ALTER TABLE t ADD n int",
  },
  {
    name: "Two columns swap their names",
    how: "the column two is another one under the same name",
    marked: true,
    sql: "CREATE TABLE t (id int PRIMARY KEY, one text, two text); INSERT INTO t VALUES (1, 'a', 'b')",
    change: "ALTER TABLE t RENAME one TO other; ALTER TABLE t RENAME two TO one; ALTER TABLE t RENAME other TO two",
  },
  {
    name: "An enum's value is renamed",
    how: "the value sad of the enum public.mood was renamed to blue",
    marked: true,
    sql: "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN feeling AS mood; CREATE TABLE t (id int PRIMARY KEY, moods feeling[]); INSERT INTO t VALUES (1, '{sad}')",
    change: "ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'; ALTER TYPE mood ADD VALUE 'new'",
    statement: "ALTER TYPE public.mood RENAME VALUE 'sad' TO 'blue';",
  },
  {
    name: "A column gets another type, is added, dropped or renamed",
    how: "the applier stops for it, and what it asks for mends the older rows, too",
    marked: false,
    sql: plain,
    change:
      "ALTER TABLE t ALTER n TYPE bigint; ALTER TABLE t ADD more float8 DEFAULT random(); ALTER TABLE t RENAME note TO remark; ALTER TABLE t DROP remark",
  },
  {
    name: "The same, of a partitioned table",
    how: "the same",
    marked: false,
    sql: "CREATE TABLE t (id int PRIMARY KEY, n int) PARTITION BY LIST (id); CREATE TABLE t_0 PARTITION OF t DEFAULT; INSERT INTO t VALUES (1, 1)",
    change: "ALTER TABLE t ALTER n TYPE bigint; ALTER TABLE t ADD more text; ALTER TABLE t ALTER more TYPE int USING 1",
  },
  {
    name: "A table that is not partitioned is truncated, or written anew by VACUUM FULL or CLUSTER",
    how: "the one is in the stream, the other changes nothing",
    marked: false,
    sql: plain,
    change: "TRUNCATE t; INSERT INTO t VALUES (1, 1, 'a'); VACUUM FULL t; ALTER TABLE t ALTER n SET DEFAULT 4",
    away: true,
  },
];
