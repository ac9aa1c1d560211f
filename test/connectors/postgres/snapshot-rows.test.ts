import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tuple, Value } from "../../../connectors/postgres/pgoutput.ts";
import { SnapshotRows } from "../../../connectors/postgres/snapshot-rows.ts";

/** As COPY TO prints a value. */
function copyText(value: string | null): string {
  if (value === null) return "\\N";
  const letters: Record<string, string> = { "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\\": "\\" };
  return value.replaceAll(/[\b\t\n\v\f\r\\]/g, (char) => `\\${letters[char]}`);
}

function readAll(rows: SnapshotRows, columns: number): (string | null)[][] {
  const tuple = new Tuple();
  return Array.from({ length: rows.count }, (_, row) => {
    rows.read(row, tuple);
    return Array.from({ length: columns }, (_unused, i) =>
      tuple.kind[i] === Value.null ? null : rows.bytes.toString("utf8", tuple.start[i], tuple.end[i]),
    );
  });
}

describe("rows of COPY", () => {
  test("of any texts are read as they are", () => {
    const text = fc
      .oneof(
        fc.string({ unit: "binary" }),
        fc.string({ unit: fc.constantFrom("\b", "\t", "\n", "\v", "\f", "\r", "\\", "N", "b", "t", "n", "v", "f", "r", ".") }),
      )
      .map((value) => value.replaceAll("\0", ""));
    const table = fc
      .integer({ min: 1, max: 5 })
      .chain((columns) =>
        fc.array(fc.array(fc.option(text), { minLength: columns, maxLength: columns }), { maxLength: 20 }).map((written) => ({ columns, written })),
      );
    fc.assert(
      fc.property(table, ({ columns, written }) => {
        const rows = new SnapshotRows(columns);
        // COPY prints lone surrogates no more than PostgreSQL keeps them.
        const valid = written.map((row) => row.map((value) => value && value.toWellFormed()));
        for (const row of valid) rows.push(Buffer.from(`${row.map(copyText).join("\t")}\n`));
        expect(readAll(rows, columns)).toEqual(valid);
      }),
    );
  });

  test("are kept while the buffer grows, and the bytes that they came in are used again", () => {
    const rows = new SnapshotRows(2);
    const row = Buffer.alloc(50_002);
    for (let i = 0; i < 10; i += 1) {
      row.fill(`${i}`).write("\t", 10);
      row.write("\n", 50_001);
      rows.push(row);
    }
    expect(readAll(rows, 2)).toEqual(Array.from({ length: 10 }, (_, i) => [String(i).repeat(10), String(i).repeat(49_990)]));
    expect(rows.size).toBe(10 * 50_002);
  });

  test("with other columns than were asked for are refused", () => {
    expect(() => new SnapshotRows(2).push(Buffer.from("1\n"))).toThrow(/1 values instead of 2/);
    expect(() => new SnapshotRows(2).push(Buffer.from("1\t2\t3\n"))).toThrow(/3 values instead of 2/);
  });
});
