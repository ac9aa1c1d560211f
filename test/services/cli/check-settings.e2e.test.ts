import { Client } from "pg";
import { expect, inject, test } from "vitest";
import { startStack } from "../../../infra/local/stack.ts";
import { check } from "../../../services/cli/check.ts";
import { createPipeline } from "../../support/pipeline.ts";

test("settings of the source that leave no room for the slots are found, and cured by the SQL that is given and a restart", async () => {
  const settings = { source: { max_replication_slots: "0", max_wal_senders: "0", max_slot_wal_keep_size: "64MB" } };
  await using stack = await startStack({ backend: "local", servers: ["source"], settings, progress: () => {} });
  const servers = { source: stack.source.url(), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  await using pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY)", { servers });
  await pipeline.target.query("CREATE TABLE trades (id int8 PRIMARY KEY)");
  const findings = async () => (await check(pipeline.configuration)).filter(({ level, where }) => level !== "note" && where === "source");
  const found = await findings();
  expect(found.map(({ level, what }) => `${level} ${what}`)).toEqual([
    "fault 1 slots are needed and 0 of max_replication_slots = 0 are free",
    "fault 1 WAL senders are needed and 0 of max_wal_senders = 0 are free",
    "warning max_slot_wal_keep_size (64 MB) is less than source.maxRetainedWal: a slot is lost before its alarm",
  ]);
  const superuser = new Client({ connectionString: pipeline.sourceUrl });
  await superuser.connect();
  for (const { cure } of found) for (const statement of cure.split(";").filter((each) => each.trim() !== "")) await superuser.query(statement);
  await superuser.end();
  await pipeline.source.end();
  await stack.source.stop("fast");
  await stack.source.start();
  expect(await findings()).toEqual([]);
});
