import { expect, test } from "vitest";
import { NpmOutput } from "../../../infra/local/npm-output.js";

test("counts fetched packages and shows neither them nor what npm's own Node is too old for", () => {
  const output = new NpmOutput();
  const shown = [
    "npm http fetch GET 200 https://example.org/zod 12ms (cache updated)",
    "npm http fetch GET 200 https://example.org/zod/-/zod-4.6.7.tgz 40ms (cache updated)",
    "npm warn EBADENGINE Unsupported engine {",
    "",
    "added 137 packages in 11s",
  ].filter((line) => output.isWorthShowing(line));
  expect(shown).toEqual(["added 137 packages in 11s"]);
  expect(output.packages).toBe(1);
});

test.each([
  ["npm error code ECONNREFUSED", "It could not reach its registry"],
  ["npm error code ENOSPC", "The disk is full"],
  ["npm error code EACCES", "It may not write to /clone"],
  ["npm ERR! code E404", "Its messages are above"],
])("%s: says what to do", (line, cure) => {
  const output = new NpmOutput();
  expect(output.isWorthShowing(line)).toBe(true);
  expect(output.cure("/clone")).toContain(cure);
});
