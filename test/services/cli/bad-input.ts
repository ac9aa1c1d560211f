/**
 * Everything that may be wrong with what Offtake is given: each case by its name, with the codes of the errors that its user meets, in order, and a run that brings
 * it about on real servers, does what the error says, and sees that the thing then works. The rows of docs/bad-input.md are these cases.
 */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import type { OfftakeError } from "../../../services/runtime/errors.ts";

export interface BadInput {
  /** `check` stands for a finding without a code of its own. */
  readonly codes: readonly string[];
  /** @returns the codes that were met */
  readonly run?: () => Promise<readonly string[]>;
  /** Instead of a run: the title of the test that does it already. */
  readonly held?: string;
}

export type BadInputs = Readonly<Record<string, BadInput>>;

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** @param section of docs/bad-input.md */
export function describeBadInput(section: string, cases: BadInputs): void {
  describe(`bad input: ${section}`, () => {
    const all = Object.entries(cases);
    const runs = all.flatMap(([name, { codes, run }]) => (run === undefined ? [] : [[name, { codes, run }] as const]));
    test.each(runs)("%s", async (_, { codes, run }) => {
      expect(await run()).toEqual(codes);
    });

    test("what another module shows is still there, under that title", () => {
      const sources = globSync("test/**/*.test.ts", { cwd: root }).map((file) => readFileSync(`${root}/${file}`, "utf8"));
      const missing = all.filter(([, { held }]) => held !== undefined && !sources.some((text) => text.includes(JSON.stringify(held).slice(1, -1))));
      expect(missing.map(([name, { held }]) => `${name}: ${held}`)).toEqual([]);
      expect(all.filter(([, { run, held }]) => (run === undefined) === (held === undefined)).map(([name]) => name)).toEqual([]);
    });

    test("docs/bad-input.md says the same", () => {
      const text = readFileSync(new URL("../../../docs/bad-input.md", import.meta.url), "utf8");
      const part = text.split(/^## /m).find((each) => each.startsWith(`${section}\n`)) ?? "";
      const rows = [...part.matchAll(/^\| (.*?) \| (.*?) \| (.+) \|$/gm)].map(([, name, codes]) => [name, codes]).slice(1);
      expect(rows).toEqual(all.map(([name, { codes }]) => [name, codes.map((code) => `\`${code}\``).join(", ")]));
    });
  });
}

/** The statements of a cure: from the first word of SQL to the last semicolon. */
export function sqlOf(cure: string): string {
  return /\b(?:ALTER|CREATE|GRANT|DROP|SELECT|BEGIN)\b.*;/.exec(cure)?.[0] ?? `the cure has no SQL: ${cure}`;
}

/** The code of what it ended with, once its message and its cure have been found to say this. */
export function told(error: OfftakeError | undefined, words: RegExp, cure: RegExp): string {
  expect(error?.message).toMatch(words);
  expect(error?.cure).toMatch(cure);
  expect(error?.code).not.toBe("INTERNAL");
  return error?.code ?? "none";
}
