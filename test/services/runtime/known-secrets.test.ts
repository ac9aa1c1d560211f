import { expect, test } from "vitest";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { withoutKnownSecrets } from "../../../services/runtime/known-secrets.ts";
import { loggedError } from "../../../services/runtime/logged-error.ts";
import { Secret } from "../../../services/runtime/secret.ts";

const password = 'pa"ss/\\wörd#1';
const secrets = [new Secret(`https://me:${encodeURIComponent(password)}@registry/path`), new Secret("T0ken.of-thirty-characters.----")];

test.each([
  ["as it is", password],
  ["as a URL has it", encodeURIComponent(password)],
  ["as JSON has it", JSON.stringify(password)],
  ["as a header has it", `Basic ${Buffer.from(`me:${password}`).toString("base64")}`],
  ["that is no URL", "T0ken.of-thirty-characters.----"],
])("a secret is taken out of what others say: %s", (_, written) => {
  expect(secrets.map((secret) => secret.describe())).toEqual(["https://me@registry/path", "[redacted]"]);
  const said = `401 for ${written}, sorry`;
  const error = new OfftakeError("REGISTRY_REFUSED", said, { cure: said, cause: new Error(said) });
  for (const text of [
    withoutKnownSecrets(said),
    error.message,
    error.cure,
    JSON.stringify(loggedError(error)),
    JSON.stringify(loggedError(new Error(said))),
  ]) {
    expect(text).not.toContain(written.replace("Basic ", ""));
    expect(text).toMatch(/401 for .*\[redacted\].*, sorry/);
  }
});

test("of one that another begins with, nothing is left", () => {
  new Secret("Begins-with").describe();
  new Secret("Begins-with-this").describe();
  expect(withoutKnownSecrets("Begins-with-this Begins-with")).toBe("[redacted] [redacted]");
});

test.each(["offtake", "postgres", "short-1", "the-same-words"])("a password that is a word leaves sentences as they are: %s", (word) => {
  new Secret(`postgres://me:${word}@host/db`).describe();
  expect(withoutKnownSecrets(`offtake postgres short-1 the-same-words`)).toBe("offtake postgres short-1 the-same-words");
});

test("a URL without a password is no secret", () => {
  new Secret("postgres://someone@Host-9/database").describe();
  expect(withoutKnownSecrets("postgres://someone@Host-9/database")).toBe("postgres://someone@Host-9/database");
});

test("of thousands, the newest are known, also those that are short", () => {
  for (let i = 0; i < 2000; i += 1) new Secret(`a-long-one-with-the-number-${i}-and-more-behind-it`).describe();
  new Secret("Short-1!").describe();
  for (let i = 0; i < 20; i += 1) new Secret(`another-long-one-${i}`).describe();
  expect(withoutKnownSecrets("Short-1! a-long-one-with-the-number-0-and-more-behind-it")).toBe(
    "[redacted] a-long-one-with-the-number-0-and-more-behind-it",
  );
});
