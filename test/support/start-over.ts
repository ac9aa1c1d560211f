/**
 * Starts over, or recovers the slot, as an error's cure says, statement by statement as it is written there: a cure that cannot be carried out is none.
 */
import { expect } from "vitest";
import { readNeedsCopy } from "../../services/apply/needs-copy.ts";
import { startSnapshot } from "../../services/cli/snapshot.ts";
import type { ServiceUp } from "../../services/cli/up.ts";
import { SnapshotJobs } from "../../services/control/snapshot-jobs.ts";
import type { OfftakeError } from "../../services/runtime/errors.ts";
import { released } from "../connectors/postgres/published-pipeline.ts";
import { caughtUp, stateOf } from "../services/apply/same-texts.ts";
import type { Pipeline } from "./pipeline.ts";
import { waitFor } from "./wait-for.ts";
import { deleteTopic, testCluster } from "./topics.ts";

/** @param error of a connector, an applier or `up`, none of which may be running */
async function startOver(pipeline: Pipeline, error: OfftakeError | undefined): Promise<ServiceUp> {
  const { source, target, service } = pipeline;
  const cure = error?.cure ?? "";
  const [, atSource, topic, atTarget] =
    /at the source (SELECT [^;]+;) kafka-topics\.sh --bootstrap-server \S+ --delete --if-exists --topic (\S+); at the target (DELETE [^;]+;)/.exec(
      cure,
    ) ?? [cure];
  if (atSource === undefined || atTarget === undefined || topic !== service.topic) throw new Error(`no way to start over: ${cure}`);
  await released(pipeline);
  await source.query(atSource);
  const cluster = testCluster(pipeline.configuration.kafka.brokers);
  await cluster.admin.metadata({ topics: [topic] }).then(
    async () => deleteTopic(cluster, topic),
    () => undefined,
  );
  await cluster.close();
  await target.query(atTarget);
  const done = await pipeline.up();
  await target.query(`TRUNCATE ${done.notCopied.join(", ")}`);
  const [, command, name] = /`offtake snapshot (start) (\S+)`/.exec(cure) ?? [];
  if (command === undefined || name !== service.name) throw new Error(`no copy: ${cure}`);
  await startSnapshot(pipeline.configuration, name, []);
  return done;
}

/** A new slot, and the topic stays. */
async function recover(pipeline: Pipeline, command: string): Promise<ServiceUp> {
  if (command !== `offtake up --recover ${pipeline.connector.name}`) throw new Error(`no way to recover: ${command}`);
  await released(pipeline);
  return pipeline.up({ createTables: false, recover: pipeline.connector.name });
}

/** Starts over, or recovers, as the error says, in the middle of a copy, and shows that from then on both sides are the same. @param table of integers `id` and texts `note` */
export async function mended(pipeline: Pipeline, error: OfftakeError | undefined, table = "t"): Promise<void> {
  await pipeline.source.query(`INSERT INTO ${table} (id, note) VALUES (100, 'before')`);
  const journal = new SnapshotJobs(pipeline.configuration.control.url, "offtake test");
  await begunCopy(pipeline, journal, table);
  const command = /`(offtake up --recover \S+)`/.exec(error?.cure ?? "")?.[1];
  const anew = command === undefined ? { slot: "created", topic: "created" } : { slot: "recovered", topic: "present" };
  const done = command === undefined ? await startOver(pipeline, error) : await recover(pipeline, command);
  expect(done).toMatchObject({ ...anew, notCopied: [`public.${table}`] });
  await using connector = pipeline.startConnector({}, journal);
  await using applier = pipeline.startApplier();
  await pipeline.source.query(`INSERT INTO ${table} (id, note) VALUES (101, 'after')`);
  await pipeline.source.query(`UPDATE ${table} SET note = 'later' WHERE id < 101`);
  await waitFor(async () => (await journal.open(pipeline.connector.name)).length === 0, { what: "the copy" });
  await caughtUp(pipeline, [connector, applier]);
  expect(await stateOf(pipeline.target, { [table]: "id" })).toEqual(await stateOf(pipeline.source, { [table]: "id" }));
  expect(await readNeedsCopy(pipeline.target, pipeline.connector.name)).toEqual([]);
  await connector.stop();
  await applier.stop();
  await journal.close();
}

/** A copy that was under way when the topic went: what it had copied is nowhere any more. */
async function begunCopy({ connector, service, source }: Pipeline, journal: SnapshotJobs, table: string): Promise<void> {
  await journal.request(connector.name, service.name, [`public.${table}`], "a copy from before");
  const [job] = await journal.open(connector.name);
  const { rows } = await source.query<{ oid: number }>("SELECT to_regclass($1)::oid AS oid", [`public.${table}`]);
  await journal.started(job!.id, { tableOid: rows[0]!.oid, keyColumns: ["id"], estimatedRows: 1000, estimatedBytes: 1000 });
  await journal.progress(job!.id, { lastKey: ["100"], rows: 100, bytes: 1000, movesFrom: 0 });
}
