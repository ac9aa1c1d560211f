import { expect, test } from "vitest";
import { terminalLine } from "../../../services/cli/watch-snapshot.ts";

test("a line is written over the one before, and cut where the terminal ends", () => {
  let written = "";
  const show = terminalLine({ isTTY: true, columns: 8, write: (text) => (written += text) })!;
  show("abcdefghij");
  show("");
  expect(written).toBe("\r\u001b[2Kabcdefg\r\u001b[2K");
});

test("where there is no terminal nothing is shown", () => {
  expect(terminalLine({ write: () => expect.fail("nothing is to be written") })).toBeUndefined();
});
