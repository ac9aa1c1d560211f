import { describe, expect, test } from "vitest";
import { type Concern, Lasting, newsOf, type Told } from "../../../services/control/notification-decision.ts";

const slot: Concern = { key: "slot trading", where: "trading", what: "inactive" };
const unit: Concern = { key: "unit applier", where: "applier", what: "down" };
const minute = 60_000;
const now = 100 * minute;

function told(concern: Concern, state: Told["state"], minutesAgo: number): Told {
  return { ...concern, state, at: now - minutesAgo * minute };
}

describe("what a webhook is told", () => {
  test.each<[string, readonly Told[], readonly Concern[], readonly [string, Concern][]]>([
    [
      "what is new",
      [],
      [slot, unit],
      [
        ["raised", slot],
        ["raised", unit],
      ],
    ],
    ["nothing twice", [told(slot, "raised", 50)], [slot], []],
    ["of one thing that is not well in two ways, one", [], [slot, { ...slot, what: "lost" }], [["raised", slot]]],
    ["that it is over", [told(slot, "raised", 1)], [], [["cleared", slot]]],
    ["that it is over once", [told(slot, "cleared", 1)], [], []],
    ["nothing of what comes back at once", [told(slot, "cleared", 9)], [slot], []],
    ["what comes back later", [told(slot, "cleared", 10)], [slot], [["raised", slot]]],
    ["each for itself", [told(slot, "raised", 1), told(unit, "cleared", 1)], [unit], [["cleared", slot]]],
  ])("%s", (_, before, concerns, news) => {
    expect(newsOf(before, concerns, 10 * minute, now).map(({ event, concern }) => [event, concern])).toEqual(news);
  });

  test("is what has lasted; what was gone in between begins anew", () => {
    const lasting = new Lasting(30);
    expect(lasting.of([slot], [], 0)).toEqual([]);
    expect(lasting.of([slot, unit], [], 29)).toEqual([]);
    expect(lasting.of([slot, unit], [], 30)).toEqual([slot]);
    expect(lasting.of([unit], [], 40)).toEqual([]);
    expect(lasting.of([slot, unit], [], 70)).toEqual([unit]);
  });

  test("is not that it is over because a process has only begun to look, or because who reports it has", () => {
    const raised = [told(slot, "raised", 50), told(unit, "cleared", 50)];
    const lasting = new Lasting(30);
    const news = (concerns: readonly Concern[], at: number) =>
      newsOf(raised, lasting.of(concerns, raised, at), 10 * minute, at).map(({ event }) => event);
    expect(news([slot], 0)).toEqual([]);
    expect(news([], 10)).toEqual([]);
    expect(news([slot], 20)).toEqual([]);
    expect(news([slot], 31)).toEqual([]);
    expect(news([], 32)).toEqual(["cleared"]);
  });
});
