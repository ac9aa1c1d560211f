/**
 * `npm run chaos -- --kills N --seed S --json`: one line of JSON on stdout when the run came to its end, progress on stderr; exit code 1, and why, when it did not or
 * when a figure is not what it must be.
 */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killRun } from "./kill-run.ts";

const usage = `npm run chaos -- [options]

  --kills N   connector, applier, broker, registry, source and target, at random   [100]
  --seed S    of the kills and of the load                                           [1]
  --json      one line of JSON on standard output`;

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

function whole(name: string, value: string): number {
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new Error(`--${name} ${value}: expected a number above 0\n\n${usage}`);
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);

if (values.help) process.stdout.write(`${usage}\n`);
else {
  const folder = mkdtempSync(join(tmpdir(), "offtake-chaos-"));
  const run = await killRun({ kills: whole("kills", values.kills), seed: whole("seed", values.seed), folder, progress: say });
  process.stdout.write(`${JSON.stringify(run, null, values.json ? 0 : 2)}\n`);
  const { lost, duplicated, halfVisible, wentBack, chainBreaks, topicDuplicates, sourceDiffers, neededSomebody } = run;
  const wrong = { lost, duplicated, halfVisible, wentBack, chainBreaks, topicDuplicates, sourceDiffers, neededSomebody: neededSomebody.length };
  const faults = Object.entries(wrong).filter(([, count]) => count > 0);
  for (const [name, count] of faults) say(`seed ${run.seed}: ${name} is ${count}, and must be 0`);
  process.exitCode = faults.length === 0 ? 0 : 1;
}
