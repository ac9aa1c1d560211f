import { describe, expect, test } from "vitest";
import { StreamedRow } from "../../../services/reconcile/streamed-row.ts";

const row = (values: Record<string, string | null>): Map<string, string | null> => new Map(Object.entries(values));
const change = (offset: number, xid: number, values: Record<string, string | null> | undefined, kept: string[] = []) => ({
  offset,
  xid,
  row: values && row(values),
  kept,
});

describe("what the stream says of a row", () => {
  test("at a position is what the newest event before it says", () => {
    const streamed = new StreamedRow();
    expect(streamed.at(10)).toBeUndefined();
    streamed.add(change(10, 1, { a: "1" }));
    streamed.add(change(20, 2, undefined));
    streamed.add(change(30, 3, { a: "3" }));
    expect([streamed.at(10), streamed.at(11), streamed.at(21), streamed.at(40)]).toEqual([
      undefined,
      { row: row({ a: "1" }), xid: 1 },
      { row: undefined, xid: 2 },
      { row: row({ a: "3" }), xid: 3 },
    ]);
  });

  test("has a value that an event left out only where an event before has it, and not one that is merely not known", () => {
    const streamed = new StreamedRow();
    streamed.add(change(1, 1, { a: "1", big: "x", f: "1.5" }));
    streamed.add(change(2, 2, { a: "2" }, ["big"]));
    expect(streamed.at(3)?.row).toEqual(row({ big: "x", a: "2" }));
    streamed.add(change(3, 3, undefined));
    streamed.add(change(4, 4, { a: "4" }, ["big"]));
    expect(streamed.at(5)?.row).toEqual(row({ a: "4" }));
  });

  test("is completed by the source's row of the same transaction, as its last event has left it", () => {
    const streamed = new StreamedRow();
    streamed.seed("7", row({ a: "2", big: "x" }));
    streamed.add(change(1, 7, { a: "1" }, ["big"]));
    streamed.add(change(2, 7, { a: "2" }, ["big"]));
    streamed.add(change(3, 8, { a: "3" }, ["big"]));
    expect(streamed.at(4)?.row).toEqual(row({ big: "x", a: "3" }));
    const other = new StreamedRow();
    other.seed("6", row({ a: "0", big: "y" }));
    other.add(change(1, 7, { a: "1" }, ["big"]));
    expect(other.at(2)?.row).toEqual(row({ a: "1" }));
  });

  test("is not completed in the middle of a transaction", () => {
    const streamed = new StreamedRow();
    streamed.seed("7", row({ big: "new" }));
    // The row of the source is that of the end: this value is no longer what it was here.
    for (let i = 0; i < 250; i += 1) streamed.add(change(i, 7, { a: String(i) }, ["big"]));
    streamed.add(change(300, 7, { a: "last", big: "new" }));
    streamed.add(change(301, 8, { a: "after" }, ["big"]));
    expect(streamed.at(302)?.row).toEqual(row({ big: "new", a: "after" }));
  });

  test("is not known at a position that it has changed too often since: what is remembered begins behind it", () => {
    const streamed = new StreamedRow();
    for (let i = 0; i < 300; i += 1) streamed.add(change(i, i, { a: String(i) }));
    expect(streamed.at(50)).toBeUndefined();
    // The newest that is forgotten is that of offset 99.
    expect(streamed.at(99)).toBeUndefined();
    expect(streamed.at(100)?.row).toEqual(row({ a: "99" }));
    expect(streamed.at(300)?.row).toEqual(row({ a: "299" }));
  });
});
