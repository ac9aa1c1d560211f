import { beforeEach, describe, expect, test } from "vitest";
import { Complaints } from "../../../services/runtime/complaints.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { Interruption } from "../../../services/runtime/interruption.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";

const lines: { level: string; msg: string; seconds?: number; err?: { message: string; cure?: string } }[] = [];
const log = createLog({ env: {}, terminal: false, write: (line) => void lines.push(JSON.parse(line)) });
const away = new OfftakeError("KAFKA_UNREACHABLE", "No broker answers.");
let now = 0;

beforeEach(() => {
  lines.length = 0;
  now = 1_000_000;
});

function complaints(): Complaints {
  return new Complaints(log, createMetrics("test"), () => now);
}

function interruption(): Interruption {
  return new Interruption(log, complaints(), () => now);
}

describe("a unit whose server does not answer", () => {
  test("can work until it has waited for some seconds, and can again when something was done", () => {
    const held = interruption();
    expect(held.reason).toBeUndefined();
    held.tell(away, "kept");
    now += 4999;
    expect(held.reason).toBeUndefined();
    now += 1;
    expect(held.reason).toBe("for 5 s: KAFKA_UNREACHABLE: No broker answers.");
    held.over();
    expect(held.reason).toBeUndefined();
    expect(lines.at(-1)).toMatchObject({ level: "info", seconds: 5 });
  });

  test("is told of again and again, and waits since the first time", () => {
    const held = interruption();
    for (let i = 0; i < 60; i += 1) {
      held.tell(new OfftakeError("KAFKA_UNREACHABLE", i < 30 ? "No broker answers." : "No leader."), "kept");
      now += 100;
    }
    expect(held.reason).toBe("for 6 s: KAFKA_UNREACHABLE: No leader.");
    expect(lines.map(({ level, msg, err }) => [level, msg, err?.message])).toEqual([
      ["warn", "kept", "No broker answers."],
      ["warn", "kept", "No leader."],
    ]);
  });

  test("begins anew after it was over, and a short one is no news", () => {
    const held = interruption();
    held.tell(away, "kept");
    now += 4000;
    held.over();
    held.over();
    expect(lines).toHaveLength(1);
    held.tell(away, "kept");
    now += 4000;
    expect(held.reason).toBeUndefined();
  });
});

describe("complaints", () => {
  test("are said once a minute each, and counted every time", async () => {
    const metrics = createMetrics("test");
    const said = new Complaints(log, metrics, () => now);
    for (let second = 0; second < 120; second += 1) {
      said.say(away);
      now += 1000;
    }
    expect(lines).toHaveLength(2);
    expect(await metrics.registry.metrics()).toContain('offtake_errors_total{code="KAFKA_UNREACHABLE"} 120');
  });

  test("are warnings where trying again may help, else errors", () => {
    const said = complaints();
    said.say(away);
    said.say(new OfftakeError("SLOT_LOST", "The slot is lost.", { cure: "Copy again." }));
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([
      ["warn", "No broker answers."],
      ["error", "The slot is lost."],
    ]);
    expect(lines[1]?.err?.cure).toBe("Copy again.");
  });

  test("are news again after they were forgotten", () => {
    const said = complaints();
    said.say(away);
    said.forget();
    said.say(away);
    expect(lines).toHaveLength(2);
  });
});
