/** What is wrong between two tables has to be found wherever it is: at an end, at the border of two pages, in one side that is empty. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compareRows, type KeyedRow } from "./row-comparison.ts";

/** In pages of so many rows. */
async function* paged(rows: readonly KeyedRow[], size: number): AsyncGenerator<readonly KeyedRow[]> {
  for (let i = 0; i < rows.length; i += size) yield rows.slice(i, i + size);
}

const row = (key: string, value: string): KeyedRow => [key, `(${key},${value})`];

test("a row that is missing, one that is different and one too many are counted apart, and shown", async () => {
  const source = [row("a", "1"), row("b", "1"), row("c", "1"), row("d", "1")];
  const target = [row("b", "2"), row("c", "1"), row("d", "1"), row("e", "1")];
  const seen: string[] = [];
  const found = await compareRows(paged(source, 2), paged(target, 3), (text) => seen.push(text));
  expect(found).toEqual({
    rows: 4,
    missing: 1,
    different: 1,
    extra: 1,
    examples: ["missing: (a,1)", "different: (b,1) is (b,2)", "extra: (e,1)"],
  });
  expect(seen).toEqual(target.map(([, text]) => text));
});

function sorted(rows: Readonly<Record<string, string>>): KeyedRow[] {
  return Object.keys(rows)
    .toSorted()
    .map((key) => row(key, rows[key]!));
}

test("any two tables, in pages of any size", async () => {
  const side = fc.dictionary(fc.stringMatching(/^[a-c]{1,3}$/), fc.constantFrom("1", "2"));
  await fc.assert(
    fc.asyncProperty(side, side, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }), async (left, right, leftPage, rightPage) => {
      const found = await compareRows(paged(sorted(left), leftPage), paged(sorted(right), rightPage));
      const keys = Object.keys(left);
      expect({ rows: found.rows, missing: found.missing, different: found.different, extra: found.extra }).toEqual({
        rows: keys.length,
        missing: keys.filter((key) => !(key in right)).length,
        different: keys.filter((key) => key in right && left[key] !== right[key]).length,
        extra: Object.keys(right).filter((key) => !(key in left)).length,
      });
    }),
  );
});
