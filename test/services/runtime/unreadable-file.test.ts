import { expect, test } from "vitest";
import { unreadable } from "../../../services/runtime/unreadable-file.ts";

test.each([
  ["ENOENT", "the file a does not exist"],
  ["EACCES", "the file a may not be read by this user"],
  ["EISDIR", "the file a is a folder"],
  ["EIO", "the file a cannot be read: i/o error"],
])("%s", (code, text) => expect(unreadable("a", Object.assign(new Error("i/o error"), { code }))).toBe(text));

test("an error without a code", () => {
  expect(unreadable("a", new Error("odd"))).toBe("the file a cannot be read: odd");
});
