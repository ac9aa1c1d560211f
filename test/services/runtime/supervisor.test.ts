import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { waitOrStop } from "../../../services/runtime/stop-signal.ts";
import { operatorWaitMs, type Supervised, supervise, type UnitReports } from "../../../services/runtime/supervisor.ts";
import { waitFor } from "../../support/wait-for.ts";

const log = createLog({ env: { OFFTAKE_LOG_LEVEL: "silent" }, terminal: false, write: () => {} });
const away = new OfftakeError("KAFKA_UNREACHABLE", "No broker answers.");

interface Watched extends Disposable {
  readonly supervised: Supervised;
  readonly stop: AbortController;
}

type Run = (reports: UnitReports, signal: AbortSignal) => Promise<void>;

function watched(run: Run, options: { readonly operatorWaitMs?: number } = {}): Watched {
  const stop = new AbortController();
  const supervised = supervise({ name: "connector trading", run }, { log, metrics: createMetrics("test"), ...options }, stop.signal);
  return { supervised, stop, [Symbol.dispose]: () => stop.abort() };
}

async function untilStopped(signal: AbortSignal): Promise<void> {
  await waitOrStop(3_600_000, signal);
}

function textOf(page: string): string {
  return readFileSync(new URL(`../../../docs/${page}`, import.meta.url), "utf8");
}

describe("a unit", () => {
  test("is ready when it says that it works, and ends well when it is stopped", async () => {
    const { promise: begin, resolve } = Promise.withResolvers<void>();
    using unit = watched(async ({ working }, signal) => {
      await begin;
      working();
      await untilStopped(signal);
    });
    expect(unit.supervised.readiness()).toEqual({ unit: "connector trading", ready: false, reason: "starting" });
    resolve();
    await waitFor(() => unit.supervised.readiness().ready, { what: "it to be ready" });
    expect(unit.supervised.readiness().reason).toBe("working");
    unit.stop.abort();
    expect(await unit.supervised.ended).toBe(true);
  });

  test("that fails is started again, and says why meanwhile", async () => {
    let runs = 0;
    using unit = watched(async ({ working }, signal) => {
      runs += 1;
      if (runs < 4) throw away;
      working();
      await untilStopped(signal);
    });
    await waitFor(() => unit.supervised.readiness().reason === away.line || unit.supervised.readiness().ready, { what: "its reason" });
    await waitFor(() => unit.supervised.readiness().ready, { what: "it to be ready" });
    expect(runs).toBe(4);
  });

  test("that waits for a person says what for, and is stopped at once", async () => {
    using unit = watched(async () => Promise.reject(new OfftakeError("SLOT_LOST", "The slot is lost.", { cure: "Copy again." })));
    await waitFor(() => unit.supervised.readiness().reason === "SLOT_LOST: The slot is lost. Copy again.", { what: "its reason" });
    unit.stop.abort();
    expect(await unit.supervised.ended).toBe(true);
  });

  test("that waits for a person is tried again by itself, until it works or its error says something else", async () => {
    const lost = new OfftakeError("SLOT_LOST", "The slot is lost.");
    const thrown = [lost, lost, new OfftakeError("SLOT_MOVED", "The slot has moved."), lost];
    let runs = 0;
    using unit = watched(
      async ({ working }, signal) => {
        runs += 1;
        const error = thrown.shift();
        if (error !== undefined) throw error;
        working();
        await untilStopped(signal);
      },
      { operatorWaitMs: 5 },
    );
    await waitFor(() => unit.supervised.readiness().ready, { what: "it to be ready" });
    expect([runs, unit.supervised.readiness().reason]).toEqual([5, "working"]);
  });

  test("that waits for a person is tried again within the half minute that the documents promise", () => {
    expect(operatorWaitMs).toBe(30_000);
    const pages = ["bad-input.md", "dead-letters.md", "mishaps.md", "runbook.md"];
    expect(pages.filter((page) => !/(every|within) half a? ?minute/.test(textOf(page)))).toEqual([]);
  });

  test("gives up where trying again cannot help, an error without a code included", async () => {
    using unit = watched(async ({ working }) => {
      working();
      return Promise.reject(new TypeError("x is undefined"));
    });
    expect(await unit.supervised.ended).toBe(false);
    expect(unit.supervised.readiness()).toMatchObject({ ready: false, reason: expect.stringMatching(/^INTERNAL: x is undefined/) });
  });

  test("that is held up goes on being ready for a moment; what held it up is forgotten with the run", async () => {
    const failed = Promise.withResolvers<never>();
    using unit = watched(async ({ working, interruption }, signal) => {
      working();
      interruption.tell(away, "kept");
      await Promise.race([failed.promise, untilStopped(signal)]);
    });
    await waitFor(() => unit.supervised.readiness().ready, { what: "it to be ready" });
    failed.reject(new OfftakeError("SLOT_LOST", "The slot is lost."));
    await waitFor(() => unit.supervised.readiness().reason?.startsWith("SLOT_LOST"), { what: "its own reason" });
    expect(unit.supervised.readiness().ready).toBe(false);
  });
});
