/** docs/mishaps.md says what the tests show, row for row, and each of its rows is a test. */
import { globSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mishaps } from "./mishaps.ts";

const root = new URL("../../", import.meta.url);
const document = readFileSync(new URL("docs/mishaps.md", root), "utf8");

test("docs/mishaps.md has the rows, in the sections they are about", () => {
  const sections = document.split(/^## /m).filter((section) => section.startsWith("The "));
  const rows = sections.flatMap((section) => {
    const lines = section.split("\n").map((line) => line.slice(2, -2).split(" | "));
    const name = section.slice("The ".length, section.indexOf("\n"));
    return lines
      .filter((cells, i) => cells.length === 3 && i > lines.findIndex(([first]) => first === "---" || first?.startsWith("--")))
      .map((cells) => [name, ...cells]);
  });
  expect(rows).toEqual(mishaps.map(({ section, what, does, mends }) => [section, what, does, mends]));
});

test("each row is the title of one test", () => {
  const files = globSync("test/**/*.test.ts", { cwd: root });
  const about = new RegExp(`\\btest\\(\\s*"((?:${[...new Set(mishaps.map(({ section }) => section))].join("|")}): [^"]+)"`, "g");
  const titles = files.flatMap((file) => [...readFileSync(new URL(file, root), "utf8").matchAll(about)].map(([, title]) => String(title)));
  expect(titles.toSorted()).toEqual(mishaps.map(({ section, what }) => `${section}: ${what}`).toSorted());
});
