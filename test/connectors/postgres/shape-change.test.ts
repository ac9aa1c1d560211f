/** The decision by itself: what has no statement of its own in unseen-changes.ts, and what depends on when one looks. */
import { describe, expect, test } from "vitest";
import type { CapturedPartition, CapturedShape } from "../../../connectors/postgres/captured-shape.ts";
import { attachedPartitions, shapeChange, type ShapeSurroundings } from "../../../connectors/postgres/shape-change.ts";

function partition(oid: number, changed: Partial<CapturedPartition> = {}): CapturedPartition {
  const made = {
    oid,
    name: `public.p${oid}`,
    parent: 1,
    leaf: true,
    joined: "100",
    born: true,
    written: "100",
    compacted: false,
    where: `(id = ${oid})`,
  };
  return { ...made, file: oid, toast: oid + 1000, unlogged: false, ...changed };
}

const column = { number: 1, name: "id", type: 23, modifier: -1, written: "90" };
const table: CapturedShape = {
  oid: 1,
  partitioned: true,
  file: 0,
  toast: 0,
  unlogged: false,
  columns: [column],
  enums: [],
  partitions: [partition(2), partition(3)],
};
const around: ShapeSurroundings = { target: { sql: "t", renamed: false }, withRows: new Set(), recently: true, truncatedIn: () => false };

const partitioned = (...partitions: CapturedPartition[]): CapturedShape => ({ ...table, partitions });
const emptied = [partition(2, { file: 12, written: "200" }), partition(3, { file: 13, written: "200" })] as const;

describe("a TRUNCATE of all partitions", () => {
  test.each<[string, boolean | undefined, number, boolean]>([
    ["is the table's, where the stream has that", true, 0, false],
    ["waits for the stream", undefined, 0, true],
    ["is not the table's, where the stream has none", false, 2, false],
  ])("%s", (_, said, reasons, undecided) => {
    const asked: string[] = [];
    const change = shapeChange(table, partitioned(...emptied), { ...around, truncatedIn: (transaction) => (asked.push(transaction), said) });
    expect([change.reasons.length, change.undecided, asked]).toEqual([reasons, undecided, ["200"]]);
  });

  test("in two transactions, or of not all of them, is never the table's", () => {
    const always = { ...around, truncatedIn: () => true };
    expect(shapeChange(table, partitioned(emptied[0], partition(3, { file: 13, written: "201" })), always).reasons).toHaveLength(2);
    expect(shapeChange(table, partitioned(emptied[0], partition(3)), always).reasons).toHaveLength(1);
  });

  test("is not asked for where new partitions came meanwhile: their rows are in the stream", () => {
    expect(shapeChange(table, partitioned(...emptied, partition(4)), { ...around, truncatedIn: () => true })).toEqual({
      reasons: [],
      undecided: false,
    });
  });
});

describe("a partition that is new", () => {
  test("was attached where it, or what it is a part of, was not made as one", () => {
    const [born, attached] = [partition(10, { leaf: false }), partition(11, { leaf: false, born: false })];
    const now = partitioned(
      ...table.partitions,
      born,
      attached,
      partition(4),
      partition(5, { born: false }),
      partition(6, { parent: 10 }),
      partition(7, { parent: 11 }),
    );
    expect(attachedPartitions(table, now).map(({ oid }) => oid)).toEqual([5, 7]);
    // Known by now: what comes to it later comes by the stream.
    expect(attachedPartitions(now, { ...now, partitions: [...now.partitions, partition(8, { parent: 11 })] })).toEqual([]);
  });

  test("and was attached without rows has brought nothing", () => {
    const now = partitioned(...table.partitions, partition(5, { born: false }));
    expect(shapeChange(table, now, around).reasons).toEqual([]);
    expect(shapeChange(table, now, { ...around, withRows: new Set([5]) }).reasons).toEqual(["its partition public.p5 was attached with rows"]);
  });
});

describe("a partition that stays", () => {
  test("was away where what it is a part of was", () => {
    const [before, now] = ["100", "150"].map((joined) => partitioned(partition(10, { leaf: false, joined }), partition(6, { parent: 10 })));
    expect(shapeChange(before!, now!, around).reasons).toEqual([expect.stringMatching(/^its partition public.p6 was detached and attached again/)]);
  });

  test("and was compacted counts as truncated, unless the last look was a moment ago", () => {
    const now = partitioned(partition(2), partition(3, { file: 13, written: "200", compacted: true }));
    expect([true, false].map((recently) => shapeChange(table, now, { ...around, recently }).reasons.length)).toEqual([0, 1]);
  });
});

test("a statement for a target with other names of columns says so", () => {
  const { reasons } = shapeChange(table, partitioned(partition(2)), { ...around, target: { sql: '"s"."t"', renamed: true } });
  expect(reasons).toEqual([
    expect.stringContaining(`DELETE FROM "s"."t" WHERE (id = 3); at the target mends that, with the target's names of the columns, if`),
  ]);
});

test("several things are several reasons", () => {
  const now = { ...partitioned(partition(2, { joined: "150" })), columns: [{ ...column, number: 2 }] };
  expect(shapeChange(table, now, around).reasons).toHaveLength(3);
});

test("no change is none", () => {
  expect(shapeChange(table, structuredClone(table), around)).toEqual({ reasons: [], undecided: false });
});
