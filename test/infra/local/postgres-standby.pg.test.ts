import { expect, test } from "vitest";
import { hasProcesses } from "../../../infra/local/stack-processes.ts";
import { FailoverServer } from "../../support/failover.ts";
import { waitFor } from "../../support/wait-for.ts";

const server = await FailoverServer.start();

test("a standby has what its primary has, gets nothing more once it is cut off, and goes on alone on a timeline of its own; so does a standby of it", async () => {
  const first = server.primary;
  const primary = await server.session(first);
  await primary.query("CREATE TABLE t (id int); INSERT INTO t VALUES (1)");
  const standby = await server.addStandby();
  await primary.query("INSERT INTO t VALUES (2)");
  await server.caughtUp(standby);
  const copy = await server.session(standby);
  await expect(copy.query("INSERT INTO t VALUES (3)")).rejects.toMatchObject({ code: "25006" });
  await standby.disconnect();
  await primary.query("INSERT INTO t VALUES (4)");
  await server.failOver(standby);
  await copy.query("INSERT INTO t VALUES (5)");
  expect((await copy.query("TABLE t")).rows).toEqual([{ id: 1 }, { id: 2 }, { id: 5 }]);
  const timeline = "SELECT substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline";
  expect((await copy.query(timeline)).rows).toEqual([{ timeline: "00000002" }]);

  const next = await server.addStandby();
  await server.caughtUp(next);
  await server.failOver(next);
  const last = await server.session(next);
  expect((await last.query("TABLE t")).rowCount).toBe(3);
  expect((await last.query(timeline)).rows).toEqual([{ timeline: "00000003" }]);
  // They are the stack's, and end with it.
  const stackFolder = first.dataFolder.slice(0, -"/source/data".length);
  expect(hasProcesses(stackFolder)).toBe(true);
  await server.stop();
  await waitFor(() => !hasProcesses(stackFolder), { what: "every server of the stack to end" });
});
