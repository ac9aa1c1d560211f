/**
 * Starts over as an error's cure says, statement by statement as it is written there: a cure that cannot be carried out is none.
 */
import type { OfftakeError } from "../../services/runtime/errors.ts";
import type { ServiceUp } from "../../services/cli/up.ts";
import type { Pipeline } from "./pipeline.ts";
import { deleteTopic, testCluster } from "./topics.ts";

/** @param error of a connector, an applier or `up`, none of which may be running */
export async function startOver(pipeline: Pipeline, error: OfftakeError | undefined): Promise<ServiceUp> {
  const { source, target, service } = pipeline;
  const cure = error?.cure ?? "";
  const [, atSource, topic, atTarget] =
    /at the source (SELECT [^;]+;) kafka-topics\.sh --delete --if-exists --topic (\S+); at the target (DELETE [^;]+;)/.exec(cure) ?? [cure];
  if (atSource === undefined || atTarget === undefined || topic !== service.topic) throw new Error(`no way to start over: ${cure}`);
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

/** What pg_dump and psql do: this version has no command for it. @param names that need no quotes */
async function copyTables({ source, target, connector }: Pipeline, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const { rows } = await source.query<{ rows: string }>(`SELECT coalesce(json_agg(t), '[]')::text AS rows FROM ${name} t`);
    await target.query(`TRUNCATE ${name}`);
    await target.query(`INSERT INTO ${name} SELECT * FROM json_populate_recordset(null::${name}, $1)`, [rows[0]!.rows]);
    await target.query("DELETE FROM offtake.needs_copy WHERE connector = $1 AND table_name = $2", [connector.name, name]);
  }
}
