import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { type JobWork, runJobs } from "../../../services/control/job-runner.ts";
import { cancelJob, endJob, type Job, putBackJob, readJobs, requestJob, restartJobs, takeJob, tellProgress } from "../../../services/control/jobs.ts";
import { waitOrStop } from "../../../services/runtime/stop-signal.ts";
import { waitFor } from "../../support/wait-for.ts";
import { controlDatabase, silentLog, unheard } from "./control-database.ts";

const database = await controlDatabase();
const { control, admin } = database;
afterAll(async () => database[Symbol.asyncDispose]());
beforeEach(async () => void (await admin.query("TRUNCATE offtake.job, offtake.audit")));

const order = { kind: "reconcile", connector: "c", service: "s", arguments: { tables: ["trades"], level: "strict" }, requestedBy: "ada" } as const;

async function job(id: string): Promise<Job> {
  return (await readJobs(control, ["c", "d"], id, 1))[0]!;
}

async function audited(): Promise<unknown[]> {
  return (await admin.query("SELECT who, action, before ->> 'state' AS before, after ->> 'state' AS after FROM offtake.audit ORDER BY id")).rows;
}

describe("jobs", () => {
  test("are taken in order, one of each connector at a time, and keep what they were asked for", async () => {
    const first = await requestJob(control, order);
    const second = await requestJob(control, { ...order, connector: "d", kind: "repair", arguments: { tables: [], dryRun: true } });
    const third = await requestJob(control, order);
    await requestJob(control, { ...order, connector: "of another installation" });
    expect(first).toMatchObject({ ...order, state: "waiting", attempts: 0, startedAt: null });
    expect(await takeJob(control, ["c", "d"], [])).toMatchObject({ id: first.id, state: "running", attempts: 1 });
    expect(await takeJob(control, ["c", "d"], ["c"])).toMatchObject({ id: second.id, kind: "repair", arguments: { tables: [], dryRun: true } });
    expect(await takeJob(control, ["c", "d"], ["c", "d"])).toBeUndefined();
    await endJob(control, { ...first, attempts: 1 }, { state: "done", result: { reports: [1] }, error: null });
    expect(await job(first.id)).toMatchObject({ state: "done", result: { reports: [1] }, finishedAt: expect.any(String) });
    expect((await readJobs(control, ["c", "d"], undefined, 2)).map(({ id }) => id)).toEqual([third.id, second.id]);
    expect(await audited()).toHaveLength(4);
  });

  test("that wait are called off at once, and those that run at their next word; who did it is in the audit", async () => {
    const waiting = await requestJob(control, order);
    expect(await cancelJob(control, ["d"], waiting.id, "eve")).toBe(false);
    expect(await cancelJob(control, ["c"], waiting.id, "bob")).toBe(true);
    expect(await cancelJob(control, ["c"], waiting.id, "bob")).toBe(false);
    expect(await job(waiting.id)).toMatchObject({ state: "cancelled", cancelledBy: "bob" });
    const { id } = await requestJob(control, order);
    await takeJob(control, ["c"], []);
    expect(await tellProgress(control, { id, attempts: 1 }, "halfway")).toBe(true);
    expect(await cancelJob(control, ["c"], id, "bob")).toBe(true);
    expect(await tellProgress(control, { id, attempts: 1 }, "further")).toBe(false);
    expect(await job(id)).toMatchObject({ state: "running", progress: "further", cancelledBy: "bob" });
    expect(await audited()).toEqual([
      { who: "ada", action: "reconcile", before: null, after: "waiting" },
      { who: "bob", action: "cancel", before: "waiting", after: "cancelled" },
      { who: "ada", action: "reconcile", before: null, after: "waiting" },
      { who: "bob", action: "cancel", before: "running", after: "cancelled" },
    ]);
  });

  test("are of the process that took them last: one that was taken for dead neither ends them nor puts them back", async () => {
    await requestJob(control, order);
    const lost = (await takeJob(control, ["c"], []))!;
    await restartJobs(control, ["c"], 3, "");
    const taken = (await takeJob(control, ["c"], []))!;
    await endJob(control, lost, { state: "done", result: "half", error: null });
    await putBackJob(control, lost);
    expect(await tellProgress(control, lost, "halfway")).toBe(false);
    expect(await job(taken.id)).toEqual(taken);
    await endJob(control, taken, { state: "done", result: "whole", error: null });
    expect(await job(taken.id)).toMatchObject({ state: "done", result: "whole" });
  });

  test("that are put back once they were called off are not begun again", async () => {
    await requestJob(control, order);
    const taken = (await takeJob(control, ["c"], []))!;
    await cancelJob(control, ["c"], taken.id, "bob");
    await putBackJob(control, taken);
    expect(await takeJob(control, ["c"], [])).toBeUndefined();
    expect(await job(taken.id)).toMatchObject({ state: "cancelled", finishedAt: expect.any(String) });
  });
});

/** A runner whose work ends when the test says so, or its signal. */
function runner(work: (each: JobWork) => Promise<unknown>): { stop: () => Promise<void> } {
  const stopping = new AbortController();
  const own = database.session();
  const ended = runJobs({ control: own, connectors: ["c", "d"], work, log: silentLog, complaints: unheard() }, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

async function untilStopped({ signal }: JobWork): Promise<never> {
  await waitOrStop(3_600_000, signal);
  throw new Error("stopped");
}

describe("the runner", () => {
  test("does jobs, says how far they are, and one that fails keeps no other from being done", async () => {
    const bad = await requestJob(control, order);
    const good = await requestJob(control, order);
    const { promise: go, resolve } = Promise.withResolvers<void>();
    const runs = runner(async (each) => {
      if (each.job.id === bad.id) throw new Error("the disk is full");
      each.progress("one of two");
      await go;
      return { done: each.job.arguments.tables };
    });
    await waitFor(async () => (await job(good.id)).progress === "one of two", { what: "the progress" });
    expect(await job(bad.id)).toMatchObject({ state: "failed", error: expect.stringMatching(/^INTERNAL: the disk is full/), result: null });
    resolve();
    await waitFor(async () => (await job(good.id)).state === "done", { what: "the job to be done" });
    expect((await job(good.id)).result).toEqual({ done: ["trades"] });
    await runs.stop();
  });

  test("ends one that is called off, and puts back what its own end cuts off", async () => {
    const called = await requestJob(control, order);
    const other = await requestJob(control, { ...order, connector: "d" });
    const runs = runner(untilStopped);
    await waitFor(async () => (await job(called.id)).state === "running" && (await job(other.id)).state === "running", { what: "both to run" });
    await cancelJob(control, ["c"], called.id, "bob");
    await waitFor(async () => (await job(called.id)).state === "cancelled", { what: "the job to be called off" });
    await runs.stop();
    expect(await job(other.id)).toMatchObject({ state: "waiting", attempts: 1 });
  });

  test("begins again what a killed process has left, until it has been cut off three times", async () => {
    const { id } = await requestJob(control, order);
    for (const attempts of [1, 2, 3]) {
      expect(await takeJob(control, ["c"], [])).toMatchObject({ id, attempts });
      // The process that took it is gone; the next one looks.
      await runner(untilStopped).stop();
    }
    expect(await job(id)).toMatchObject({ state: "failed", error: expect.stringMatching(/^JOB_CUT_OFF: /) });
  });
});
