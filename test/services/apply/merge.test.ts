import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ChangeLog } from "../../../services/apply/change-log.ts";
import { merge, type Merged } from "../../../services/apply/merge.ts";
import type { RowSet } from "../../../services/apply/row-set.ts";
import { logOf, type TableEvent, WrittenTable } from "./event-writer.ts";

const notes = new WrittenTable("notes", { id: "text*", a: "text", b: "text", c: "text" });
const columns = ["id", "a", "b", "c"] as const;
const values = ["a", "b", "c"] as const;

type Value = string | null;
/** `own` is a column that only the target has: it is kept by an update and lost with its row. */
type ModelRow = Record<"a" | "b" | "c" | "own", Value>;
type Model = Map<string, ModelRow>;

type Step = {
  readonly key: string;
  readonly do: "put" | "delete" | "read" | "absent";
  readonly values: readonly Value[];
  readonly unchanged: readonly boolean[];
};

/** The change that a database whose table is `model` would make, and the table after it. */
function change(model: Model, { key, do: what, values: [a = null, b = null, c = null], unchanged }: Step): TableEvent | undefined {
  const row = model.get(key);
  // A copy reads what is there.
  if (what === "read") return row && notes.read({ id: key, a: row.a, b: row.b, c: row.c });
  if (what === "absent") return row === undefined ? notes.absent({ id: key }) : undefined;
  if (row === undefined) {
    if (what === "delete") return undefined;
    model.set(key, { a, b, c, own: null });
    return notes.create({ id: key, a, b, c });
  }
  if (what === "delete") {
    model.delete(key);
    return notes.delete({ id: key });
  }
  const marked = values.filter((_, i) => unchanged[i]);
  const after = { a, b, c };
  for (const column of values) if (!marked.includes(column)) row[column] = after[column];
  return notes.update({ id: key, ...Object.fromEntries(values.map((column) => [column, marked.includes(column) ? null : after[column]])) }, marked);
}

/** Row i of a set, column by column, as a statement's parameters get it. */
function valueOf(log: ChangeLog, rows: RowSet, i: number, column: number): Value {
  const from = rows.sources?.[i]?.[column] ?? rows.changes[i]!;
  const at = log.row[from]! + column;
  return log.start[at] === -1 ? null : log.buffers[log.buffer[from]!]!.toString("utf8", log.start[at], log.end[at]);
}

/**
 * What the statements would do to the table: deletes, then updates, then inserts and what is put, each touching exactly the rows it names, or, for removals
 * and puts, those that are there.
 *
 * @param uncopied whether updates need not find their rows
 */
function apply(model: Model, log: ChangeLog, { deletes, removals, updates, inserts, puts }: Merged, uncopied = false): void {
  const keyOf = (rows: RowSet, i: number): string => valueOf(log, rows, i, 0)!;
  for (let i = 0; i < deletes.length; i += 1) expect(model.delete(keyOf(deletes, i))).toBe(true);
  for (let i = 0; i < removals.length; i += 1) model.delete(keyOf(removals, i));
  for (const { known, rows } of updates) {
    for (let i = 0; i < rows.length; i += 1) {
      const row = model.get(keyOf(rows, i));
      if (uncopied && row === undefined) continue;
      expect(row).toBeDefined();
      for (const [column, name] of columns.entries()) if (name !== "id" && known[column]) row![name] = valueOf(log, rows, i, column);
    }
  }
  for (let i = 0; i < inserts.length; i += 1) {
    const key = keyOf(inserts, i);
    expect(model.has(key)).toBe(false);
    model.set(key, { a: valueOf(log, inserts, i, 1), b: valueOf(log, inserts, i, 2), c: valueOf(log, inserts, i, 3), own: null });
  }
  for (let i = 0; i < puts.length; i += 1) {
    const key = keyOf(puts, i);
    const own = model.get(key)?.own ?? null;
    model.set(key, { a: valueOf(log, puts, i, 1), b: valueOf(log, puts, i, 2), c: valueOf(log, puts, i, 3), own });
  }
}

const value = fc.option(fc.constantFrom("", "x", "y", "z"));
const key = fc.constantFrom("1", "2", "3");
const step: fc.Arbitrary<Step> = fc.record({
  key,
  do: fc.constantFrom("put", "put", "delete"),
  values: fc.tuple(value, value, value),
  unchanged: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
});
const stepOrRead = fc.oneof(
  step,
  step,
  step.map((each): Step => ({ ...each, do: "read" })),
);
const stepOrRepair = fc.oneof(
  stepOrRead,
  stepOrRead,
  step.map((each): Step => ({ ...each, do: "absent" })),
);
const table = fc.dictionary(key, fc.record({ a: value, b: value, c: value, own: value })).map((rows): Model => new Map(Object.entries(rows)));

describe("merge", () => {
  test("comes to the same as the changes one by one, whatever was there", () => {
    fc.assert(
      fc.property(table, fc.array(step, { minLength: 1, maxLength: 30 }), (start, steps) => {
        const expected: Model = structuredClone(start);
        const events = steps.flatMap((each) => change(expected, each) ?? []);
        fc.pre(events.length > 0);
        const log = logOf(events);
        const merged = merge(log, [...events.keys()]);
        expect(merged).toBeDefined();
        const actual: Model = structuredClone(start);
        apply(actual, log, merged!);
        expect(actual).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test("rows that a copy reads come in where they stand among the changes", () => {
    fc.assert(
      fc.property(table, fc.array(stepOrRead, { minLength: 1, maxLength: 30 }), (start, steps) => {
        const expected: Model = structuredClone(start);
        const events = steps.flatMap((each) => change(expected, each) ?? []);
        fc.pre(events.length > 0);
        const log = logOf(events);
        const actual: Model = structuredClone(start);
        apply(actual, log, merge(log, [...events.keys()])!);
        expect(actual).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test("a key that a repair finds without a row has none, whatever the target has, and any that comes later", () => {
    const extra = fc.dictionary(key, fc.record({ a: value, b: value, c: value, own: value }));
    fc.assert(
      fc.property(table, extra, fc.array(stepOrRepair, { minLength: 1, maxLength: 30 }), (start, extras, steps) => {
        const expected: Model = structuredClone(start);
        const actual: Model = new Map([...Object.entries(extras), ...structuredClone(start)]);
        // Rows that the target alone has are asked for first: the stream knows nothing of them.
        const asked = Object.keys(extras).map((each): Step => ({ key: each, do: "absent", values: [], unchanged: [] }));
        const events = [...asked, ...steps].flatMap((each) => change(expected, each) ?? []);
        fc.pre(events.length > 0);
        const log = logOf(events);
        apply(actual, log, merge(log, [...events.keys()])!);
        expect(actual).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test("of a table that was not copied any row may be missing: it is there, as it should be, once a copy has read it or a change had all of it", () => {
    fc.assert(
      fc.property(table, fc.subarray(["1", "2", "3"]), fc.array(stepOrRead, { minLength: 1, maxLength: 30 }), (start, missing, steps) => {
        const expected: Model = structuredClone(start);
        const actual: Model = structuredClone(start);
        for (const each of missing) actual.delete(each);
        const unknown = new Set(missing.filter((each) => start.has(each)));
        const events = steps.flatMap((each) => {
          const event = change(expected, each);
          if (event !== undefined && (event.unchanged ?? []).length === 0) unknown.delete(each.key);
          return event ?? [];
        });
        fc.pre(events.length > 0);
        const log = logOf(events);
        apply(actual, log, merge(log, [...events.keys()], true)!, true);
        // What only the target had went with the row that was missing.
        const rest = [...expected].filter(([each]) => !unknown.has(each));
        expect(actual).toEqual(new Map(rest.map(([each, row]) => [each, missing.includes(each) ? { ...row, own: null } : row])));
      }),
      { numRuns: 1000 },
    );
  });

  test("names every key once, in one of its sets", () => {
    fc.assert(
      fc.property(table, fc.array(stepOrRead, { minLength: 1, maxLength: 30 }), (start, steps) => {
        const events = steps.flatMap((each) => change(start, each) ?? []);
        fc.pre(events.length > 0);
        const log = logOf(events);
        const { deletes, removals, updates, inserts, puts } = merge(log, [...events.keys()])!;
        const keys = (rows: RowSet): string[] => rows.changes.map((_, i) => valueOf(log, rows, i, 0)!);
        const written = [...updates.flatMap(({ rows }) => keys(rows)), ...keys(inserts), ...keys(puts)];
        expect(new Set(written).size).toBe(written.length);
        const gone = [...keys(deletes), ...keys(removals)];
        expect(new Set(gone).size).toBe(gone.length);
        // Only a row that is replaced is in two sets.
        expect([...updates.flatMap(({ rows }) => keys(rows)), ...keys(puts)].filter((each) => gone.includes(each))).toEqual([]);
      }),
    );
  });

  const created = notes.create({ id: "1", a: "x", b: null, c: null });
  const updated = notes.update({ id: "1", a: "y", b: null, c: null });
  const deleted = notes.delete({ id: "1" });
  test.each([
    ["a create of a row that the batch created", [created, created]],
    ["a create of a row that the batch updated", [updated, created]],
    ["an update of a row that the batch deleted", [deleted, updated]],
    ["an update of a row that came and went", [created, deleted, updated]],
    ["a second delete", [deleted, deleted]],
    ["a delete of a row that came and went", [created, deleted, deleted]],
    ["a create of a row that was replaced", [deleted, created, created]],
    ["a key without a row that the batch created", [created, notes.absent({ id: "1" })]],
  ])("%s is not guessed at", (_, events) => {
    expect(merge(logOf(events), [...events.keys()])).toBeUndefined();
  });

  test("a row that comes and goes needs no statement", () => {
    const { deletes, updates, inserts } = merge(logOf([created, updated, deleted]), [0, 1, 2])!;
    expect([deletes.length, updates.length, inserts.length]).toEqual([0, 0, 0]);
  });

  test("rows with the same unknown columns share a statement", () => {
    const events = ["1", "2", "3", "4"].map((id) => notes.update({ id, a: "x", b: null, c: null }, id === "4" ? ["b"] : id === "3" ? [] : ["c"]));
    const { updates } = merge(logOf(events), [0, 1, 2, 3])!;
    expect(updates.map(({ known, rows }) => [known, [...rows.changes]])).toEqual([
      [[true, true, true, true], [2]],
      [
        [true, true, true, false],
        [0, 1],
      ],
      [[true, true, false, true], [3]],
    ]);
  });
});
