import { describe, expect, test } from "vitest";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { waitOrStop } from "../../../services/runtime/stop-signal.ts";
import { type Supervised, supervise, type UnitReports } from "../../../services/runtime/supervisor.ts";
import { waitFor } from "../../support/wait-for.ts";

const log = createLog({ env: { OFFTAKE_LOG_LEVEL: "silent" }, terminal: false, write: () => {} });
const away = new OfftakeError("KAFKA_UNREACHABLE", "No broker answers.");

interface Watched extends Disposable {
  readonly supervised: Supervised;
  readonly stop: AbortController;
}

function watched(run: (reports: UnitReports, signal: AbortSignal) => Promise<void>): Watched {
  const stop = new AbortController();
  const supervised = supervise({ name: "connector trading", run }, { log, metrics: createMetrics("test") }, stop.signal);
  return { supervised, stop, [Symbol.dispose]: () => stop.abort() };
}

async function untilStopped(signal: AbortSignal): Promise<void> {
  await waitOrStop(3_600_000, signal);
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
