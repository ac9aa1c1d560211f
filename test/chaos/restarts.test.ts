/**
 * Connector and applier are killed ten times each, at moments of their own choosing, while transfers go on; then everything drains, and the ledger of what
 * the monolith acknowledged is held against topic and target.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg, { type Client } from "pg";
import { expect, inject, test } from "vitest";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { up } from "../../services/cli/up.ts";
import { loadConfiguration } from "../../services/runtime/configuration.ts";
import { freshDatabase, uniqueName } from "../support/databases.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";
import { Ledger } from "./ledger.ts";
import { TargetWatcher } from "./target-watcher.ts";
import { auditTopic } from "./topic-audit.ts";
import { openAccounts, schemaSql, startTransfers, tables, total } from "./transfers.ts";
import { Victim } from "./victim.ts";

const killsOfEach = 10;

async function connect(url: string): Promise<Client> {
  const client = new pg.Client(url);
  await client.connect();
  return client;
}

/** Every row of a table as text, in the order of its key. */
async function rowsOf(client: Client, table: string): Promise<string[]> {
  const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${table} t ORDER BY id`);
  return rows.map(({ row }) => row);
}

async function stateOf(client: Client): Promise<string> {
  const state: string[][] = [];
  for (const table of tables) state.push(await rowsOf(client, table));
  return JSON.stringify(state);
}

async function transfersAt(client: Client): Promise<number> {
  const { rows } = await client.query<{ n: string }>("SELECT count(*) AS n FROM transfer");
  return Number(rows[0]!.n);
}

test(`nothing is lost, doubled or half visible when connector and applier are killed ${killsOfEach} times each`, async () => {
  const source = await freshDatabase("source");
  const target = await freshDatabase("target");
  const prefix = uniqueName("chaos");
  await using folder = await temporaryFolder();
  const monolith = await connect(source.url);
  await monolith.query(schemaSql);
  const file = join(folder.path, "offtake.yaml");
  writeFileSync(
    file,
    `mode: development
source: { url: "${source.url}" }
kafka: { brokers: ${JSON.stringify([inject("kafka")].flat())}, topicPrefix: ${prefix} }
registry: { url: "${inject("registry")}" }
control: { url: "${inject("control")}" }
connectors: { ${prefix}: { publication: ${prefix}_pub, slot: ${prefix}, service: bank } }
services: { bank: { target: { url: "${target.url}" }, tables: [account, transfer, note] } }
`,
  );
  const configuration = loadConfiguration(file, process.env);
  const { topic } = configuration.services[0]!;
  await up(configuration, { createTables: true }, { json: true, progress: () => {}, answer: () => {} }, new AbortController().signal);
  await openAccounts(monolith);
  const log = join(folder.path, "log");
  const connector = new Victim(["--config", file, "run", "connector", "--http-port", "0"], `${log}.connector`);
  const applier = new Victim(["--config", file, "run", "applier", "--http-port", "0"], `${log}.applier`);
  const service = await connect(target.url);
  await waitFor(async () => (await rowsOf(service, "account")).length > 0, { what: "the accounts at the target", timeout: 60_000 });

  const watcher = new TargetWatcher(target.url);
  const ledger = new Ledger(join(folder.path, "ledger"));
  const load = startTransfers(source.url, ledger, 1, 3);
  for (let round = 0; round < killsOfEach; round += 1) {
    for (const victim of [connector, applier]) {
      // Killed while it works: only once transfers arrive again, and then at any moment of a few tenths of a second.
      const before = await transfersAt(service);
      await waitFor(async () => (await transfersAt(service)) > before, { what: "transfers arrive at the target", timeout: 60_000 });
      await sleep(Math.random() * 300);
      await victim.kill();
      victim.restart();
    }
  }
  await load.stop();
  ledger.close();
  const cluster = new KafkaCluster(configuration.kafka, "offtake-chaos");
  const expected = await stateOf(monolith);
  await waitFor(async () => (await stateOf(service)) === expected, { what: "the target to be equal to the monolith", timeout: 60_000 });
  const watched = await watcher.stop();
  const audit = await auditTopic(cluster, new Registry(configuration.registry.url), topic, "transfer");

  const arrived = new Set((await service.query<{ id: string }>("SELECT id FROM transfer")).rows.map(({ id }) => Number(id)));
  const lost = [...ledger.acknowledged.keys()].filter((id) => !arrived.has(id));
  const notPublished = [...ledger.acknowledged.keys()].filter((id) => audit.created.get(id) !== 1);
  process.stdout.write(
    `killed: connector ${connector.kills} times, applier ${applier.kills} times; acknowledged ${ledger.acknowledged.size}, lost ${lost.length}, ` +
      `topic: ${audit.events} events, ${audit.duplicates} twice, ${audit.chainBreaks} chain breaks; ${watched.reads} reads of the target, ${watched.halfVisible} half visible\n`,
  );
  expect({ lost, notPublished, duplicates: audit.duplicates, chainBreaks: audit.chainBreaks }).toEqual({
    lost: [],
    notPublished: [],
    duplicates: 0,
    chainBreaks: 0,
  });
  expect({ halfVisible: watched.halfVisible, wentBack: watched.wentBack }).toEqual({ halfVisible: 0, wentBack: 0 });
  expect(watched.reads).toBeGreaterThan(100);
  expect({ connector: connector.kills, applier: applier.kills }).toEqual({ connector: killsOfEach, applier: killsOfEach });
  const sum = await service.query<{ total: string }>("SELECT sum(balance)::text AS total FROM account");
  expect(sum.rows[0]!.total).toBe(String(total));
  expect((await offsetRange(cluster, topic)).end).toBeGreaterThan(audit.events);

  expect(await connector.stop()).toBe(0);
  expect(await applier.stop()).toBe(0);
  await cluster.close();
  await monolith.end();
  await service.end();
  await source.drop();
  await target.drop();
});
