import { readFile, writeFile } from "node:fs/promises";
import { platform } from "node:process";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { chooseUnits } from "../../../services/cli/run-units.ts";
import { run, type RunOptions } from "../../../services/cli/run.ts";
import { ControlSession } from "../../../services/control/control-session.ts";
import { PauseWatch } from "../../../services/control/pause-watch.ts";
import { Complaints } from "../../../services/runtime/complaints.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { type Supervised, supervise } from "../../../services/runtime/supervisor.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { sqlOf } from "./bad-input.ts";
import { CliProcess, lastObject, offtake } from "./cli-process.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";
import { readiness } from "./readiness.ts";

const schema = "CREATE TABLE trades (id int8 PRIMARY KEY, note text); CREATE TABLE users (id int8 PRIMARY KEY)";

const silent = createLog({ env: { OFFTAKE_LOG_LEVEL: "silent" }, terminal: false, write: () => {} });

async function runOf(pipeline: Pipeline, options: Pick<RunOptions, "kind" | "names">): Promise<unknown> {
  return run(pipeline.configuration, { ...options, httpPort: 0 }, silent, AbortSignal.timeout(0)).catch((error: unknown) => error);
}

async function slotIsRead({ source, connector }: Pipeline): Promise<boolean> {
  const { rows } = await source.query<{ active: boolean }>("SELECT active FROM pg_replication_slots WHERE slot_name = $1", [connector.slot]);
  return rows[0]?.active === true;
}

/** A connector and its applier as `run all` has them, but for how soon what waits for a person is tried again: half a minute is long for a test. */
class QuickUnits implements AsyncDisposable {
  readonly connector: Supervised;
  readonly applier: Supervised;
  readonly #stop = new AbortController();
  readonly #control: ControlSession;
  readonly #watching: Promise<void>;

  constructor({ configuration, metrics }: Pipeline) {
    this.#control = new ControlSession(configuration.control.url, "offtake run");
    const { signal } = this.#stop;
    const connectors = configuration.connectors.map(({ name }) => name);
    const pauses = new PauseWatch(this.#control, { connectors, complaints: new Complaints(silent, metrics), looked: () => {} });
    const units = chooseUnits({ configuration, log: silent, metrics, pauses }, { kind: "all", names: [] });
    const [connector, applier] = units.map((unit) => supervise(unit, { log: silent, metrics, operatorWaitMs: 500 }, signal));
    this.connector = connector!;
    this.applier = applier!;
    this.#watching = pauses.run(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.connector.ended, this.applier.ended, this.#watching]);
    await this.#control.end();
  }
}

/** The statement that mends what it waits with. */
async function cureOf({ readiness: state }: Supervised, code: string): Promise<string> {
  await waitFor(() => !state().ready && state().reason?.startsWith(`${code}: `), { what: `it to wait with ${code}` });
  return sqlOf(state().reason ?? "");
}

describe("offtake run", () => {
  test("all: is ready, applies, shows metrics, keeps its port, and finishes what is on its way when it is stopped", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using process = new CliProcess(["run", "all", "--http-port", "0", "--config", pipeline.file, "--json"]);
    const [, http = ""] = await process.says(/"http":"([^"]+)"/);
    const acts = async (): Promise<boolean> => (await readiness(http)).units.some(({ reason }) => reason === "acting");
    await waitFor(async () => (await readiness(http)).status === 200 && (await acts()), { what: "it to be ready" });
    expect(await readiness(http)).toEqual({
      status: 200,
      ready: true,
      units: [
        { unit: `connector ${pipeline.connector.name}`, ready: true, reason: "working" },
        { unit: "applier trading", ready: true, reason: "working" },
        { unit: "control", ready: true, reason: "acting" },
      ],
    });
    expect((await fetch(`${http}/healthz`)).status).toBe(200);
    // It has begun again, with the C library's memory in one piece, and is the same process to whoever started it.
    const settings = ["MALLOC_ARENA_MAX=1", "MALLOC_MMAP_THRESHOLD_=131072"];
    const environment = platform === "linux" ? (await readFile(`/proc/${process.child.pid}/environ`, "utf8")).split("\0") : settings;
    expect(environment).toEqual(expect.arrayContaining(settings));
    await pipeline.source.query("INSERT INTO trades SELECT i FROM generate_series(1, 5) i");
    await waitFor(async () => (await pipeline.target.query("TABLE trades")).rowCount === 5, { what: "the rows at the target" });
    for (const metric of [
      `offtake_capture_events_total{connector="${pipeline.connector.name}"} 5`,
      'offtake_apply_events_total{service="trading"} 5',
      'offtake_apply_lag_bytes{service="trading"} 0',
    ])
      await waitFor(async () => (await (await fetch(`${http}/metrics`)).text()).includes(`${metric}\n`), { what: metric });

    const { port } = new URL(http);
    const second = await offtake(["run", "applier", "--http-port", port, "--config", pipeline.file, "--json"]);
    expect([second.code, lastObject(second.stdout)]).toMatchObject([
      1,
      { error: { code: "HTTP_PORT_IN_USE", cure: expect.stringContaining("--http-port") } },
    ]);

    await pipeline.target.query("BEGIN; LOCK TABLE trades");
    await pipeline.source.query("INSERT INTO trades VALUES (6)");
    const waits = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    await waitFor(async () => (await pipeline.target.query(waits)).rowCount === 1, { what: "the applier to wait for the table" });
    await pipeline.source.query("INSERT INTO trades VALUES (7)");
    await waitFor(async () => /offtake_apply_lag_bytes\{service="trading"\} [1-9]/.test(await (await fetch(`${http}/metrics`)).text()), {
      what: "the lag to be told while nothing is applied",
    });
    process.child.kill("SIGTERM");
    await waitFor(async () => !(await slotIsRead(pipeline)), { what: "the connector to end" });
    expect(process.isOver).toBe(false);
    await pipeline.target.query("COMMIT");
    const { code, stdout } = await process.ended;
    expect([code, lastObject(stdout)]).toEqual([0, documentedAnswer("run")]);
    expect((await pipeline.target.query("SELECT FROM trades WHERE id = 6")).rowCount).toBe(1);
  });

  test("a unit that waits for a person is not ready and says why, and the others go on", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    const configuration = z
      .looseObject({ services: z.looseObject({ trading: z.looseObject({}) }) })
      .parse(parse(await readFile(pipeline.file, "utf8")));
    configuration.services.trading["tables"] = ["trades", "usres"];
    await writeFile(pipeline.file, stringify(configuration));
    await using process = new CliProcess(["run", "all", "--http-port", "0", "--config", pipeline.file, "--json"]);
    const [, http = ""] = await process.says(/"http":"([^"]+)"/);
    const isSo = async (): Promise<boolean> => {
      const { units } = await readiness(http);
      return units.some(({ reason }) => reason.startsWith("TABLES_UNRESOLVED: ")) && units.filter(({ ready }) => ready).length === 2;
    };
    await waitFor(isSo, { what: "the connector to wait, and the applier to work" });
    const { status, units } = await readiness(http);
    expect([status, units]).toMatchObject([
      503,
      [
        { ready: false, reason: expect.stringContaining("usres") },
        { unit: "applier trading", ready: true },
        { unit: "control", ready: true },
      ],
    ]);
    const { code, stdout, stderr } = await process.end("SIGTERM");
    expect([code, lastObject(stdout)]).toEqual([0, { stopped: true }]);
    expect(namesIn(lastObject(stdout))).toEqual(namesIn(documentedAnswer("run")));
    // The control process's validation finds it, too.
    expect(stderr.split("\n").filter((line) => line.includes("TABLES_UNRESOLVED") && line.includes('"unit":"connector'))).toHaveLength(1);
  });

  test("one kind, or one name, runs alone; a name that is none is refused", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    const { name } = pipeline.connector;
    for (const [kind, names, units] of [
      ["connector", [], [`connector ${name}`]],
      ["connector", [name], [`connector ${name}`]],
      ["applier", ["trading"], ["applier trading"]],
      ["all", ["trading"], [`connector ${name}`, "applier trading"]],
      ["control", [], ["control"]],
    ] as const) {
      const stop = new AbortController();
      let http = "";
      const log = createLog({
        env: {},
        terminal: false,
        write: (line) => {
          http = /"http":"([^"]+)"/.exec(line)?.[1] ?? http;
        },
      });
      const running = run(pipeline.configuration, { kind, names, httpPort: 0 }, log, stop.signal);
      await waitFor(async () => (await readiness(http)).ready, { what: `${kind} to be ready` });
      expect((await readiness(http)).units.map(({ unit }) => unit)).toEqual(units);
      stop.abort();
      expect(await running).toBe(true);
    }
    for (const [kind, names, words] of [
      ["connector", ["trading"], "There is no connector trading"],
      ["applier", ["trading", "billing"], "There is no service billing"],
      ["all", [name], `There is no service ${name}`],
    ] as const)
      expect(await runOf(pipeline, { kind, names })).toMatchObject({
        code: "USAGE",
        message: expect.stringContaining(words),
        cure: `It has ${kind === "connector" ? name : "trading"}.`,
      });
  });

  test("what a person has mended goes on by itself, connector and applier: nobody starts anything again", async () => {
    await using pipeline = await createPipeline(schema, { heartbeatEvery: "1s" });
    await pipeline.up();
    const { source, target } = pipeline;
    await using units = new QuickUnits(pipeline);
    const arrives = async (sql: string, rows: number): Promise<void> => {
      await waitFor(async () => (await target.query(sql)).rowCount === rows, { what: `${rows} rows of: ${sql}` });
      await waitFor(() => units.connector.readiness().ready && units.applier.readiness().ready, { what: "both to be ready" });
    };
    await source.query("INSERT INTO trades VALUES (1, 'a')");
    await arrives("TABLE trades", 1);

    await target.query("ALTER TABLE trades ADD CONSTRAINT small CHECK (note <> 'large')");
    await source.query("INSERT INTO trades VALUES (2, 'large')");
    await source.query("INSERT INTO trades VALUES (3, 'c')");
    const cure = await cureOf(units.applier, "EVENT_NOT_APPLICABLE");
    expect((await target.query("TABLE trades")).rowCount).toBe(1);
    await target.query(cure);
    await arrives("TABLE trades", 3);

    const later = "CREATE TABLE later (id int8 PRIMARY KEY)";
    await target.query(later);
    await source.query(later);
    const join = await cureOf(units.connector, "PUBLICATION_DIFFERS");
    await source.query(join);
    await source.query("INSERT INTO later VALUES (1); INSERT INTO trades VALUES (4, 'd')");
    await arrives("TABLE trades", 4);
    await arrives("TABLE later", 1);
  });
});
