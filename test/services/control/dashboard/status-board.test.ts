import { effect } from "@preact/signals";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ShownService, StatusPatch } from "../../../../services/control/dashboard/shown-status.ts";
import { StatusBoard } from "../../../../services/control/dashboard/status-board.ts";
import { report, shownService } from "./shown-services.ts";

const at = "2026-11-22T06:50:00.000Z";
const later = "2026-11-22T06:50:02.000Z";

function named(service: string, changed: Partial<ShownService> = {}): ShownService {
  return shownService({ service, connector: service, ...changed });
}

function second(seconds: number): string {
  return new Date(Date.parse(at) + seconds * 1000).toISOString();
}

function shown(board: StatusBoard): ShownService[] {
  return board.names.value.map((name) => board.service(name)!.value);
}

test("a patch changes the fields that it names, of the services that it names, and tells nobody else", () => {
  const board = new StatusBoard();
  board.replace({ at, services: [named("a"), named("b")], units: [], validation: null });
  const told: string[] = [];
  for (const name of ["a", "b"])
    effect(() => {
      told.push(`${name} ${board.service(name)?.value.eventsPerSecond}`);
    });
  effect(() => void told.push(`names ${board.names.value.join()}`));
  told.length = 0;
  board.patch({ at: later, services: [{ service: "b", eventsPerSecond: 7 }] });
  expect([told, board.at.value]).toEqual([["b 7"], later]);
  expect(board.service("b")!.value).toEqual(named("b", { eventsPerSecond: 7 }));
});

test("a status is everything: what is not in it is gone; a patch brings what is new", () => {
  const board = new StatusBoard();
  board.replace({ at, services: [named("a"), named("b")], units: [report()], validation: null });
  board.replace({ at: later, services: [named("b")], units: [], validation: { at, ok: true, findings: [] } });
  expect([board.names.value, board.service("a"), board.units.value, board.validation.value?.ok]).toEqual([["b"], undefined, [], true]);
  board.patch({ at: later, services: [named("c"), { service: "d", eventsPerSecond: 1 }], validation: null, units: [report({ unit: "applier c" })] });
  expect([board.names.value, board.validation.value]).toEqual([["b", "c"], null]);
  expect([board.unitsOf("applier c")?.length, board.unitsOf("applier b")]).toEqual([1, []]);
  board.patch({ at: later, services: [], units: null });
  expect([board.units.value, board.unitsOf("applier c")]).toEqual([null, null]);
});

test("however a status is told in patches, it is the one that was meant", () => {
  const names = ["a", "b", "c"];
  const change = fc.record(
    { service: fc.constantFrom(...names), eventsPerSecond: fc.nat(9), capturedLsn: fc.constantFrom("0/1", null) },
    { requiredKeys: ["service"] },
  );
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 4 }), { maxLength: 10 }), (patches) => {
      const board = new StatusBoard();
      const model = new Map(names.map((name) => [name, named(name)]));
      board.replace({ at, services: [...model.values()], units: [], validation: null });
      for (const services of patches) {
        const patch: StatusPatch = { at: later, services };
        board.patch(patch);
        for (const each of services) model.set(each.service, { ...model.get(each.service)!, ...each });
      }
      expect(shown(board)).toEqual([...model.values()]);
    }),
  );
});

test("what a connector captures a second is counted over the last looks, those at which nothing was new, too", () => {
  const board = new StatusBoard();
  board.replace({ at: second(0), services: [named("a", { topicEnd: 100 })], units: [], validation: null });
  expect(board.capturedPerSecond("a")).toBeNull();
  board.patch({ at: second(2), services: [{ service: "a", topicEnd: 120 }] });
  expect(board.capturedPerSecond("a")).toBe(10);
  board.patch({ at: second(4), services: [] });
  expect(board.capturedPerSecond("a")).toBe(5);
  board.patch({ at: second(13), services: [] });
  expect(board.capturedPerSecond("a")).toBe(0);
  board.patch({ at: second(14), services: [{ service: "a", topicEnd: 3 }] });
  expect(board.capturedPerSecond("a")).toBeNull();
  board.patch({ at: second(15), services: [{ service: "a", topicEnd: null }] });
  expect(board.capturedPerSecond("a")).toBeNull();
});
