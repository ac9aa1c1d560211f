/**
 * The short run of `npm run chaos`: connector, applier, broker, registry, source and target are killed fifty times while a bank works, and nothing that it has
 * acknowledged is lost, doubled, or visible in part.
 */
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { killRun } from "./kill-run.ts";

const kills = 50;

test(`nothing is lost, doubled or half visible when everything is killed, ${kills} times`, async () => {
  await using folder = await temporaryFolder();
  const run = await killRun({ kills, seed: 1, folder: folder.path, progress: (line) => void process.stdout.write(`${line}\n`) });
  process.stdout.write(`${JSON.stringify(run)}\n`);
  const { lost, duplicated, halfVisible, wentBack, chainBreaks, topicDuplicates, sourceDiffers, neededSomebody } = run;
  expect({ lost, duplicated, halfVisible, wentBack, chainBreaks, topicDuplicates, sourceDiffers, neededSomebody }).toEqual({
    lost: 0,
    duplicated: 0,
    halfVisible: 0,
    wentBack: 0,
    chainBreaks: 0,
    topicDuplicates: 0,
    sourceDiffers: 0,
    neededSomebody: [],
  });
  expect(Object.values(run.killed).every((times) => times > 0)).toBe(true);
  expect(Object.values(run.killed).reduce((sum, times) => sum + times, 0)).toBe(kills);
  expect(Math.min(run.reads, run.acknowledged)).toBeGreaterThan(100);
});
