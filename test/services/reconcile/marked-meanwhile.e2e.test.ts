/**
 * Tables that have to be copied, or are made again at the target, once their pass has begun: what is missing there then is no mismatch, and whoever is on call must not be told that it is.
 */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { Report } from "../../../services/reconcile/report.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { pass } from "./passing.ts";

const schema = "CREATE TABLE t (id int8 PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3)";

const waitsSql = `
  SELECT FROM pg_stat_activity
   WHERE datname = current_database() AND application_name = 'offtake reconcile trading' AND query LIKE '%FROM offtake.applied_position%'`;

const script = `
  import pg from "pg";
  const client = new pg.Client(process.env.TARGET_URL);
  await client.connect();
  await client.query(process.env.SQL);
  await client.end();`;

test("a pass that was begun before is incomplete, and tells nothing of what it has found", async () => {
  await using pipeline = await createPipeline(schema);
  const { target, targetUrl, connector } = pipeline;
  await target.query(schema);
  await pipeline.up({ createTables: false });
  await using units = new AsyncDisposableStack();
  await units.use(pipeline.startConnector()).working;
  const marked = `
    INSERT INTO offtake.needs_copy (connector, table_name, reason) VALUES ('${connector.name}', 'public.t', 'its copy was asked for') ON CONFLICT DO NOTHING`;
  const toBeCopied = expect.stringContaining("it has to be copied: its copy was asked for");
  const nothing = { verdict: "incomplete", missing: [], extra: [], differing: [], undecided: [], truncatedAt: null };

  /** A pass that has read marks and catalogs, and now waits for its applier. */
  const passed = async (meanwhile: string): Promise<Report> => {
    await target.query("DELETE FROM offtake.needs_copy");
    const passing = pass(pipeline);
    await waitFor(async () => (await target.query(waitsSql)).rowCount === 1, { what: "the pass to wait for its applier" });
    await target.query(meanwhile);
    await using applier = pipeline.startApplier();
    await applier.working;
    const [report] = await passing;
    return report!;
  };
  expect(await passed(`${marked}; TRUNCATE t`)).toMatchObject({ ...nothing, reason: toBeCopied });
  expect(await passed("DROP TABLE t; CREATE TABLE t (id int8 PRIMARY KEY)")).toMatchObject({
    ...nothing,
    reason: expect.stringContaining("it was made again at the target while it was read"),
  });

  // Behind its newest read of the target, too: it goes on when whoever is told how far it is lets it.
  await units.use(pipeline.startApplier()).working;
  expect(await pass(pipeline, { level: "strict", mostCandidates: 1 })).toMatchObject([{ verdict: "too-divergent", truncatedAt: 1 }]);
  const progress = (): void => {
    execFileSync(process.execPath, ["--input-type=module", "-e", script], { env: { ...process.env, TARGET_URL: targetUrl, SQL: marked } });
  };
  expect(await pass(pipeline, { level: "strict", mostCandidates: 1, progress })).toMatchObject([{ ...nothing, reason: toBeCopied }]);
});
