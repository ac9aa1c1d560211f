import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyIndex } from "../../../services/apply/key-index.ts";
import { logOf, WrittenTable } from "./event-writer.ts";

const notes = new WrittenTable("notes", { a: "text*", filler: "text", b: "text*" });
const blobs = new WrittenTable("blobs", { id: "bytea*" });

describe("KeyIndex", () => {
  test("gives every key one row, counted from 0, as a map of strings does", () => {
    const text = fc.oneof(fc.constantFrom("", "a", "b", "ab", "\u00ff", "a\u0000"), fc.string({ maxLength: 6, unit: "binary" }));
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text, text), { minLength: 1, maxLength: 300 }), (keys) => {
        const log = logOf(keys.map(([a, filler, b]) => notes.create({ a, filler, b })));
        const index = new KeyIndex(log, notes.plan.keys, 1);
        const model = new Map<string, number>();
        for (const [change, [a, , b]] of keys.entries()) {
          const key = JSON.stringify([a, b]);
          if (!model.has(key)) model.set(key, model.size);
          expect(index.rowOf(change)).toBe(model.get(key));
        }
        expect(index.size).toBe(model.size);
      }),
    );
  });

  test("tells keys apart by any of their bytes", () => {
    const key = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 200 }), (keys) => {
        const log = logOf(keys.map((id) => blobs.create({ id: Buffer.from(id) })));
        const index = new KeyIndex(log, blobs.plan.keys, keys.length);
        const model = new Map<string, number>();
        for (const [change, id] of keys.entries()) {
          const text = Buffer.from(id).toString("hex");
          if (!model.has(text)) model.set(text, model.size);
          expect(index.rowOf(change)).toBe(model.get(text));
        }
      }),
    );
  });

  test("columns of one key do not run into each other", () => {
    const log = logOf([notes.create({ a: "x", b: "yz" }), notes.create({ a: "xy", b: "z" }), notes.create({ a: "xyz", b: "" })]);
    const index = new KeyIndex(log, notes.plan.keys, 3);
    expect([0, 1, 2, 1].map((change) => index.rowOf(change))).toEqual([0, 1, 2, 1]);
  });

  test("grows far beyond what was expected of it", () => {
    const log = logOf(Array.from({ length: 5000 }, (_, i) => notes.create({ a: String(i), b: String(i % 7) })));
    const index = new KeyIndex(log, notes.plan.keys, 0);
    for (let change = 0; change < 5000; change += 1) expect(index.rowOf(change)).toBe(change);
    for (let change = 4999; change >= 0; change -= 1) expect(index.rowOf(change)).toBe(change);
  });
});
