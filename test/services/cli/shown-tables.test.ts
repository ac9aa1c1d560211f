import { describe, expect, test } from "vitest";
import { type KnownTables, shownTables } from "../../../services/cli/shown-tables.ts";
import type { TablePasses } from "../../../services/control/pass-history.ts";

const pass: TablePasses = {
  table: "public.b",
  verdict: "mismatch",
  level: "detailed",
  finishedAt: "2026-01-01T00:00:00.000Z",
  mismatches: 3,
  lastCleanAt: null,
  lastPassAt: "2026-01-01T00:00:00.000Z",
  lastPassMs: 20,
  mismatchRate: 0.1,
};
const quiet = { reconciliations: [], copies: [], alerts: [] };
const known: KnownTables = {
  rows: new Map([
    ["public.b", 7],
    ["public.a", null],
  ]),
  target: { marks: [], parked: [] },
  mismatches: new Map(),
};

function mismatchesIn(mismatches: KnownTables["mismatches"]): unknown {
  return shownTables({ ...known, mismatches }, { ...quiet, reconciliations: [pass] }).map((each) => each.mismatches);
}

describe("the tables of a service", () => {
  test("are those of the monolith, in order, each with what is known of it", () => {
    expect(shownTables(known, quiet)).toEqual([
      { table: "public.a", rows: null, pass: null, mismatches: null, copy: null, needsCopy: null, parkedKeys: 0, deadLetters: 0, alerts: [] },
      { table: "public.b", rows: 7, pass: null, mismatches: null, copy: null, needsCopy: null, parkedKeys: 0, deadLetters: 0, alerts: [] },
    ]);
  });

  test("have zero mismatches where a pass has found none, and none that is known where there was no pass", () => {
    const counts = { missing: 1, extra: 0, differing: 2 };
    expect(mismatchesIn(new Map())).toEqual([null, { missing: 0, extra: 0, differing: 0 }]);
    expect(mismatchesIn(new Map([["public.b", counts]]))).toEqual([null, counts]);
    expect(mismatchesIn(undefined)).toEqual([null, null]);
  });

  test("have no number of what is wrong where so much is that no row was looked at", () => {
    const divergent: TablePasses = { ...pass, verdict: "too-divergent", mismatches: 0 };
    expect(shownTables(known, { ...quiet, reconciliations: [divergent] }).map((each) => each.mismatches)).toEqual([null, null]);
  });

  test("have no number of what a target that is away has put aside", () => {
    expect(shownTables({ ...known, target: undefined }, quiet)).toMatchObject([
      { table: "public.a", parkedKeys: null, deadLetters: null },
      { table: "public.b", parkedKeys: null, deadLetters: null },
    ]);
    const target = { marks: [{ table: "public.a", reason: "rows from before" }], parked: [{ table: "public.b", keys: 2, deadLetters: 5 }] };
    expect(shownTables({ ...known, target }, quiet)).toMatchObject([
      { table: "public.a", needsCopy: "rows from before", parkedKeys: 0 },
      { table: "public.b", needsCopy: null, parkedKeys: 2, deadLetters: 5 },
    ]);
  });

  test("are those that others know of while the monolith is away", () => {
    const parked = [{ table: "public.old", keys: 1, deadLetters: 1 }];
    const tables = shownTables({ ...known, rows: undefined, target: { marks: [], parked } }, { ...quiet, reconciliations: [pass] });
    expect(tables.map(({ table, rows }) => [table, rows])).toEqual([
      ["public.b", null],
      ["public.old", null],
    ]);
  });

  test("do not have one that has left by its old passes, but by what is put aside of it", () => {
    const left = { ...pass, table: "public.left" };
    expect(shownTables(known, { ...quiet, reconciliations: [left] }).map(({ table }) => table)).toEqual(["public.a", "public.b"]);
    const target = { marks: [], parked: [{ table: "public.left", keys: 1, deadLetters: 1 }] };
    expect(shownTables({ ...known, target }, { ...quiet, reconciliations: [left] }).map(({ table }) => table)).toContain("public.left");
  });

  test("have their own alerts", () => {
    const alert = { table: "public.b", kind: "mismatch", detail: "3 rows are wrong", raisedAt: "2026-01-01T00:00:00.000Z" } as const;
    const { table: _, ...shown } = alert;
    expect(shownTables(known, { ...quiet, alerts: [alert] }).map(({ alerts }) => alerts)).toEqual([[], [shown]]);
  });
});
