/** Copies from end to end: asked for, made beside the stream, applied, looked at and called off. */
import { describe, expect, test } from "vitest";
import { readMarks } from "../../../services/apply/needs-copy.ts";
import { cancelSnapshot, snapshotStatus, startSnapshot } from "../../../services/cli/snapshot.ts";
import { SnapshotJobs } from "../../../services/control/snapshot-jobs.ts";
import { untilCopied } from "../../../services/cli/watch-snapshot.ts";
import { status } from "../../../services/cli/status.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { errorOf } from "../../support/error-of.ts";
import { createPipeline, type Pipeline } from "../../support/pipeline.ts";
import { running } from "../../support/running-all.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";
import { waitFor } from "../../support/wait-for.ts";
import { CliProcess, lastObject, offtake } from "./cli-process.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";

const schema = `CREATE TABLE trades (id int8 PRIMARY KEY, n int, note text);
  ALTER TABLE trades ALTER COLUMN note SET STORAGE EXTERNAL;
  CREATE TABLE users (id int8 PRIMARY KEY, name text)`;

async function rowsOf(pipeline: Pipeline, side: "source" | "target", table = "trades"): Promise<string[]> {
  const { rows } = await pipeline[side].query<{ row: string }>(`SELECT t::text AS row FROM ${table} t ORDER BY id`);
  return rows.map(({ row }) => row);
}

async function marks(pipeline: Pipeline): Promise<string[]> {
  return (await readMarks(pipeline.target, pipeline.connector.name)).map(({ table }) => table);
}

async function same(pipeline: Pipeline): Promise<void> {
  await waitFor(async () => (await rowsOf(pipeline, "target")).join() === (await rowsOf(pipeline, "source")).join(), {
    what: "the target to be equal",
  });
}

describe("rows that were there before the stream", () => {
  test("are copied without anybody asking while the monolith goes on; the mark goes, and `status` says what is not known yet", async () => {
    await using pipeline = await createPipeline(
      `${schema}; INSERT INTO trades SELECT i, 0, repeat('x', CASE i % 10 WHEN 0 THEN 3000 ELSE 20 END) FROM generate_series(1, 5000) i; INSERT INTO users VALUES (1, 'a')`,
    );
    expect((await pipeline.up()).notCopied).toEqual(["public.trades", "public.users"]);
    const lines: string[] = [];
    // Before anybody has ordered a copy, and until the target has it: not only until the topic has.
    const watching = untilCopied(pipeline.configuration, "trading", [], (line) => lines.push(line), new AbortController().signal);
    const left = watching.then(async () => marks(pipeline));
    await waitFor(() => lines[0] === "0 of 2 tables copied; 2 wait for their connector", { what: "the first line" });
    expect((await snapshotStatus(pipeline.configuration, "trading", [])).text).toContain(
      "public.users: has to be copied: rows from before `offtake up`; its connector does it as soon as it runs",
    );
    await using all = await running(pipeline.configuration);
    const { source } = pipeline;
    for (let i = 0; i < 1000 && (await marks(pipeline)).length > 0; i += 1) {
      await source.query("UPDATE trades SET n = n + 1 WHERE id IN (SELECT 1 + (random() * 5000)::int8 FROM generate_series(1, 20))");
      await source.query("DELETE FROM trades WHERE id = (SELECT 1 + (random() * 5000)::int8)");
      await source.query("INSERT INTO trades VALUES (10000 + $1, 1, $2)", [i, "y".repeat(3000)]);
      await source.query("UPDATE trades SET id = 100000 + $1 WHERE id = (SELECT 1 + (random() * 5000)::int8)", [i]);
    }
    await waitFor(async () => (await marks(pipeline)).length === 0, { what: "the marks to go" });
    await same(pipeline);
    expect(await rowsOf(pipeline, "target", "users")).toEqual(["(1,a)"]);
    expect(await left).toEqual([]);
    expect(lines.slice(-2)).toEqual(["2 of 2 tables copied", ""]);
    const { object, text } = await snapshotStatus(pipeline.configuration, "trading", []);
    expect(object.tables.map(({ table, state, requestedBy, verifiedAt }) => [table, state, requestedBy, verifiedAt])).toEqual([
      ["public.trades", "copied", "the connector", null],
      ["public.users", "copied", "the connector", null],
    ]);
    expect(text).toMatch(/^public\.trades: copied, \d+ rows, not yet verified\npublic\.users: copied, 1 rows, not yet verified$/);
    const answer = await status(pipeline.configuration);
    expect(answer.object.services[0]).toMatchObject({ notCopied: [], copies: [{ table: "public.trades" }, { table: "public.users" }] });
    expect(answer.text).toContain("trading: copied, not yet verified: public.trades, public.users");
    expect(await all.stop()).toBe(true);
  });
});

test("while the control database is away the stream goes on, and the copy waits and goes on where it was", async () => {
  await using pipeline = await createPipeline(`${schema}; INSERT INTO trades SELECT i, 0, 'x' FROM generate_series(1, 4000) i`);
  await pipeline.up();
  const { configuration, service } = pipeline;
  const control = new URL(pipeline.controlUrl);
  const port = Number(control.port);
  let away = false;
  // Nobody listens on port 1.
  await using proxy = await TcpProxy.start(() => ({ host: control.hostname, port: away ? 1 : port }));
  control.port = String(proxy.port);
  const slow = { ...service, snapshot: { connections: 1, maxRowsPerSecond: 800 } };
  await using all = await running({ ...configuration, control: { url: new Secret(control.href) }, services: [slow] });
  const copied = async (): Promise<number> => (await snapshotStatus(configuration, "trading", [])).object.tables[0]?.rows ?? 0;
  await waitFor(async () => (await copied()) > 0, { what: "the first rows" });
  away = true;
  proxy.cut();
  const connector = `connector ${pipeline.connector.name}`;
  const complaints = (): number => all.log.filter(({ err, unit }) => err?.code === "CONTROL_UNREACHABLE" && unit === connector).length;
  await waitFor(() => complaints() > 0, { what: "the log to say so" });
  const before = await copied();
  await pipeline.source.query("INSERT INTO trades VALUES (100000, 1, 'meanwhile')");
  await waitFor(async () => (await pipeline.target.query("SELECT FROM trades WHERE id = 100000")).rowCount === 1, { what: "the stream to go on" });
  expect((await all.readyz()).status).toBe(200);
  expect(await copied()).toBe(before);
  away = false;
  await waitFor(async () => (await marks(pipeline)).length === 0, { what: "the copy to end" });
  await same(pipeline);
  expect((await snapshotStatus(configuration, "trading", [])).object.tables).toMatchObject([{ state: "copied", rows: expect.any(Number) }]);
  expect(complaints()).toBe(1);
  await all.stop();
});

describe("a copy that is asked for", () => {
  test("puts back what somebody has deleted at the target, where the applier has stopped at it", async () => {
    await using pipeline = await createPipeline(schema);
    await pipeline.up();
    await using all = await running(pipeline.configuration);
    await pipeline.source.query("INSERT INTO trades SELECT i, 0, repeat('x', 3000) FROM generate_series(1, 200) i");
    await same(pipeline);
    await pipeline.target.query("TRUNCATE trades");
    await pipeline.source.query("UPDATE trades SET n = 1 WHERE id = 7");
    await waitFor(async () => (await all.reason()).startsWith("TARGET_ROW_MISSING"), { what: "the applier to stop" });
    expect((await startSnapshot(pipeline.configuration, "trading", ["trades"])).object).toEqual({
      service: "trading",
      requested: ["public.trades"],
      underWay: [],
    });
    expect(await marks(pipeline)).toEqual(["public.trades"]);
    await all.stop();
    // Its supervisor looks again every half minute; a start does at once.
    await using again = await running(pipeline.configuration);
    await same(pipeline);
    await waitFor(async () => (await marks(pipeline)).length === 0, { what: "the mark to go" });
    await again.stop();
  });

  test("is found by the command line, with what is known of it, and can be called off", async () => {
    await using pipeline = await createPipeline(`${schema}; INSERT INTO trades VALUES (1, 1, 'a'); INSERT INTO users VALUES (1, 'a')`);
    await pipeline.up();
    const file = ["--config", pipeline.file, "--json"];
    const none = await offtake(["snapshot", "status", "trading", ...file]);
    expect([none.code, lastObject(none.stdout)]).toMatchObject([0, { service: "trading", tables: [] }]);
    const start = await offtake(["snapshot", "start", "trading", ...file]);
    expect([start.code, lastObject(start.stdout)]).toEqual([0, { service: "trading", requested: ["public.trades", "public.users"], underWay: [] }]);
    expect(namesIn(lastObject(start.stdout))).toEqual(namesIn(documentedAnswer("snapshot start")));
    const again = await offtake(["snapshot", "start", "trading", "users", ...file]);
    expect(lastObject(again.stdout)).toEqual({ service: "trading", requested: [], underWay: ["public.users"] });
    const shown = await offtake(["snapshot", "status", "trading", "public.trades", ...file]);
    expect(lastObject(shown.stdout)).toMatchObject({ tables: [{ table: "public.trades", state: "waiting", rows: 0, error: null }] });
    expect(namesIn(lastObject(shown.stdout))).toEqual(namesIn(documentedAnswer("snapshot status")));
    const cancel = await offtake(["snapshot", "cancel", "trading", "users", "trades", ...file]);
    expect(lastObject(cancel.stdout)).toEqual({ service: "trading", cancelled: ["public.trades", "public.users"] });
    expect(namesIn(lastObject(cancel.stdout))).toEqual(namesIn(documentedAnswer("snapshot cancel")));
    // What was called off is not begun again by the connector, which sees the marks all the same.
    await using run = new CliProcess(["run", "--http-port", "0", "--config", pipeline.file]);
    await run.says(/"applying"/);
    await startSnapshot(pipeline.configuration, "trading", ["users"]);
    await waitFor(async () => (await marks(pipeline)).join() === "public.trades", { what: "the other table to be copied" });
    expect((await snapshotStatus(pipeline.configuration, "trading", [])).object.tables.map(({ state }) => state)).toEqual(["cancelled", "copied"]);
    await run.end("SIGTERM");
  });

  test("once more while the end of the one before is on its way has a mark of its own, which that end does not take away; until then it has none", async () => {
    await using pipeline = await createPipeline(schema);
    const { configuration, connector, target } = pipeline;
    await pipeline.up();
    const jobs = new SnapshotJobs(configuration.control.url, "test");
    try {
      const reason = async (): Promise<string | undefined> => (await readMarks(target, connector.name))[0]?.reason;
      const ask = async (...names: string[]): Promise<readonly string[]> => (await startSnapshot(configuration, "trading", names)).object.requested;
      expect(await ask("users")).toEqual(["public.users"]);
      for (const names of [["users"], []]) {
        const asked = await reason();
        expect(await ask("users")).toEqual([]);
        const [job] = await jobs.open(connector.name);
        await jobs.started(job!.id, { tableOid: 1, keyColumns: ["id"], estimatedRows: 1, estimatedBytes: 1 });
        expect(await ask("users")).toEqual([]);
        expect([job!.reason, await reason()]).toEqual([asked, asked]);
        await jobs.copied(job!.id);
        expect(await ask(...names)).toEqual(["public.users"]);
        expect(await reason()).not.toBe(asked);
        expect(await jobs.open(connector.name)).toMatchObject([{ table: "public.users", reason: await reason() }]);
      }
    } finally {
      await jobs.close();
    }
  });

  test("of a service, a table or a name that is none is refused, with those that there are", async () => {
    await using pipeline = await createPipeline(schema);
    const { configuration } = pipeline;
    const notPrepared = await errorOf(startSnapshot(configuration, "trading", []));
    expect([notPrepared.code, notPrepared.cure]).toEqual(["TARGET_NOT_PREPARED", "Run `offtake up`."]);
    await pipeline.up();
    for (const [act, message, cure] of [
      [async () => startSnapshot(configuration, "billing", []), "There is no service billing", "It has trading."],
      [async () => startSnapshot(configuration, "trading", ["orders"]), "trading has no table public.orders.", "It has public.trades, public.users."],
      [async () => cancelSnapshot(configuration, "trading", ["ord*"]), "ord* is not the name of a table", "Expected table or schema.table."],
      [async () => snapshotStatus(configuration, "trading", ['a"b']), 'a"b is not the name of a table', "Expected table or schema.table."],
    ] as const) {
      const error = await errorOf(act());
      expect([error.code, error.message, error.cure]).toEqual(["USAGE", expect.stringContaining(message), cure]);
    }
    expect((await startSnapshot(configuration, "trading", [])).text).toContain("No table of trading is marked as not copied");
    expect((await cancelSnapshot(configuration, "trading", ["trades"])).text).toBe("public.trades: no copy was under way");
    expect((await cancelSnapshot(configuration, "trading", [])).text).toBe("No table of trading is being copied.");
  });
});
