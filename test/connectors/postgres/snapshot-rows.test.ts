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

/** A message of the protocol. */
function message(kind: string, body: Buffer | string): Buffer {
  const bytes = Buffer.concat([Buffer.from(kind), Buffer.alloc(4), Buffer.from(body)]);
  bytes.writeInt32BE(bytes.length - 1, 1);
  return bytes;
}

function rowsOf(columns: number): SnapshotRows {
  const rows = new SnapshotRows();
  rows.begin(columns);
  return rows;
}

const noOther = (): void => expect.fail("no other message was sent");

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
      fc.property(table, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), ({ columns, written }, pieces) => {
        const rows = rowsOf(columns);
        // COPY prints lone surrogates no more than PostgreSQL keeps them.
        const valid = written.map((row) => row.map((value) => value && value.toWellFormed()));
        const end = message("c", "");
        const sent = Buffer.concat([...valid.map((row) => message("d", `${row.map(copyText).join("\t")}\n`)), end]);
        const others: Buffer[] = [];
        for (let at = 0, i = 0; at < sent.length; i += 1) {
          const length = pieces[i % pieces.length]!;
          rows.push(sent.subarray(at, at + length), (other) => others.push(Buffer.from(other)));
          at += length;
        }
        expect(readAll(rows, columns)).toEqual(valid);
        expect(others).toEqual([end]);
      }),
    );
  });

  test("are gone when another chunk begins in the same memory, of more columns or fewer", () => {
    const rows = rowsOf(1);
    for (let i = 0; i < 5000; i += 1) rows.push(message("d", `${i}\n`), noOther);
    for (const columns of [3, 1, 1600]) {
      rows.begin(columns);
      const row = Array.from({ length: columns }, (_, i) => (i % 2 === 0 ? String(i) : null));
      for (let i = 0; i < 3; i += 1) rows.push(message("d", `${row.map(copyText).join("\t")}\n`), noOther);
      expect(readAll(rows, columns)).toEqual([row, row, row]);
    }
  });

  test("are kept while the buffer grows, and the bytes that they came in are used again", () => {
    const rows = rowsOf(2);
    const row = Buffer.alloc(50_002);
    for (let i = 0; i < 10; i += 1) {
      row.fill(`${i}`).write("\t", 10);
      row.write("\n", 50_001);
      rows.push(message("d", row), noOther);
    }
    expect(readAll(rows, 2)).toEqual(Array.from({ length: 10 }, (_, i) => [String(i).repeat(10), String(i).repeat(49_990)]));
    expect(rows.size).toBe(10 * 50_007);
  });

  test("with other columns than were asked for are refused", () => {
    expect(() => rowsOf(2).push(message("d", "1\n"), noOther)).toThrow(/1 values instead of 2/);
    expect(() => rowsOf(2).push(message("d", "1\t2\t3\n"), noOther)).toThrow(/3 values instead of 2/);
    expect(() => rowsOf(2).push(message("d", "\\N\t2\t3\n"), noOther)).toThrow(/3 values instead of 2/);
  });

  test("in a message of an impossible length are refused", () => {
    const impossible = message("d", "1\n");
    impossible.writeInt32BE(3, 1);
    expect(() => rowsOf(1).push(impossible, noOther)).toThrow(/a message of 3 bytes/);
  });
});
