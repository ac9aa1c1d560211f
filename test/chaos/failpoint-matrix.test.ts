/** Between any two steps of connector and applier: kill -9. `npm run chaos -- matrix` drops connections there, too, and lets processes stand still. */
import { expect, inject, test } from "vitest";
import { steps } from "../../services/runtime/failpoint.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { failpointMatrix } from "./failpoint-matrix.ts";

test("nothing is lost, doubled or half visible wherever connector and applier are killed", async () => {
  await using folder = await temporaryFolder();
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  const began = performance.now();
  const matrix = await failpointMatrix(servers, { folder: folder.path, seed: 1, disturbed: false, progress: () => undefined });
  process.stdout.write(`${JSON.stringify({ ...matrix, fired: matrix.fired.size, seconds: Math.round((performance.now() - began) / 1000) })}\n`);
  const { lost, duplicated, chainBreaks, topicDuplicates, sourceDiffers, halfVisible, wentBack } = matrix;
  expect({ lost, duplicated, chainBreaks, topicDuplicates, sourceDiffers, halfVisible, wentBack }).toEqual({
    lost: 0,
    duplicated: 0,
    chainBreaks: 0,
    topicDuplicates: 0,
    sourceDiffers: 0,
    halfVisible: 0,
    wentBack: 0,
  });
  expect(Math.min(matrix.reads, matrix.acknowledged)).toBeGreaterThan(100);
  expect(matrix.events).toBeGreaterThan(matrix.acknowledged);
  const places = steps.flatMap((step) => [`before-${step}`, `after-${step}`]);
  expect([...matrix.fired].toSorted()).toEqual(places.map((place) => `${place} kill`).toSorted());
});
