/**
 * A commit that waits for a synchronous standby is applied at the target while the source still shows the row before. It is the newest transaction that there is: the xmax of the source's
 * snapshot does not cover it, and a wait for an xmin of that height is over at once.
 */
import { expect, inject, test } from "vitest";
import { FailoverServer } from "../../support/failover.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { waitFor } from "../../support/wait-for.ts";
import { sourceSession, withoutStandby } from "../../support/waiting-commits.ts";
import { pass, streaming } from "./passing.ts";

const server = await FailoverServer.start();

test("what is applied before the source shows it is undecided, by the transaction's number, and equal once it is shown", async () => {
  const servers = { source: server.url(), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  const schema = "CREATE TABLE t (id int8 PRIMARY KEY, n int)";
  await using pipeline = await createPipeline(schema, { servers });
  const { source, target } = pipeline;
  await target.query(schema);
  await using units = new AsyncDisposableStack();
  units.use(await streaming(pipeline));
  await source.query("INSERT INTO t SELECT i, 0 FROM generate_series(1, 50) AS i");
  await using waiting = await sourceSession(pipeline, "SET synchronous_commit = 'on'");
  await using open = await sourceSession(pipeline, "BEGIN; UPDATE t SET n = 9 WHERE id = 40");
  await withoutStandby(pipeline, async (letGo) => {
    const { rows } = await waiting
      .query<{ xid: string }>("BEGIN; UPDATE t SET n = 1 WHERE id = 5; DELETE FROM t WHERE id = 6; INSERT INTO t VALUES (60, 0)")
      .then(async () => waiting.query<{ xid: string }>("SELECT pg_current_xact_id()::text AS xid"));
    const committed = waiting.query("COMMIT");
    await waitFor(async () => (await target.query("SELECT FROM t WHERE id = 60")).rowCount === 1, { what: "the change at the target" });
    expect((await source.query("SELECT n FROM t WHERE id IN (5, 6, 60)")).rows).toEqual([{ n: 0 }, { n: 0 }]);
    const [unseen] = await pass(pipeline, { unseenMs: 300 });
    expect(unseen).toMatchObject({ verdict: "incomplete", missing: [], extra: [], differing: [] });
    const waitsFor = expect.stringContaining(`transaction ${rows[0]!.xid}`);
    expect(unseen!.undecided).toEqual(["5", "6", "60"].map((id) => ({ key: { id }, waitsFor })));
    const patient = pass(pipeline);
    await letGo();
    await committed;
    expect(await patient).toMatchObject([{ verdict: "equal", compared: 50 }]);
  });
  // A transaction that is open all the time holds up nothing.
  await target.query("UPDATE t SET n = 7 WHERE id IN (30, 40)");
  const [report] = await pass(pipeline);
  expect(report!.differing.map(({ key }) => key["id"])).toEqual(["30", "40"]);
  await open.query("ROLLBACK");
});
