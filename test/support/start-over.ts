/**
 * Starts over as an error's cure says, statement by statement as it is written there: a cure that cannot be carried out is none.
 */
import { expect } from "vitest";
import type { ServiceUp } from "../../services/cli/up.ts";
import type { OfftakeError } from "../../services/runtime/errors.ts";
import { released } from "../connectors/postgres/published-pipeline.ts";
import { caughtUp, stateOf } from "../services/apply/same-texts.ts";
import type { Pipeline } from "./pipeline.ts";
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
  await copyTables(pipeline, done.notCopied);
  return done;
}

/** Starts over as the error says, and shows that from then on both sides are the same. @param table of integers `id` and texts `note` */
export async function mended(pipeline: Pipeline, error: OfftakeError | undefined, table = "t"): Promise<void> {
  await pipeline.source.query(`INSERT INTO ${table} (id, note) VALUES (100, 'before')`);
  expect(await startOver(pipeline, error)).toMatchObject({ slot: "created", topic: "created", notCopied: [`public.${table}`] });
  await using connector = pipeline.startConnector();
  await using applier = pipeline.startApplier();
  await pipeline.source.query(`INSERT INTO ${table} (id, note) VALUES (101, 'after')`);
  await pipeline.source.query(`UPDATE ${table} SET note = 'later' WHERE id < 101`);
  await caughtUp(pipeline, [connector, applier]);
  expect(await stateOf(pipeline.target, { [table]: "id" })).toEqual(await stateOf(pipeline.source, { [table]: "id" }));
  await connector.stop();
  await applier.stop();
}

/** What pg_dump and psql do: this version has no command for it. @param names that need no quotes */
async function copyTables({ source, target, connector }: Pipeline, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { rows } = await source.query<{ rows: string }>(`SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${name} t`);
    await target.query(`TRUNCATE ${name}`);
    await target.query(`INSERT INTO ${name} SELECT * FROM json_populate_recordset(null::${name}, $1)`, [rows[0]!.rows]);
    await target.query("DELETE FROM offtake.needs_copy WHERE connector = $1 AND table_name = $2", [connector.name, name]);
  }
}
