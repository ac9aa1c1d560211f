import avro from "avsc";
import { describe, expect, test } from "vitest";
import { type EventPlan, noPlan } from "../../../schemas/event-plan.ts";
import { EventReader } from "../../../schemas/event-reader.ts";
import { Change } from "../../../services/apply/change-log.ts";
import type { ComparedTable } from "../../../services/reconcile/compared-table.ts";
import { HotRows } from "../../../services/reconcile/hot-rows.ts";
import type { RowVersion } from "../../../services/reconcile/sandwich.ts";

const side = { oid: 1, name: "t", from: "t", columns: [], hashed: [], hashing: "representation", key: [] } as const;
const table: ComparedTable = {
  name: { schema: "public", table: "t" },
  source: side,
  target: side,
  columns: ["id", "note", "f", "secret"],
  redacted: [false, false, false, true],
  plain: [true, true, true, true],
  key: [0],
  keyIsText: true,
  ordered: true,
};

const column = (name: string, form: "string" | "double") => ({ name, field: name, form, valueBranch: 1 }) as const;
const plan: EventPlan = {
  ...noPlan,
  kind: "row",
  schema: "public",
  table: "t",
  columns: [column("id", "string"), column("note", "string"), column("f", "double"), column("secret", "string")],
  keys: [0],
  source: avro.Type.forSchema("null"),
};

/** An event as a reader shows it. Undefined for a value that was not in the WAL. */
function event(op: number, xid: number, values: readonly (string | number | null | undefined)[], keys: readonly number[] = [0]): EventReader {
  const reader = new EventReader({ ...plan, keys });
  const parts: Buffer[] = [];
  const row = op === Change.delete ? reader.before : reader.after;
  row.resize(values.length);
  reader.unchanged = new Uint8Array(values.length);
  for (const [i, value] of values.entries()) {
    const at = Buffer.concat(parts).length;
    if (typeof value === "string") parts.push(Buffer.from(value));
    if (typeof value === "number") {
      parts.push(Buffer.alloc(8));
      parts.at(-1)!.writeDoubleLE(value);
    }
    const isThere = value !== null && value !== undefined;
    [row.start[i], row.end[i]] = isThere ? [at, Buffer.concat(parts).length] : [-1, -1];
    if (value === undefined) [reader.unchanged[i], reader.unchangedCount] = [1, reader.unchangedCount + 1];
  }
  reader.bytes = Buffer.concat(parts);
  reader.op = op;
  reader.xid = xid;
  reader.totalOrder = 1;
  return reader;
}

const version = (xmin: number, ...values: (string | null)[]): RowVersion => ({ xmin: String(xmin), values });

const at = (offset: number, shape: string) => ({ position: { offset, commitLsn: 0n, sequence: 0 }, shape });

/** Judges the row of key 1. */
function judged(rows: HotRows, offset: number, target?: RowVersion, source?: RowVersion, shape = "shape"): string | undefined {
  const [judgement] = rows.judge(table, [{ key: ["1"], source, target }], at(offset, shape));
  return judgement?.state === "mismatch" ? judgement.kind : judgement?.state;
}

/** That listens since offset 10. */
function listening(): HotRows {
  const rows = new HotRows();
  expect(judged(rows, 10)).toBeUndefined();
  return rows;
}

describe("a hot row, at a position that the applier has passed", () => {
  test("is what its newest event before that position says, or wrong", () => {
    const rows = listening();
    rows.note(event(Change.update, 1, ["1", "a", 1.5, "s"]), 10);
    rows.note(event(Change.update, 2, ["1", "b", 1.5, "s"]), 11);
    rows.note(event(Change.update, 3, ["2", "of another row", 1.5, "s"]), 12);
    const seen = version(1, "1", "a", "1.5", "[hash]");
    expect(judged(rows, 10, version(9, "1", "?", "?", "?"), seen)).toBeUndefined();
    expect(judged(rows, 11, version(9, "1", "a", "1.5", "[hash]"), seen)).toBe("clean");
    expect(judged(rows, 12, version(9, "1", "a", "1.5", "[hash]"))).toBe("differing");
    expect(judged(rows, 12)).toBe("missing");
    rows.note(event(Change.delete, 4, ["1", null, null, null]), 13);
    expect([judged(rows, 14), judged(rows, 14, version(9, "1", "b", "1.5", "x"))]).toEqual(["clean", "extra"]);
  });

  test("is neither right nor wrong by what the event does not tell: floats of many digits, values that nobody may see, what was not in the WAL", () => {
    const rows = listening();
    rows.note(event(Change.update, 1, ["1", undefined, 1e21, "s"]), 10);
    expect(judged(rows, 11, version(9, "1", "anything", "1e+21", "[hash]"))).toBe("hot");
    expect(judged(rows, 11, version(9, "1", "anything", "1e+21", "[hash]"), version(1, "1", "n", "1e+21", "[hash]"))).toBe("differing");
    expect(judged(rows, 11, version(9, "1", "n", "1e+21", "[other]"))).toBe("differing");
    expect(judged(rows, 11, version(9, "1", "n", "1e+21", "[hash]"))).toBe("clean");
  });

  test("is not judged by events from before its table was altered, or before another connector has taken over", () => {
    for (const end of ["altered", "taken over"] as const) {
      const rows = listening();
      rows.note(event(Change.update, 1, ["1", "a", 1.5, "s"]), 10);
      if (end === "taken over") rows.forget();
      const shape = { altered: "other", "taken over": "shape" }[end];
      expect(rows.judge(table, [{ key: ["1"], target: version(9, "1", "converted", "1.50", "x") }], at(11, shape))).toEqual([undefined]);
    }
  });

  test("is not judged where events may be of it under another text, or of another key", () => {
    const rows = new HotRows();
    const numeric = { ...table, keyIsText: false };
    rows.judge(numeric, [{ key: ["1"] }], at(10, "shape"));
    rows.note(event(Change.update, 1, ["1", "a", 1.5, "s"]), 10);
    expect(rows.judge(numeric, [{ key: ["1"], target: version(9, "1", "x", "x", "x") }], at(11, "shape"))).toEqual([undefined]);
    const rekeyed = listening();
    rekeyed.note(event(Change.update, 1, ["1", "a", 1.5, "s"], [0, 1]), 10);
    expect(judged(rekeyed, 11, version(9, "1", "x", "x", "x"))).toBeUndefined();
  });

  test("is gone after a truncate", () => {
    const rows = listening();
    rows.note(event(Change.truncate, 1, []), 10);
    expect([judged(rows, 11), judged(rows, 11, version(9, "1", "a", "1", "x"))]).toEqual(["clean", "extra"]);
  });
});
