import { describe, expect, test } from "vitest";
import { routes } from "../../../../services/control/api-routes.ts";
import * as actions from "../../../../services/control/dashboard/action.ts";
import { type Job, roles } from "../../../../services/control/dashboard/api-answers.ts";
import type { ActionScene } from "../../../../services/control/dashboard/action.ts";
import { admin, allOf, job, marked, queue } from "./every-action.ts";
import { shownService } from "./shown-services.ts";

describe("an action", () => {
  test.each(Object.entries(allOf(admin)))("%s is one that the API has, takes, and lets those do who may press the button", (name, action) => {
    expect(action.blocked).toBeUndefined();
    for (const { path, body } of action.requests) {
      const route = routes.find((each) => each.method === "POST" && new RegExp(`^${each.path.replaceAll(/:\w+/g, "[^/]+")}$`).test(`/${path}`))!;
      const wanted = action.danger?.wantsReason === true ? { ...body, reason: "why" } : body;
      expect([path, route.body.safeParse(wanted).error]).toEqual([path, undefined]);
      for (const role of roles) {
        const may = roles.indexOf(role) >= roles.indexOf(route.role);
        expect([role, allOf({ name: "eve", role })[name]!.blocked === undefined]).toEqual([role, may]);
      }
    }
  });

  test("says why it may not be done", () => {
    expect(allOf({ name: "eve", role: "viewer" })["pause"]!.blocked).toBe("Your key eve has the role viewer; this needs operator.");
    expect(allOf(undefined)["pause"]!.blocked).toBe("It is not known yet what your key may do.");
  });

  test("of which something may be lost asks for the service's name first, and for a reason where the audit wants one", () => {
    const dangers = Object.entries(allOf(admin)).map(([name, { danger }]) => [name, danger?.service, danger?.wantsReason]);
    expect(dangers.filter(([, service]) => service !== undefined)).toEqual([
      ["again", "billing", false],
      ["repair", "billing", false],
      ["skip", "billing", true],
      ["skipAll", "billing", true],
    ]);
  });
});

describe("what cannot be done now", () => {
  const scene = { holder: admin, service: marked, jobs: [] as readonly Job[] };
  const paused = { ...scene, service: { ...marked, paused: { by: "bob", since: "" } } };
  const sent = { ...scene, service: { ...marked, copies: marked.copies.map((copy) => ({ ...copy, table: "public.b" })) } };
  const busy = (changed: Partial<Job>): ActionScene => ({ ...scene, jobs: [job(changed)] });
  const running = "Job j7 does that already: it is running.";
  test.each([
    ["pausing twice", actions.pauseAction(paused), "It is paused already, by bob."],
    ["resuming what runs", actions.resumeAction(scene), "It is not paused."],
    ["comparing what is paused", actions.reconcileAction(paused, [], "basic"), "A paused service is not compared: resume it first."],
    ["previewing what is paused", actions.previewAction(paused, []), "A paused service is not compared: resume it first."],
    ["comparing twice", actions.reconcileAction(busy({}), ["public.a"], "basic"), running],
    ["comparing what is compared", actions.reconcileAction(busy({ tables: ["public.a"] }), ["public.a"], "basic"), running],
    ["comparing something else", actions.reconcileAction(busy({ tables: ["public.b"] }), ["public.a"], "basic"), undefined],
    ["comparing what was compared", actions.reconcileAction(busy({ state: "done" }), [], "basic"), undefined],
    [
      "copying nothing",
      actions.snapshotAction({ ...scene, service: shownService() }, []),
      "No table is marked as not copied. Select the tables that are to be copied again.",
    ],
    [
      "copying twice",
      actions.snapshotAction(busy({ id: "c7", kind: "copy", tables: ["public.b"], state: "waiting" }), []),
      "Job c7 does that already: it is waiting.",
    ],
    ["repairing unseen", actions.repairAction(scene, [], undefined), "Look at the preview first."],
    ["repairing nothing", actions.repairAction(scene, [], { published: 0, deleted: 0 }), "There is nothing to repair."],
    ["skipping all of one", actions.skipAction(admin, { ...queue, deadLetters: 1 }, true), "It is the only one."],
    ["replaying nothing", actions.replayAllAction(admin, "billing", []), "Nothing waits."],
    ["calling off what is over", actions.cancelAction(admin, job({ state: "failed" }), ""), "It is failed already."],
    ["copying what is on its way", actions.snapshotAction(sent, ["public.b"]), "Copied already, and on the way to the target: public.b."],
    ["copying nothing but what is on its way", actions.snapshotAction(sent, []), "Copied already, and on the way to the target: public.b."],
  ])("%s", (_, action, reason) => {
    expect(action.blocked).toBe(reason);
  });

  test("what is not copied is ordered without what is on its way, and what was marked anew since is not on its way", () => {
    const { service } = sent;
    const also = { ...sent, service: { ...service, needsCopy: [...service.needsCopy, { table: "public.c", reason: "never copied" }] } };
    const { blocked, requests, command } = actions.snapshotAction(also, []);
    expect([blocked, requests[0]!.body, command]).toEqual([undefined, { tables: ["public.c"] }, "offtake snapshot start billing public.c"]);
    const anew = { ...sent, service: { ...service, needsCopy: [{ table: "public.b", reason: "the slot was lost" }] } };
    expect(actions.snapshotAction(anew, [])).toMatchObject({ blocked: undefined, requests: [{ body: { tables: [] } }] });
  });
});

test("a repair says beforehand what it writes over, and what it deletes", () => {
  const found = [
    { published: 2, deleted: 1 },
    { published: 1, deleted: 0 },
    { published: 0, deleted: 1200 },
  ];
  const scene = { holder: admin, service: marked, jobs: [] };
  expect(found.map((rows) => actions.repairAction(scene, [], rows).danger?.warning)).toEqual([
    "2 rows are published again and written over the target's; 1 that the monolith does not have is deleted at the target.",
    "1 row is published again and written over the target's; 0 that the monolith does not have are deleted at the target.",
    "0 rows are published again and written over the target's; 1,200 that the monolith does not have are deleted at the target.",
  ]);
});
