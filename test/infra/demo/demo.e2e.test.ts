import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { waitFor } from "../../support/wait-for.ts";
import { DemoProcess, program } from "./demo-process.ts";

const anyNumber: unknown = expect.any(Number);

test("demo --once --rows 5000 --json: one object on stdout, equal, exit code 0, and nothing left", async () => {
  await using demo = new DemoProcess("--once", "--rows", "5000", "--json");
  expect(await demo.ended).toEqual({ code: 0, signal: null });
  expect(demo.stdout.split("\n")).toHaveLength(2);
  const answer: Record<string, number> = JSON.parse(demo.stdout);
  expect(answer).toEqual({
    verdict: "equal",
    tables: 9,
    rows: anyNumber,
    events: anyNumber,
    transactions: anyNumber,
    seconds: anyNumber,
    p50Ms: anyNumber,
    p99Ms: anyNumber,
  });
  expect(answer["events"]).toBeGreaterThan(5000);
  expect(answer["rows"]).toBeGreaterThan(500);
  expect(answer["p50Ms"]).toBeGreaterThan(0);
  expect(demo.stderr).toMatch(/First row at a target \(\w+ of [a-z-]+\) \d+\.\d s after the start/);
  expect(demo.stderr).toMatch(/^public\.ai_trade_outcomes +analytics +(\d+) +\1  equal$/m);
  expect(await demo.isGone()).toBe(true);
});

test("demo --hold: the proof, then everything goes on and can be looked at, until Ctrl-C ends it well", async () => {
  await using demo = new DemoProcess("--hold", "--rows", "500", "--json");
  await demo.untilItSays(/^held: [1-9]/m);
  expect(JSON.parse(demo.stdout)).toMatchObject({ verdict: "equal" });
  const configFile = /status --watch --config (\S+)/.exec(demo.stderr)?.[1] ?? "";
  const status = await promisify(execFile)(process.execPath, [program, "status", "--json", "--config", configFile]);
  const { services }: { services: { service: string; slot: { word: string }; errors: unknown[] }[] } = JSON.parse(status.stdout);
  expect(services).toHaveLength(5);
  const [address = ""] = /^Dashboard: (\S+)$/m.exec(demo.stderr)?.slice(1) ?? [];
  expect(demo.stderr).toContain(`dashboard        ${address}`);
  const { origin, hash } = new URL(address);
  const key = await fetch(`${origin}/api/v1/key`, { headers: { authorization: `Bearer ${hash.replace("#key=", "")}` } });
  expect(await key.json()).toEqual({ name: "demo", role: "admin" });
  expect(await (await fetch(origin)).text()).toContain('<div id="app">');
  for (const service of services) expect(service).toMatchObject({ slot: { word: "ok", active: true }, errors: [] });
  demo.child.kill("SIGINT");
  expect(await demo.ended).toEqual({ code: 0, signal: null });
  expect(await demo.isGone()).toBe(true);
});

test("Ctrl-C in the middle of the load: no verdict, and nothing left", async () => {
  await using demo = new DemoProcess("--json");
  await demo.untilItSays(/^load, \d+ s: /m);
  expect(await demo.product()).toBeDefined();
  demo.child.kill("SIGINT");
  expect(await demo.ended).toEqual({ code: 1, signal: null });
  expect(await demo.isGone()).toBe(true);
  expect(JSON.parse(demo.stdout)).toMatchObject({ error: { code: "DEMO_STOPPED" } });
});

test("SIGTERM while the servers start: nothing left", async () => {
  await using demo = new DemoProcess("--json");
  await demo.untilItSays(/answers after/);
  demo.child.kill("SIGTERM");
  expect(await demo.ended).toEqual({ code: 1, signal: null });
  expect(JSON.parse(demo.stdout)).toMatchObject({ error: { code: "DEMO_STOPPED" } });
  expect(await demo.isGone()).toBe(true);
});

test("kill -9 of the demo: its servers and the product end", async () => {
  await using demo = new DemoProcess();
  await demo.untilItSays(/^load, \d+ s: /m);
  expect(await demo.product()).toBeDefined();
  demo.child.kill("SIGKILL");
  await demo.ended;
  await waitFor(async () => demo.isGone(), { what: "everything to end" });
});

test("the product dies: exit code 1, what has died, and logs that are still there", async () => {
  await using demo = new DemoProcess("--json");
  await demo.untilItSays(/^load, \d+ s: /m);
  process.kill((await demo.product()) ?? Number.NaN, "SIGKILL");
  expect(await demo.ended).toEqual({ code: 1, signal: null });
  const { error }: { error: { code: string; message: string; cure: string } } = JSON.parse(demo.stdout);
  expect(error).toMatchObject({ code: "DEMO_FAILED", message: "`offtake run all` ended with SIGKILL." });
  const logs = /^Logs of the run and its servers: (\S+)$/.exec(error.cure)?.[1] ?? "";
  expect(existsSync(logs)).toBe(true);
  expect(await readdir(logs)).toEqual(expect.arrayContaining(["offtake.log", "kafka.log", "source.log", "target.log"]));
  await rm(logs, { recursive: true });
  expect(await demo.isGone()).toBe(true);
});
