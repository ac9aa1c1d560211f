/**
 * What can be wrong with one service does nothing to another: the small form of `npm run chaos -- isolation`, which also compares lags and memory.
 *
 * One pair of services has all of it, one after the other, so that what an ailment leaves behind shows in the next.
 */
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { startStack, type Stack } from "../../infra/local/stack.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { ailments } from "./ailments.ts";
import { isolation } from "./isolation.ts";
import { TwoServices } from "./two-services.ts";

let own: Stack;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let services: TwoServices;

beforeAll(async () => {
  own = await startStack({ backend: "local", servers: ["target"], progress: () => undefined });
  folder = await temporaryFolder();
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  services = await TwoServices.open({ ...servers, illTarget: own.target.url() }, folder.path);
});

afterAll(async () => {
  await services[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
  await own.stop();
});

const events = 1500;

test.each(Object.values(ailments))("another service does not know that $what", async (ailment) => {
  const rate = { rowsPerSecond: 5000, rowsAtOnce: 25 };
  const found = await isolation(services, { ...rate, ailment, server: own.target, events, patienceMs: 60_000, progress: () => undefined });
  expect(found).toMatchObject({
    illSlotMoved: ailment.waitsIn === "topic",
    soundSlotMoved: true,
    soundErrors: [],
    says: expect.arrayContaining([...ailment.says]),
    different: 0,
    parked: 0,
  });
  expect(found.says.filter((code) => ![...ailment.says, ...(ailment.maySay ?? [])].includes(code))).toEqual([]);
  expect(found.waiting).toBeGreaterThanOrEqual(events);
  expect(found.caughtUp === null).toBe(ailment.waitsIn === "slot");
});
