import { describe, expect, test } from "vitest";
import { ChunkSize } from "../../../connectors/postgres/chunk-size.ts";

describe("the next chunk", () => {
  test.each([
    { what: "is larger where the one before was fast, but not by too much", rows: 1000, bytes: 100_000, ms: 5, next: 4000 },
    { what: "takes half a second where the one before took longer", rows: 1000, bytes: 100_000, ms: 5000, next: 100 },
    { what: "has four megabytes where rows are wide", rows: 1000, bytes: 8 << 20, ms: 5, next: 500 },
    { what: "has one row where one is enough", rows: 1, bytes: 100 << 20, ms: 5000, next: 1 },
    { what: "is as large as before where the table had no more rows", rows: 0, bytes: 0, ms: 1, next: 1000 },
  ])("$what", ({ rows, bytes, ms, next }) => {
    const size = new ChunkSize();
    size.took(rows, bytes, ms);
    expect(size.rows).toBe(next);
  });

  test("has fewer bytes where no more may be read a second", () => {
    const size = new ChunkSize(1 << 20);
    size.took(1000, 2 << 20, 5);
    expect(size.rows).toBe(500);
  });

  test("never has more rows than that, and never none", () => {
    const size = new ChunkSize();
    for (let i = 0; i < 10; i += 1) size.took(size.rows, size.rows, 1);
    expect(size.rows).toBe(100_000);
    for (let i = 0; i < 30; i += 1) size.halve();
    expect(size.rows).toBe(1);
  });
});
