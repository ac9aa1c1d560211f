/** An event that the target refuses, from the monolith to the queue and, by the command line, to its table. */
import { userInfo } from "node:os";
import { expect, inject, test } from "vitest";
import { readQueues } from "../../../services/apply/queues.ts";
import { replayDeadLetters, showDeadLetters } from "../../../services/cli/dlq.ts";
import { status } from "../../../services/cli/status.ts";
import { withControl } from "../../../services/control/control-session.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { lastObject, offtake } from "./cli-process.ts";
import { documentedAnswer, namesIn } from "./documentation.ts";
import { servedApi } from "./served-api.ts";

test("is put aside with its key, shown, replayed once the target is mended, and the applier, which runs all the while, goes on with the key", async () => {
  // A control database of its own, whose audit nobody else writes.
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  const tables = { trades: { poison: "park" } };
  await using pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY, note text)", { servers, tables });
  await pipeline.up();
  const { source, target, metrics } = pipeline;
  await target.query("ALTER TABLE trades ALTER COLUMN note TYPE varchar(5)");
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await source.query("INSERT INTO trades VALUES (1, 'short')");
  await source.query("BEGIN; INSERT INTO trades VALUES (2, 'much too long'), (3, 'three'); UPDATE trades SET note = 'one' WHERE id = 1; COMMIT");
  const rows = async (): Promise<string[]> =>
    (await target.query<{ row: string }>("SELECT t::text AS row FROM trades t ORDER BY id")).rows.map(({ row }) => row);
  const is = async (...expected: string[]): Promise<void> => {
    await waitFor(async () => (await rows()).join() === expected.join(), { what: `the target to be ${expected.join()}` });
  };
  await is("(1,one)", "(3,three)");
  await source.query("UPDATE trades SET note = 'two' WHERE id = 2");
  await waitFor(async () => (await target.query("SELECT FROM offtake.dead_letter")).rowCount === 2, { what: "the second event to wait" });

  // What is refused goes to the log without anything that is in the row.
  const warning = applier.log.find(({ level, deadLetter }) => level === "warn" && deadLetter !== undefined);
  expect(warning).toMatchObject({ table: "public.trades", op: "create", sqlState: "22001" });
  expect(JSON.stringify(applier.log)).not.toContain("much too long");
  const shown = (await status(pipeline.configuration)).object.services[0]!;
  expect(shown.parked).toEqual([{ table: "public.trades", keys: 1, deadLetters: 2 }]);

  const command = async (name: string, ...args: string[]): Promise<readonly [number | null, Readonly<Record<string, unknown>>]> => {
    const { code, stdout } = await offtake(["dlq", name, "trading", ...args, "--json", "--config", pipeline.file]);
    return [code, lastObject(stdout)];
  };
  const id = String(warning?.["deadLetter"]);
  const [, list] = await command("list");
  expect(list).toMatchObject({ service: "trading", queues: [{ deadLetters: 2, keys: 1, first: { id, key: "(id)=(2)", sqlState: "22001" } }] });
  expect(namesIn(list)).toEqual(namesIn(documentedAnswer("dlq list")));
  const [, show] = await command("show", id);
  expect(show).toMatchObject({ deadLetters: [{ row: { id: "2", note: "much too long" } }, { row: { id: "2", note: "two" }, sqlState: null }] });
  expect(namesIn(show)).toEqual(namesIn(documentedAnswer("dlq show")));
  const { configuration, service } = pipeline;
  const redacting = { ...configuration, services: [{ ...service, tables: service.tables.map((table) => ({ ...table, redact: ["note"] })) }] };
  const { object: hidden } = await showDeadLetters(redacting, "trading", id);
  expect(hidden.deadLetters.map(({ row }) => row)).toEqual([1, 2].map(() => ({ id: "2", note: "[redacted]" })));

  await using api = await servedApi(redacting);
  const told = await api.ask("GET", `/dead-letters/trading:${id}`, { key: api.keys.viewer });
  expect([told.status, told.body]).toMatchObject([
    200,
    {
      service: "trading",
      waiting: 2,
      keys: 1,
      deadLetters: [
        { id: `trading:${id}`, op: "create", key: "(id)=(2)", sqlState: "22001", row: { id: "2", note: "[redacted]" } },
        { op: "update", error: null, row: { note: "[redacted]" } },
      ],
    },
  ]);
  expect(JSON.stringify(told.body)).not.toContain("much too long");
  const { body: shownTables } = await api.ask("GET", "/services/trading/tables", { key: api.keys.viewer });
  expect(shownTables).toMatchObject({ tables: [{ table: "public.trades", parkedKeys: 1, deadLetters: 2, mismatches: null }], errors: [] });

  const [failed, refusal] = await command("replay");
  expect([failed, refusal]).toMatchObject([1, { replayed: [{ id, events: 0, error: { code: "EVENT_NOT_APPLICABLE" } }] }]);
  expect(await rows()).toEqual(["(1,one)", "(3,three)"]);
  const away = { ...configuration, control: { url: new Secret("postgres://me@127.0.0.1:1/app") } };
  const unaudited = await replayDeadLetters(away, "trading", []);
  expect(unaudited.object).toMatchObject({ replayed: [{ id, error: { code: "EVENT_NOT_APPLICABLE" } }], audited: false });
  expect(unaudited.text).toContain("The audit lacks it, and the dead letters have who did it: CONTROL_UNREACHABLE");
  await target.query("ALTER TABLE trades ALTER COLUMN note TYPE text");
  const replayed = { service: "trading", replayed: [{ id, events: 2, error: null }], audited: true };
  expect(await command("replay")).toEqual([0, replayed]);
  expect(namesIn(replayed)).toEqual(namesIn(documentedAnswer("dlq replay")));
  await source.query("UPDATE trades SET note = 'two, and more' WHERE id = 2");
  await is("(1,one)", '(2,"two, and more")', "(3,three)");

  await target.query("ALTER TABLE trades ADD CHECK (note <> 'bad')");
  await source.query("UPDATE trades SET note = 'bad' WHERE id = 3");
  const gauge = async (): Promise<number[]> =>
    Promise.all([metrics.parkedKeys, metrics.deadLetters].map(async (each) => (await each.get()).values[0]?.value ?? 0));
  await waitFor(async () => (await target.query("SELECT FROM offtake.parked")).rowCount === 1, { what: "the key to be parked" });
  // They are counted with the next batch.
  await source.query("INSERT INTO trades VALUES (4, 'four')");
  await waitFor(async () => (await gauge()).join() === "1,1", { what: "the metrics to say so" });
  const { first } = (await readQueues(target, pipeline.connector.name))[0]!;
  const [, skipped] = await command("skip", first.id, "--reason", "nobody needs it");
  expect([skipped, namesIn(skipped)]).toEqual([{ service: "trading", skipped: 1, audited: true }, namesIn(documentedAnswer("dlq skip"))]);
  const sql = "SELECT who, action, service, subject, before, after FROM offtake.audit ORDER BY id";
  const { rows: audit } = await withControl(configuration.control.url, "offtake test", async (control) => control.query(sql, []));
  const entry = { who: userInfo().username, service: "trading", before: { state: "waiting" } };
  expect(audit).toMatchObject([
    { ...entry, action: "replay", subject: `dead letter ${id}`, after: [{ id, events: 0, error: { code: "EVENT_NOT_APPLICABLE" } }] },
    { ...entry, action: "replay", subject: `dead letter ${id}`, after: [{ id, events: 2, error: null }] },
    { ...entry, action: "skip", subject: `dead letter ${first.id}`, after: { skipped: 1, reason: "nobody needs it" } },
  ]);
  expect((await command("list"))[1]).toEqual({ service: "trading", queues: [] });
  expect((await command("show", first.id))[0]).toBe(2);
  expect((await command("skip", "many"))[0]).toBe(2);
  await applier.stop();
  await connector.stop();
});
