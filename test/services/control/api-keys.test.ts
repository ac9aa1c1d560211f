import { describe, expect, test } from "vitest";
import { type ApiKey, holderOf, mayDo, newApiKey, roles } from "../../../services/control/api-keys.ts";

const made = roles.map((role) => ({ ...newApiKey(), role, name: role }));
const keys: ApiKey[] = made.map(({ name, role, hash }) => ({ name, role, hash }));

describe("an API key", () => {
  test("is known by its hash, and tells its holder", () => {
    for (const { key, name } of made) {
      expect(holderOf(`Bearer ${key}`, keys)?.name).toBe(name);
      expect(holderOf(`bearer  ${key}`, keys)?.name).toBe(name);
    }
    expect(new Set(made.map(({ key }) => key)).size).toBe(3);
    expect(made[0]!.key.length).toBeGreaterThan(40);
  });

  test.each([
    [undefined],
    [""],
    ["Bearer"],
    ["Bearer "],
    [`Basic ${made[0]!.key}`],
    [made[0]!.key],
    [`Bearer ${made[0]!.key}x`],
    [`Bearer ${made[0]!.hash}`],
  ])("%j is none", (header) => {
    expect(holderOf(header, keys)).toBeUndefined();
  });

  test("of one role may do what those before it may", () => {
    expect(roles.map((role) => roles.map((needed) => mayDo(role, needed)))).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
  });
});
