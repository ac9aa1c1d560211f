import { expect, test } from "vitest";
import type { LetterQueue, Mismatch, TableRow } from "../../../../services/control/dashboard/api-answers.ts";
import { letterCure } from "../../../../services/control/dashboard/letter-cure.ts";
import { matching, servicesOf } from "../../../../services/control/dashboard/letter-filter.ts";
import { tablesOf } from "../../../../services/control/dashboard/mismatch-tables.ts";
import { tablesWorstFirst } from "../../../../services/control/dashboard/table-order.ts";
import { wrongRowsText } from "../../../../services/control/dashboard/wrong-rows-text.ts";
import { copied } from "./shown-services.ts";

const row: TableRow = { table: "t", rows: 1, pass: null, mismatches: null, copy: null, needsCopy: null, parkedKeys: 0, deadLetters: 0, alerts: [] };
const pass = { verdict: "equal", level: "detailed", finishedAt: "", mismatches: 0, lastCleanAt: null, lastPassAt: null };

test("tables of which something is wrong are above those that are only not proven, and equal ones stay where they are", () => {
  const rows: readonly TableRow[] = [
    { ...row, table: "b" },
    { ...row, table: "overdue", alerts: [{ kind: "overdue", detail: "", raisedAt: "" }] },
    { ...row, table: "unfit", needsCopy: "never copied" },
    { ...row, table: "parked", deadLetters: 1 },
    { ...row, table: "wrong", pass: { ...pass, mismatches: 1 } },
    { ...row, table: "very wrong", pass: { ...pass, verdict: "too-divergent" } },
    { ...row, table: "a", pass },
    { ...row, table: "coming", needsCopy: "never copied", copy: copied },
    { ...row, table: "marked anew", needsCopy: "the slot was lost", copy: copied },
  ];
  expect(tablesWorstFirst(rows).map(({ table }) => table)).toEqual([
    "very wrong",
    "wrong",
    "parked",
    "marked anew",
    "unfit",
    "overdue",
    "a",
    "b",
    "coming",
  ]);
});

test("how many rows are wrong: too many is no 0", () => {
  const mismatches = { missing: 1, extra: 0, differing: 2 };
  const texts = [
    { pass: null, mismatches: null },
    { pass, mismatches: { missing: 0, extra: 0, differing: 0 } },
    { pass: { ...pass, mismatches: 3 }, mismatches },
    { pass: { ...pass, mismatches: 3 }, mismatches: null },
    { pass: { ...pass, verdict: "too-divergent" }, mismatches: null },
  ].map(wrongRowsText);
  expect(texts).toEqual([
    { text: "unknown", isBad: false },
    { text: "0", isBad: false },
    { text: "3 (2 differing, 1 missing, 0 extra)", isBad: true },
    { text: "3", isBad: true },
    { text: "too many", isBad: true },
  ]);
});

function mismatch(service: string, table: string): Mismatch {
  return { service, table, kind: "missing", key: {}, detail: {}, foundAt: "" };
}

test("mismatches are together by table, the worst first", () => {
  const found = tablesOf([mismatch("a", "t"), mismatch("b", "t"), mismatch("b", "t")]);
  expect(found.map(({ service, table, mismatches }) => [service, table, mismatches.length])).toEqual([
    ["b", "t", 2],
    ["a", "t", 1],
  ]);
});

test("queues of dead letters are found by table, key, operation and error", () => {
  const letter = { op: "update", position: "", since: "", cure: null, deadLetters: 1, keys: 1 };
  const queues: readonly LetterQueue[] = [
    { ...letter, id: "b:1", service: "b", table: "public.trades", key: "(id)=(7)", error: "value too long" },
    { ...letter, id: "a:2", service: "a", table: "public.orders", key: "(id)=(8)", error: null },
  ];
  const ids = (text: string): string[] => matching(queues, text).map(({ id }) => id);
  expect(["", " TRADES ", "(8)", "too long", "update", "null"].map(ids)).toEqual([["b:1", "a:2"], ["b:1"], ["a:2"], ["b:1"], ["b:1", "a:2"], []]);
  expect(servicesOf(queues).map(({ name, own }) => [name, own.length])).toEqual([
    ["a", 1],
    ["b", 1],
  ]);
});

test("what mends a dead letter ends with its replay, and says nothing of an applier that has stopped", () => {
  expect(letterCure("DROP CONSTRAINT x; The applier goes on by itself.")).toBe("DROP CONSTRAINT x; Then replay it.");
  expect([letterCure("Mend it."), letterCure(null)]).toEqual(["Mend it.", ""]);
});
