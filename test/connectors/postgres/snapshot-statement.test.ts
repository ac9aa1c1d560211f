import { describe, expect, test } from "vitest";
import { absentStatement, keysStatement, rangeStatement } from "../../../connectors/postgres/snapshot-statement.ts";
import type { SnapshotTable, WalkColumn } from "../../../connectors/postgres/snapshot-table.ts";

const text = { schema: "pg_catalog", name: "text", isEnum: false };

function table(walk: readonly Partial<WalkColumn>[], partitioned = false): SnapshotTable {
  const columns = ["a", "b", "n'ote"].map((name) => ({ name, key: false, typeOid: 25, typeModifier: -1 }));
  return {
    schema: "s",
    table: 't"t',
    relation: { oid: 1, schema: "s", name: 't"t', replicaIdentity: "d", columns },
    types: [],
    walk: walk.map((column) => ({ name: "a", collation: null, operators: "pg_catalog", type: text, deterministic: true, ...column })),
    partitioned,
    estimatedRows: 0,
    estimatedBytes: 0,
  };
}

const select = `SELECT "a", "b", "n'ote" FROM ONLY "s"."t""t"`;

describe("a chunk is read", () => {
  test("from the beginning in the order of the key", () => {
    expect(rangeStatement(table([{}]), undefined, 10)).toBe(`COPY (${select} ORDER BY "a" LIMIT 10) TO STDOUT`);
  });

  test("of a partitioned table with its partitions", () => {
    expect(rangeStatement(table([{}], true), undefined, 10)).toBe(`COPY (SELECT "a", "b", "n'ote" FROM "s"."t""t" ORDER BY "a" LIMIT 10) TO STDOUT`);
  });

  test("behind a key as a row comparison, in the order and the collation of the index", () => {
    const walk = [{ name: "b", collation: { schema: "pg_catalog", name: "C" } }, {}];
    expect(rangeStatement(table(walk), ["x'y\\", "2"], 5)).toBe(
      `COPY (${select} WHERE ("b" COLLATE "pg_catalog"."C", "a") > ( E'x''y\\\\'::"pg_catalog"."text", '2'::"pg_catalog"."text") ORDER BY "b" COLLATE "pg_catalog"."C", "a" LIMIT 5) TO STDOUT`,
    );
  });

  test("by the operators of an extension where its index is sorted by them: those of the built-in types have another order", () => {
    const walk = [{ operators: "ext" }, { name: "b" }];
    expect(rangeStatement(table(walk), ["x", "2"], 5)).toBe(
      `COPY (${select} WHERE "a" OPERATOR("ext".>=) 'x'::"pg_catalog"."text" AND ("a" OPERATOR("ext".>) 'x'::"pg_catalog"."text" OR ("a" OPERATOR("ext".=) 'x'::"pg_catalog"."text" AND ("b" OPERATOR("pg_catalog".>) '2'::"pg_catalog"."text"))) ` +
        `ORDER BY "a", "b" LIMIT 5) TO STDOUT`,
    );
    expect(rangeStatement(table([{ operators: "ext" }]), ["x"], 5)).toBe(
      `COPY (${select} WHERE "a" OPERATOR("ext".>) 'x'::"pg_catalog"."text" ORDER BY "a" LIMIT 5) TO STDOUT`,
    );
  });

  test("for those of the keys that have no row, each with what it is by its column's type, and nothing else", () => {
    const numeric = { schema: "pg_catalog", name: "numeric", isEnum: false };
    const walk = [{ name: "b", type: numeric }, { collation: { schema: "pg_catalog", name: "C" } }];
    expect(
      absentStatement(
        table(walk),
        ["a", "b"],
        [
          ["x'y", "1"],
          ["z", "2.0"],
        ],
      ),
    ).toBe(
      `COPY (SELECT wanted.c0, wanted.c1, NULL FROM (VALUES ('x''y'::"pg_catalog"."text", '1'::"pg_catalog"."numeric"), ` +
        `('z'::"pg_catalog"."text", '2.0'::"pg_catalog"."numeric")) AS wanted (c0, c1) WHERE NOT EXISTS (SELECT FROM ONLY "s"."t""t" AS found ` +
        `WHERE "a" COLLATE "pg_catalog"."C" OPERATOR("pg_catalog".=) wanted.c0 AND "b" OPERATOR("pg_catalog".=) wanted.c1 OFFSET 0)) TO STDOUT`,
    );
  });

  test("by keys, whose columns come in another order than the index's", () => {
    expect(
      keysStatement(
        table([{ name: "b" }, { operators: "ext" }]),
        ["a", "b"],
        [
          ["1", "x"],
          ["2", "y"],
        ],
      ),
    ).toBe(
      `COPY (${select} WHERE ("a" OPERATOR("ext".=) '1'::"pg_catalog"."text" AND "b" OPERATOR("pg_catalog".=) 'x'::"pg_catalog"."text") OR ("a" OPERATOR("ext".=) '2'::"pg_catalog"."text" AND "b" OPERATOR("pg_catalog".=) 'y'::"pg_catalog"."text")) TO STDOUT`,
    );
  });
});
