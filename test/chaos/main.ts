/**
 * `npm run chaos -- --kills N --seed S --json`: one line of JSON on stdout when the run came to its end, progress on stderr; exit code 1, and why, when it did not or
 * when a figure is not what it must be.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startLocalStack } from "../../infra/local/stack.ts";
import { allCells, alteredMatrix } from "./altered-matrix.ts";
import { controlKilled } from "./control-killed.ts";
import { type Course, courseFaults } from "./course.ts";
import { allFailures, failpointMatrix } from "./failpoint-matrix.ts";
import { fuzz } from "./fuzz.ts";
import { lagBounds, memoryBound } from "./isolation-faults.ts";
import { isolationRun } from "./isolation-run.ts";
import { killRun } from "./kill-run.ts";
import { reconcileSoak } from "./reconcile-soak.ts";
import { soak } from "./soak.ts";
import { growthBounds } from "./soak-faults.ts";

const usage = `npm run chaos -- [options]
  Kills connector, applier, broker, registry, source and target while a bank works, and holds everything against what the bank was told.

  --kills N   how many                              [100]
  --seed S    of the kills and of the load            [1]
  --json      one line of JSON on standard output

npm run chaos -- matrix [options]
  Drops connections of connector and applier, lets them stand still and kills them, between any two of their steps.

  --seed S    of the load                             [1]
  --json      one line of JSON on standard output

npm run chaos -- altered [options]
  Alters tables between two changes of one row, and kills connector and applier between any two of their steps: each change of docs/tables.md at each place.

  --changes N how many; the first 20 are each change once   [all]
  --json      one line of JSON on standard output

npm run chaos -- soak [options]
  A steady load for minutes, while once in each of them the servers end sessions, connections are cut, and the broker is restarted. Over the run, without its first
  minute, the trend of a figure may rise by this share of its median: memory ${growthBounds.rss}, handles ${growthBounds.handles}, latency p50 ${growthBounds.p50}, p99 ${growthBounds.p99}.

  --minutes N at least 4: a trend needs three behind the first   [30]
  --seed S    of the disturbances' order              [1]
  --json      one line of JSON on standard output

npm run chaos -- reconcile [options]
  Compares the two sides again and again while a table is written, and applier, connector and target are stopped, killed and locked.

  --minutes N how long                                [30]
  --seed S    of the trials                            [1]
  --json      one line of JSON on standard output

npm run chaos -- control [options]
  Kills the control process again and again, and compares a service's lag with it and without it, in turn: the same bounds as of isolation hold.

  --kills N   how many                                [6]
  --json      one line of JSON on standard output

npm run chaos -- fuzz [options]
  Gives the readers of bytes from outside bytes that nobody has written.

  --inputs N  how many                          [1000000]
  --seed S    of the bytes                            [1]
  --json      one line of JSON on standard output

npm run chaos -- isolation [options]
  One of two services is ill (its target down, slow, locked or full, its topic deleted) until many events wait for it; the other one must not know: half of its rows
  take at most ${lagBounds.p50} times what they took before, under the same load, nine of ten at most ${lagBounds.p90} times, and no process grows by more than a factor of ${memoryBound}.

  --events N  that wait                         [1000000]
  --case NAME only one ailment                      [all]
  --json      one line of JSON on standard output`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: "string" },
    inputs: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    events: { type: "string", default: "1000000" },
    case: { type: "string" },
    changes: { type: "string" },
    minutes: { type: "string", default: "30" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const say = (line: string): void => void process.stderr.write(`${line}\n`);

function whole(name: "kills" | "inputs" | "seed" | "events" | "changes" | "minutes", otherwise = 0): number {
  const value = values[name] ?? String(otherwise);
  if (/^[1-9]\d*$/.test(value)) return Number(value);
  throw new Error(`--${name} ${value}: expected a number above 0\n\n${usage}`);
}

async function kills(): Promise<Course> {
  const folder = mkdtempSync(join(tmpdir(), "offtake-chaos-"));
  const result = await killRun({ kills: whole("kills", 100), seed: whole("seed"), folder, progress: say });
  const { lost, duplicated, halfVisible, wentBack, chainBreaks, topicDuplicates, sourceDiffers, neededSomebody } = result;
  const { reads, acknowledged, events } = result;
  const wrong = { lost, duplicated, halfVisible, wentBack, chainBreaks, topicDuplicates, sourceDiffers, neededSomebody: neededSomebody.length };
  return { result, wrong, tried: { reads: [reads, 1], acknowledged: [acknowledged, 1], events: [events, acknowledged] }, folder };
}

async function matrix(): Promise<Course> {
  const folder = mkdtempSync(join(tmpdir(), "offtake-chaos-"));
  await using stack = await startLocalStack({ progress: say });
  const { source, target, kafka, registry } = stack;
  const servers = { source: source.url(), target: target.url(), kafka: kafka.brokers, registry: registry.url };
  const { fired, ...result } = await failpointMatrix(servers, { folder, seed: whole("seed"), disturbed: true, progress: say });
  const { lost, duplicated, halfVisible, wentBack, chainBreaks, topicDuplicates, sourceDiffers, reads, acknowledged, events } = result;
  const wrong = { lost, duplicated, halfVisible, wentBack, chainBreaks, topicDuplicates, sourceDiffers };
  const failures = [fired.size, allFailures(true).size] as const;
  const tried = { failures, reads: [reads, 1], acknowledged: [acknowledged, 1], events: [events, acknowledged] } as const;
  return { result: { seed: whole("seed"), failures: fired.size, ...result }, wrong, tried, folder };
}

async function steady(): Promise<Course> {
  const folder = mkdtempSync(join(tmpdir(), "offtake-chaos-"));
  const result = await soak({ minutes: whole("minutes"), seed: whole("seed"), folder, progress: say });
  return judged(result, folder);
}

/** A run that says its faults itself. */
function judged(result: { readonly faults: readonly string[] }, folder: string): Course {
  for (const fault of result.faults) say(fault);
  return { result, wrong: { faults: result.faults.length }, tried: {}, folder };
}

async function altered(): Promise<Course> {
  const folder = mkdtempSync(join(tmpdir(), "offtake-chaos-"));
  await using stack = await startLocalStack({ progress: say });
  const { source, target, kafka, registry } = stack;
  const servers = { source: source.url(), target: target.url(), kafka: kafka.brokers, registry: registry.url };
  const cells = allCells().slice(0, values.changes === undefined ? undefined : whole("changes"));
  const result = await alteredMatrix(servers, { cells, folder, progress: say });
  const tried = { changes: [result.changes, cells.length], rows: [result.rows, 1] } as const;
  return { result, wrong: { different: result.different, outside: result.outside.length }, tried, folder };
}

async function readers(): Promise<Course> {
  const result = await fuzz(whole("inputs"), whole("seed"));
  const { wrong, excessBytes, excessHeapBytes } = result;
  const sum = (count: "refused" | "understood"): number => Object.values(result.readers).reduce((all, reader) => all + reader[count], 0);
  const tried = { refused: [sum("refused"), 1], understood: [sum("understood"), 1] } as const;
  return { result, wrong: { wrong: wrong.length, excessBytes, excessHeapBytes }, tried };
}

async function services(): Promise<Course> {
  const folder = mkdtempSync(join(tmpdir(), "offtake-chaos-"));
  const result = await isolationRun({ events: whole("events"), only: values.case, folder, progress: say });
  return judged(result, folder);
}

async function comparing(): Promise<Course> {
  const folder = mkdtempSync(join(tmpdir(), "offtake-chaos-"));
  await using stack = await startLocalStack({ progress: say });
  const result = await reconcileSoak(stack, { minutes: whole("minutes"), seed: whole("seed"), folder, progress: say });
  const { falsePositives, reconcilerFalsePositives, missed, verdicts, compared, reconcilerPasses, transactions } = result;
  const tried = {
    equal: [verdicts["equal"] ?? 0, 1],
    compared: [compared, 1],
    reconcilerPasses: [reconcilerPasses, 1],
    transactions: [transactions, 1],
  } as const;
  return { result, wrong: { falsePositives, reconcilerFalsePositives, missed }, tried, folder };
}

async function unattended(): Promise<Course> {
  const folder = mkdtempSync(join(tmpdir(), "offtake-chaos-"));
  const result = await controlKilled({ kills: whole("kills", 6), folder, progress: say });
  return judged(result, folder);
}

const courses: Readonly<Record<string, () => Promise<Course>>> = {
  kills,
  matrix,
  altered,
  fuzz: readers,
  isolation: services,
  control: unattended,
  soak: steady,
  reconcile: comparing,
};

async function main(): Promise<void> {
  const [course = "kills"] = positionals;
  if (values.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  const run = courses[course];
  if (run === undefined) throw new Error(`${course} is no course\n\n${usage}`);
  const { result, wrong, tried, folder } = await run();
  process.stdout.write(`${JSON.stringify(result, null, values.json ? 0 : 2)}\n`);
  const faults = courseFaults({ wrong, tried });
  for (const fault of faults) say(`seed ${values.seed}: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  else if (folder !== undefined) rmSync(folder, { recursive: true });
}

await main();
