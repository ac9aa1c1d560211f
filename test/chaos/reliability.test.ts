/** docs/reliability.md says what the tests show: the places of the matrix, and what each control is found by. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Place, steps } from "../../services/runtime/failpoint.ts";
import { ailments } from "./ailments.ts";
import { allCells } from "./altered-matrix.ts";
import { controls } from "./controls.ts";
import { allFailures, applierCells, connectorCells } from "./failpoint-matrix.ts";
import { lagBounds, memoryBound } from "./isolation-faults.ts";
import { growthBounds } from "./soak-faults.ts";

const document = readFileSync(new URL("../../docs/reliability.md", import.meta.url), "utf8");

function rowsOf(section: string): string[][] {
  const text = document.split(/^## /m).find((each) => each.startsWith(section))!;
  const rows = text.split("\n").filter((line) => line.startsWith("| "));
  return rows.slice(1).map((row) =>
    row
      .slice(2, -1)
      .split(" |")
      .map((cell) => cell.trim()),
  );
}

function stepsOf(cells: readonly { readonly place: Place }[]): string[] {
  return [...new Set(cells.map(({ place }) => place.replace(/^(before|after)-/, "")))];
}

test("the matrix has every step, where the document says that it is", () => {
  const rows = rowsOf("The position matrix");
  expect(rows.map(([connector]) => connector)).toEqual(stepsOf(connectorCells));
  expect(rows.map(([, applier]) => applier).filter((step) => step !== "")).toEqual(stepsOf(applierCells));
  expect(
    rows
      .flat()
      .filter((step) => step !== "")
      .toSorted(),
  ).toEqual([...steps].toSorted());
  expect(document).toContain(`${allFailures(true).size} failures at ${2 * steps.length} places`);
});

test("the controls are those of the document, and found by what it says", () => {
  const expected = controls.map(({ name, finds, stops }) => {
    const found = finds.join(", ");
    const stop = stops.length === 0 ? "" : `the connector stops: ${stops.map((code) => `\`${code}\``).join(" or ")}`;
    return [name, [found, stop].filter((part) => part !== "").join(", and ")];
  });
  expect(rowsOf("Negative controls")).toEqual(expected);
});

test("the ailments are those of the document, and the bounds those of the command", () => {
  const expected = Object.values(ailments).map(({ what, waitsIn, says }) => [what, `the ${waitsIn}`, says.map((code) => `\`${code}\``).join(", ")]);
  // Behind them stand the figures.
  expect(rowsOf("One service is ill").slice(0, expected.length)).toEqual(expected);
  expect(document).toContain(`at most ${lagBounds.p50} times as long as before`);
  expect(lagBounds.p90).toBe(2);
  expect(document).toContain(`a factor of ${memoryBound} `);
});

test("tables are altered in every way at every place, as the document says", () => {
  const cells = new Set(allCells().map(({ name, place }) => `${place} ${name}`));
  const names = new Set(allCells().map(({ name }) => name));
  expect(cells.size).toBe(names.size * connectorCells.length);
  expect(document.replaceAll("\n", " ")).toContain(`all ${names.size} at all ${connectorCells.length} pairs of places`);
  const tables = readFileSync(new URL("../../docs/tables.md", import.meta.url), "utf8")
    .split(/^## /m)
    .find((each) => each.startsWith("Changes of the schema\n"))!;
  const rows = [...tables.matchAll(/^\| (.*?) \| /gm)].map(([, name]) => name).slice(1);
  expect(rows).toEqual(expect.arrayContaining([...names]));
  expect(document.replaceAll("\n", " ")).toContain(`(${names.size} of its ${rows.length} rows: `);
});

test("the bounds of what may grow are those of the document", () => {
  const { rss, handles, p50, p99 } = growthBounds;
  expect(document.replaceAll("\n", " ")).toContain(`memory ${rss}, handles ${handles}, half of the latencies ${p50}, their 99th percentile ${p99}`);
});
