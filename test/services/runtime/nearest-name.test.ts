import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nearestName } from "../../../services/runtime/nearest-name.ts";

const keys = ["tables", "target", "apply", "brokers", "topicPrefix", "replicationFactor", "url", "host", "port"];

describe("nearestName", () => {
  test.each([
    ["tabels", "tables"],
    ["table", "tables"],
    ["Tables", "tables"],
    ["topicprefix", "topicPrefix"],
    ["topic_prefix", "topicPrefix"],
    ["replicaFactor", "replicationFactor"],
    ["ulr", "url"],
    ["prot", "port"],
  ])("%s is %s", (name, meant) => expect(nearestName(name, keys)).toBe(meant));

  test.each(["poison", "x", "", "abc", "snapshot"])("%j is none of them", (name) => expect(nearestName(name, keys)).toBeUndefined());

  test("two that are equally near are no answer", () => {
    expect(nearestName("port", ["post", "sort"])).toBeUndefined();
    expect(nearestName("port", ["post", "sort", "port"])).toBe("port");
  });

  test("a name is nearest to itself", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, selector: (name) => name.toLowerCase() }), (names) => {
        for (const name of names) expect(nearestName(name, names)).toBe(name);
      }),
    );
  });

  test("a name with one letter too many, too few or swapped is found among others that are far", () => {
    const word = fc.stringMatching(/^[a-f]{4,12}$/);
    const far = ["zzzzzzzzzzzzzzzzzzzz", "yyyyyyyyyyyyyyyyyyyyyyy"];
    fc.assert(
      fc.property(word, fc.nat(10), (name, where) => {
        const at = where % (name.length - 1);
        const slips = [
          name.slice(0, at) + name.slice(at + 1),
          `${name.slice(0, at)}x${name.slice(at)}`,
          name.slice(0, at) + name.charAt(at + 1) + name.charAt(at) + name.slice(at + 2),
        ];
        for (const slip of slips) expect(nearestName(slip, [...far, name])).toBe(name);
      }),
    );
  });

  test("what is longer than any key is no misspelling: the time grows with the product of both lengths", () => {
    expect(nearestName("a".repeat(101), ["a".repeat(101)])).toBeUndefined();
  });
});
