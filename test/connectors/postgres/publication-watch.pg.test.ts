/** A look that has to wait for a lock of the monolith's is made later: the connector does not stop for it. */
import pg from "pg";
import { expect, test } from "vitest";
import { PublicationWatch } from "../../../connectors/postgres/publication-watch.ts";
import { endSession, openSession } from "../../../connectors/postgres/session.ts";
import { migrateTarget } from "../../../services/apply/migrate-target.ts";
import { readMarks } from "../../../services/apply/needs-copy.ts";
import { freshDatabase } from "../../support/databases.ts";
import { startUnit } from "../../support/running-unit.ts";
import { waitFor } from "../../support/wait-for.ts";
import { changed, env, read } from "../../services/runtime/sample-configuration.ts";

test("a partitioned table that is locked is looked at when it is free again", async () => {
  await using source = await freshDatabase("source");
  await using target = await freshDatabase("target");
  const configuration = read(changed(["[trades, positions]", "[t]"]), { ...env, SOURCE: source.url, TRADING: target.url });
  const service = configuration.services[0]!;
  const connector = { ...configuration.connectors[0]!, heartbeatEveryMs: 1000 };
  const [writer, reader] = [new pg.Client(source.url), new pg.Client(target.url)];
  await Promise.all([writer.connect(), reader.connect()]);
  const session = await openSession(configuration.source.url, { side: "source", applicationName: "test", statementTimeoutMs: 500 });
  try {
    await migrateTarget(reader);
    await writer.query("CREATE TABLE t (id int PRIMARY KEY) PARTITION BY LIST (id)");
    await writer.query("CREATE TABLE t_0 PARTITION OF t DEFAULT");
    await writer.query(`CREATE PUBLICATION ${connector.publication} FOR TABLE t WITH (publish_via_partition_root = true)`);
    await using watch = startUnit(async ({ log, working, signal }) => {
      const looks = new PublicationWatch(session, { connector, service, log }, "test");
      expect(await looks.look()).toBe(1);
      working();
      await looks.run(signal);
    });
    await watch.working;
    await writer.query("BEGIN");
    await writer.query("DROP TABLE t_0");
    await waitFor(() => watch.log.some(({ msg }) => msg?.includes("looked at again in a moment") === true), { what: "a look that was postponed" });
    await writer.query("COMMIT");
    await waitFor(async () => (await readMarks(reader, connector.name)).length === 1, { what: "the mark" });
    await watch.stop();
  } finally {
    await endSession(session);
    await Promise.all([writer.end(), reader.end()]);
  }
});
