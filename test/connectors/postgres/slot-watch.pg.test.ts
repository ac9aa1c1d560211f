/** What a connector is told that was asleep, or whose slot is another's by now. The server is real, the clock is moved. */
import pg from "pg";
import { afterEach, beforeEach, expect, inject, test, vi } from "vitest";
import { ReplicationSession, type ReplicationStream } from "../../../connectors/postgres/replication-stream.ts";
import { readSlot } from "../../../connectors/postgres/slot.ts";
import { SlotWatch } from "../../../connectors/postgres/slot-watch.ts";
import { producerDeadline } from "../../../connectors/postgres/take-over.ts";
import { parseConfiguration } from "../../../services/runtime/configuration.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase, type TestDatabase } from "../../support/databases.ts";
import { waitFor } from "../../support/wait-for.ts";

let database: TestDatabase;
let client: pg.Client;
let lines: { health?: string }[];

beforeEach(async () => {
  database = await freshDatabase("source");
  client = new pg.Client(database.url);
  await client.connect();
  lines = [];
  await client.query(`CREATE PUBLICATION ${database.name} FOR ALL TABLES`);
  await client.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [database.name]);
  vi.useFakeTimers({ toFake: ["Date"] });
});

afterEach(async () => {
  vi.useRealTimers();
  await client.end();
  await database.drop();
});

async function read(): Promise<{ stream: ReplicationStream; pid: number }> {
  const session = await ReplicationSession.open(new Secret(database.url), "test");
  return { stream: await session.stream(database.name, database.name), pid: session.backendPid };
}

function say(text: string): void {
  const line: (typeof lines)[number] = JSON.parse(text);
  lines.push(line);
}

const metrics = createMetrics("test");

/** Of a connector whose slot is read by this process of the server. */
function watchOf(pid: number): SlotWatch {
  const text = JSON.stringify({
    mode: "development",
    source: { url: database.url },
    kafka: { brokers: ["127.0.0.1:1"] },
    registry: { url: "http://127.0.0.1:1" },
    control: { url: inject("control") },
    connectors: { [database.name]: { publication: database.name, slot: database.name, service: "trading" } },
    services: { trading: { target: { url: inject("target") }, tables: ["*"] } },
  });
  const configuration = parseConfiguration(text, "offtake.yaml", {});
  const log = createLog({ env: {}, terminal: false, write: say });
  return new SlotWatch(client, { configuration, connector: configuration.connectors[0]!, log, metrics }, pid);
}

/** One look at the slot. */
async function look(watch: SlotWatch): Promise<void> {
  await watch.run(AbortSignal.abort());
}

function pass(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

test("a connector may publish for as long as the server has lately given the slot to it, and not a moment longer", async () => {
  const { stream, pid } = await read();
  const watch = watchOf(pid);
  for (let round = 0; round < 3; round += 1) {
    pass(producerDeadline - 1);
    expect(watch.refusal).toBeUndefined();
    await look(watch);
  }
  pass(producerDeadline);
  expect(watch.refusal).toMatchObject({ code: "CONNECTOR_FENCED", retry: "yes", message: expect.stringContaining("no proof for 30 s") });
  // Awake again, and it is still its own.
  await look(watch);
  expect(watch.refusal).toBeUndefined();
  await stream.end();
});

test("a slot that another reads, or nobody, or that is gone, proves nothing", async () => {
  const { stream, pid } = await read();
  const watch = watchOf(pid);
  await stream.end();
  await waitFor(async () => (await readSlot(client, database.name))?.active === false, { what: "the slot to be free" });
  pass(producerDeadline);
  await look(watch);
  expect(watch.refusal?.code).toBe("CONNECTOR_FENCED");
  const other = await read();
  await look(watch);
  expect(watch.refusal?.code).toBe("CONNECTOR_FENCED");
  await other.stream.end();
  await waitFor(async () => (await readSlot(client, database.name))?.active === false, { what: "the slot to be free" });
  await client.query("SELECT pg_drop_replication_slot($1)", [database.name]);
  await look(watch);
  expect(watch.refusal?.code).toBe("CONNECTOR_FENCED");
  expect(lines.map(({ health }) => health)).toEqual(["inactive", "ok", "missing"]);
});

test("an answer that lay in the socket while the connector was asleep proves what was true when it was asked", async () => {
  const { stream, pid } = await read();
  const watch = watchOf(pid);
  const looking = look(watch);
  // The question has left; it sleeps before it sees the answer.
  pass(producerDeadline);
  await looking;
  expect(watch.refusal?.code).toBe("CONNECTOR_FENCED");
  await stream.end();
});

async function active(): Promise<number | undefined> {
  return (await metrics.slotActive.get()).values.find(({ labels }) => labels.connector === database.name)?.value;
}

test("says that nobody reads the slot once it has ended: what it saw last would stand there for as long as the process lives", async () => {
  const { stream, pid } = await read();
  const over = new AbortController();
  const watching = watchOf(pid).run(over.signal);
  await waitFor(async () => (await active()) === 1, { what: "the slot to be seen as read" });
  over.abort();
  await watching;
  expect(await active()).toBe(0);
  await stream.end();
});
