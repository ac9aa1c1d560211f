import { expect, test } from "vitest";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { lastWords } from "../../../services/cli/last-words.ts";

test("an error that nobody has caught is one of Offtake's faults, with its stack and nothing that hangs on it", () => {
  const error = Object.assign(new TypeError("it broke at postgres://me:hidden@host/db"), { input: "hidden", client: { password: "hidden" } });
  const text = lastWords(error);
  expect(text).toMatch(/^INTERNAL: it broke at postgres:\/\/me:\[redacted\]@host\/db .*report it.*\n.*last-words\.test\.ts/s);
  expect(text).not.toContain("hidden");
});

test("one that has a code says that, and is a line", () => {
  expect(lastWords(new OfftakeError("USAGE", "What is this?", { cause: new Error("x") }))).toBe("USAGE: What is this?\n");
});
