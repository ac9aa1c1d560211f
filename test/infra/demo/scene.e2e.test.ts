import { afterAll, beforeAll, expect, test } from "vitest";
import { carve } from "../../../infra/demo/carve.ts";
import { Load } from "../../../infra/demo/load.ts";
import { RunningOfftake } from "../../../infra/demo/offtake-process.ts";
import { countEvents, drainScene, openScene, proveScene, type Scene } from "../../../infra/demo/scene.ts";
import { setStage, startServers } from "../../../infra/demo/stage.ts";
import { type Evidence, exitCodeOf, verdictOf, verdictText } from "../../../infra/demo/verdict.ts";
import { ExitCode } from "../../../services/cli/terminal.ts";
import { takeCensus } from "./event-census.ts";

const quiet = (): void => undefined;
const { signal } = new AbortController();
const ends: (() => Promise<unknown>)[] = [];
let scene: Scene;
let load: Load;

/** The acts of the demo up to where it compares; the tests then do what nobody should. */
beforeAll(async () => {
  const stack = await startServers(quiet, signal);
  ends.push(async () => stack.stop());
  const stage = await setStage(stack);
  await carve(stage.configFile, quiet, signal);
  const running = new RunningOfftake(stage.configFile, stage.logFile);
  ends.push(async () => running.kill());
  scene = await openScene(stage, 1);
  ends.push(async () => scene[Symbol.asyncDispose]());
  await scene.health.untilReady(signal);
  await scene.probes.open();
  load = new Load({ source: stage.configuration.source.url, seed: 11, rows: 6000 });
  await load.run(signal);
  await drainScene(scene, signal);
});

afterAll(async () => {
  for (const end of ends.toReversed()) await end();
});

async function evidence(): Promise<Evidence> {
  const changes = load.ledger.changes + scene.probes.ledger.changes;
  return {
    proofs: await proveScene(scene, signal),
    changes,
    expectedEvents: changes + load.ledger.keyChanges,
    events: await countEvents(scene, signal),
    transactions: load.ledger.transactions + scene.probes.ledger.transactions,
    seconds: 1,
    latencies: scene.probes.latencies,
  };
}

test("what the load says it has committed is in the topics, by another client's count: a key change is one change and two events", async () => {
  const { brokers } = scene.stage.stack.kafka;
  const { url } = scene.stage.stack.registry;
  const censuses = await Promise.all(scene.stage.configuration.services.map(async ({ topic }) => takeCensus(brokers, url, topic)));
  const count = (what: keyof (typeof censuses)[number]): number => censuses.reduce((sum, census) => sum + census[what], 0);
  const changes = count("c") + count("u") + count("d") + count("t") - count("moved");
  expect(load.ledger.changes).toBe(6000);
  expect(changes).toBe(6000 + scene.probes.ledger.changes);
  expect(count("moved")).toBe(load.ledger.keyChanges);
  expect(load.ledger.keyChanges).toBeGreaterThan(0);
  expect(await countEvents(scene, signal)).toBe(changes + load.ledger.keyChanges);
});

test("drained, all nine tables are equal", async () => {
  const verdict = verdictOf(await evidence());
  expect(verdict).toMatchObject({ verdict: "equal", tables: 9 });
  expect(exitCodeOf(verdict)).toBe(ExitCode.done);
});

test("every probe has a latency, and none is below zero", () => {
  expect(scene.probes.allArrived).toBe(true);
  expect(scene.probes.latencies).toHaveLength(scene.probes.ledger.transactions - 1);
  for (const latency of scene.probes.latencies) expect(latency).toBeGreaterThan(0);
});

const tampered: readonly [what: string, service: string, table: string, kind: string, tamper: string, mend: string][] = [
  [
    "changed",
    "api-gateway",
    "users",
    "differing",
    "UPDATE users SET cash = cash + 0.00000001 WHERE email = 'probe@probe.example' RETURNING 'id=' || id AS key",
    "UPDATE users SET cash = cash - 0.00000001 WHERE email = 'probe@probe.example'",
  ],
  [
    "removed",
    "ai-decision",
    "ai_decision_features",
    "missing",
    `WITH gone AS (DELETE FROM ai_decision_features WHERE name = 'probe' RETURNING *), kept AS (INSERT INTO offtake.kept SELECT * FROM gone)
     SELECT 'decision_id=' || decision_id || ', name=' || name AS key FROM gone`,
    "INSERT INTO ai_decision_features SELECT * FROM offtake.kept",
  ],
  [
    "added",
    "orchestrator",
    "agent_status",
    "extra",
    "INSERT INTO agent_status (agent, host) VALUES ('nobody', 'nowhere') RETURNING 'agent=nobody, host=nowhere' AS key",
    "DELETE FROM agent_status WHERE agent = 'nobody'",
  ],
];

test.each(tampered)(
  "a row %s behind the pipeline's back at %s: different, exit code 3, its table and key",
  async (_, service, table, kind, tamper, mend) => {
    const target = scene.sessions.targets.get(service);
    await target?.query(
      "CREATE TABLE offtake.kept (decision_id uuid, name text, value float8, weight real, bucket smallint, observed_at timestamptz)",
    );
    const key = (await target?.query<{ key: string }>(tamper))?.rows[0]?.key;
    const found = await evidence();
    await target?.query(mend);
    await target?.query("DROP TABLE offtake.kept");
    expect(exitCodeOf(verdictOf(found))).toBe(ExitCode.no);
    expect(verdictOf(found).verdict).toBe("different");
    expect(found.proofs.filter(({ different }) => different > 0)).toMatchObject([
      { service, table: `public.${table}`, different: 1, differences: [{ kind, key }] },
    ]);
    expect(verdictText(found)).toContain(`  ${kind} at ${service}: public.${table} ${key}\n`);
    expect(verdictOf(await evidence()).verdict).toBe("equal");
  },
);
