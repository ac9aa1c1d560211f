/** The list of captured tables at a target that goes back. The servers are real, the clock is moved. */
import pg from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { PublicationWatch } from "../../../connectors/postgres/publication-watch.ts";
import { migrateTarget } from "../../../services/apply/migrate-target.ts";
import { readNeedsCopy } from "../../../services/apply/needs-copy.ts";
import { parseConfiguration } from "../../../services/runtime/configuration.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { freshDatabase } from "../../support/databases.ts";

const [sourceDatabase, targetDatabase] = await Promise.all([freshDatabase("source"), freshDatabase("target")]);
const source = new pg.Client(sourceDatabase.url);
const target = new pg.Client(targetDatabase.url);
const { name } = sourceDatabase;

beforeAll(async () => {
  await Promise.all([source.connect(), target.connect()]);
  await migrateTarget(target);
  await source.query(`CREATE TABLE t (id int PRIMARY KEY); CREATE PUBLICATION ${name} FOR TABLE t`);
  vi.useFakeTimers({ toFake: ["performance"] });
});

afterAll(async () => {
  vi.useRealTimers();
  await Promise.all([source.end(), target.end()]);
  await Promise.all([sourceDatabase.drop(), targetDatabase.drop()]);
});

function watchOf(): PublicationWatch {
  const text = JSON.stringify({
    mode: "development",
    source: { url: sourceDatabase.url },
    kafka: { brokers: ["127.0.0.1:1"] },
    registry: { url: "http://127.0.0.1:1" },
    connectors: { [name]: { publication: name, slot: name, service: "trading" } },
    services: { trading: { target: { url: targetDatabase.url }, tables: ["t"] } },
  });
  const { connectors, services } = parseConfiguration(text, "offtake.yaml", {});
  const log = createLog({ env: {}, terminal: false, write: () => {} });
  return new PublicationWatch(source, { connector: connectors[0]!, service: services[0]!, log }, "test");
}

test("a mark that a target has lost, restored to before it, is made again within ten minutes", async () => {
  const watch = watchOf();
  await watch.look();
  await target.query("CREATE TABLE backup AS TABLE offtake.captured_table");
  await source.query(`ALTER PUBLICATION ${name} DROP TABLE t; ALTER PUBLICATION ${name} ADD TABLE t`);
  await watch.look();
  expect(await readNeedsCopy(target, name)).toEqual(["public.t"]);
  await target.query("TRUNCATE offtake.captured_table, offtake.needs_copy; INSERT INTO offtake.captured_table TABLE backup");
  vi.advanceTimersByTime(600_000 - 1);
  await watch.look();
  expect(await readNeedsCopy(target, name)).toEqual([]);
  vi.advanceTimersByTime(1);
  await watch.look();
  expect(await readNeedsCopy(target, name)).toEqual(["public.t"]);
});
