import { Client } from "pg";
import { afterAll, expect, test } from "vitest";
import { ControlSession } from "../../../services/control/control-session.ts";
import { migrateControl } from "../../../services/control/migrate-control.ts";
import { PauseWatch } from "../../../services/control/pause-watch.ts";
import { pauseApplying, resumeApplying } from "../../../services/control/pauses.ts";
import { Complaints } from "../../../services/runtime/complaints.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase } from "../../support/databases.ts";
import { errorOf } from "../../support/error-of.ts";
import { waitFor } from "../../support/wait-for.ts";

const database = await freshDatabase("target");
const admin = new Client({ connectionString: database.url });
await admin.connect();
const control = new ControlSession(new Secret(database.url), "offtake test");
const own = new ControlSession(new Secret(database.url), "offtake test watch");
afterAll(async () => {
  await control.end();
  await own.end();
  await admin.end();
  await database.drop();
});

const log = createLog({ env: { OFFTAKE_LOG_LEVEL: "silent" }, terminal: false, write: () => {} });

const broken = async (): Promise<void> => Promise.reject(new OfftakeError("INTERRUPTED", "Nobody has asked for it."));

test("is told of a pause and of its end, and while the control database cannot answer everything stays as it was", async () => {
  await migrateControl(admin);
  const order = { connector: "c", service: "s", who: "ada" };
  const stop = new AbortController();
  const metrics = createMetrics("test");
  let looks = 0;
  const watch = new PauseWatch(own, { connectors: ["c"], complaints: new Complaints(log, metrics), looked: () => (looks += 1) });
  const ended = watch.run(stop.signal);
  expect(await watch.pauseOf("c", stop.signal)).toBeUndefined();
  await pauseApplying(control, { ...order, connector: "other" });
  const turn = watch.untilPaused(
    "c",
    async (signal) => {
      await pauseApplying(control, order);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      throw new OfftakeError("INTERRUPTED", "Stopped.");
    },
    stop.signal,
  );
  await turn;
  await watch.until("c", "paused", stop.signal);
  expect(await watch.pauseOf("c", stop.signal)).toMatchObject({ by: "ada" });

  await admin.query("ALTER SCHEMA offtake RENAME TO away");
  await admin.query("DELETE FROM away.pause");
  const failed = async (): Promise<boolean> => (await metrics.registry.metrics()).includes('offtake_errors_total{code="CONTROL_NOT_PREPARED"}');
  await waitFor(failed, { what: "a look that fails" });
  expect(await watch.pauseOf("c", stop.signal)).toMatchObject({ by: "ada" });
  await admin.query("ALTER SCHEMA away RENAME TO offtake");
  await watch.until("c", "resumed", stop.signal);
  expect(await watch.pauseOf("c", stop.signal)).toBeUndefined();
  expect(await resumeApplying(control, order)).toBe(false);
  expect(await errorOf(watch.untilPaused("c", broken, stop.signal))).toMatchObject({ code: "INTERRUPTED" });

  const waits = watch.until("c", "paused", stop.signal);
  stop.abort();
  await Promise.all([waits, ended]);
  expect(looks).toBeGreaterThan(2);
});
