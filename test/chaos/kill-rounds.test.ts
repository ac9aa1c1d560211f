import { expect, test } from "vitest";
import { killed, killRounds } from "./kill-rounds.ts";

test("a seed gives the same rounds always, and another seed others", () => {
  expect(killRounds(200, 7)).toEqual(killRounds(200, 7));
  expect(killRounds(200, 7)).not.toEqual(killRounds(200, 8));
});

test("there are as many kills as were asked for, and each is killed in proportion", () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const kills = killRounds(100, seed).flat();
    const counts = killed.map((who) => kills.filter((kill) => kill.who === who).length);
    expect(counts).toEqual([34, 34, 12, 12, 4, 4]);
    expect(killRounds(7, seed).flat().length).toBe(7);
  }
});
