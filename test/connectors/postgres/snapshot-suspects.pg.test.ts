/** What a role sees of others decides whether a write transaction that stays open holds up copies. */
import { Client } from "pg";
import { expect, test } from "vitest";
import { SnapshotSuspects } from "../../../connectors/postgres/snapshot-suspects.ts";
import { Visibility } from "../../../connectors/postgres/snapshot-visibility.ts";
import { TableWatch } from "../../../connectors/postgres/table-watch.ts";
import { freshDatabase, uniqueName } from "../../support/databases.ts";

test("a write transaction that waits for its client is ruled out by a role that sees the states of sessions, and by no other", async () => {
  await using database = await freshDatabase("source");
  const role = uniqueName("role");
  const url = new URL(database.url);
  [url.username, url.password] = [role, "x"];
  const [admin, writer] = [new Client(database.url), new Client(database.url)];
  await Promise.all([admin.connect(), writer.connect()]);
  await admin.query(`CREATE TABLE t (id int8 PRIMARY KEY); CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
  const { rows } = await admin.query<{ oid: number }>("SELECT 't'::regclass::oid AS oid");
  await writer.query("BEGIN; INSERT INTO t VALUES (1)");
  /** Whether a chunk would have to be taken again. */
  const waits = async (): Promise<boolean> => {
    const reader = new Client(url.href);
    await reader.connect();
    try {
      const suspects = await SnapshotSuspects.of(reader, rows[0]!.oid, new TableWatch(undefined));
      const snapshot = await reader.query<{ snapshot: string }>("SELECT pg_current_snapshot()::text AS snapshot");
      return suspects.unseenBy(new Visibility(snapshot.rows[0]!.snapshot)) !== undefined;
    } finally {
      await reader.end();
    }
  };
  expect(await waits()).toBe(true);
  await admin.query(`GRANT pg_read_all_stats TO ${role}`);
  expect(await waits()).toBe(false);
  await writer.query("COMMIT");
  await admin.query(`REVOKE pg_read_all_stats FROM ${role}`);
  expect(await waits()).toBe(false);
  await admin.query(`DROP ROLE ${role}`);
  await Promise.all([admin.end(), writer.end()]);
});
