/** Our decoder against pg-logical-replication's, on what a real server sends: docs/decisions/0002-replication-client.md. */
import fc from "fast-check";
import pg from "pg";
import { expect, test } from "vitest";
import { monolithSql, run, transactions } from "../../services/apply/random-monolith.ts";
import { freshDatabase, uniqueName } from "../../support/databases.ts";
import { RecordedStream } from "../../support/recorded-stream.ts";
import { OwnDecoder, ReferenceDecoder, type Said } from "../../support/reference-decoder.ts";
import { waitFor } from "../../support/wait-for.ts";

/** Beside the monolith's: identities of every kind, partitions under their root's name, names that are hard to read, a table without columns. */
const moreTables = `
  CREATE TABLE by_index (a int NOT NULL, "B ü" text NOT NULL, c text);
  CREATE UNIQUE INDEX by_index_key ON by_index ("B ü", a);
  ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_key;
  CREATE TABLE nothing (a int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
  CREATE TABLE parted (id int, at date, note text, PRIMARY KEY (at, id)) PARTITION BY RANGE (at);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
  CREATE TABLE parted_2 (note text, at date NOT NULL, id int NOT NULL);
  ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
  CREATE TABLE no_columns ();
  CREATE TABLE wide (${Array.from({ length: 300 }, (_, i) => `c${i} int`).join(", ")}, PRIMARY KEY (c299));
  CREATE TABLE referred (id int PRIMARY KEY); CREATE TABLE referring (id int PRIMARY KEY REFERENCES referred);
  CREATE PUBLICATION recorded FOR ALL TABLES WITH (publish_via_partition_root = true);`;

const moreLoad = `
  INSERT INTO by_index VALUES (1, 'x', 'c'), (2, 'y', NULL);
  UPDATE by_index SET c = 'd';
  UPDATE by_index SET "B ü" = 'z' WHERE a = 1;
  DELETE FROM by_index WHERE a = 2;
  INSERT INTO nothing VALUES (1);
  INSERT INTO parted VALUES (1, '2024-05-01', 'a'), (2, '2025-05-01', 'b');
  UPDATE parted SET at = '2025-06-01', note = 'moved' WHERE id = 1;
  INSERT INTO no_columns DEFAULT VALUES;
  INSERT INTO wide (c299, c7) VALUES (1, 2);
  UPDATE wide SET c299 = 2;
  DELETE FROM wide;
  ALTER TABLE by_index ADD COLUMN d mood[] DEFAULT '{sad}', DROP COLUMN c;
  INSERT INTO by_index VALUES (3, 'w');
  TRUNCATE referred CASCADE;
  TRUNCATE places, lines RESTART IDENTITY;
  SELECT pg_logical_emit_message(false, 'not in a transaction', 'now');
  SELECT pg_logical_emit_message(true, 'bytes', '\\x00ff27'::bytea)`;

test("ours and pg-logical-replication's decoder say the same of every message that the server sends", async () => {
  await using database = await freshDatabase("source");
  const source = new pg.Client({ connectionString: database.url });
  await source.connect();
  const name = uniqueName();
  try {
    await source.query(monolithSql);
    await source.query(moreTables);
    await source.query("SELECT pg_create_logical_replication_slot($1, 'pgoutput')", [name]);
    for (const transaction of fc.sample(transactions, { seed: 8, numRuns: 150 })) await run(source, transaction);
    for (const statement of moreLoad.split(";")) await source.query(statement);
    await source.query("SELECT pg_replication_origin_create($1), pg_replication_origin_session_setup($1)", [name]);
    await source.query("BEGIN; SELECT pg_replication_origin_xact_setup('16/B374D848', now()); INSERT INTO no_columns DEFAULT VALUES; COMMIT");
    await source.query("SELECT pg_replication_origin_session_reset(), pg_replication_origin_drop($1)", [name]);
    await source.query("SELECT pg_logical_emit_message(true, 'end', '')");

    await using stream = await RecordedStream.open(database.url, name, "recorded");
    const own = new OwnDecoder();
    const said: Said[] = [];
    await waitFor(
      () => {
        for (const bytes of stream.messages.slice(said.length)) said.push(own.said(bytes));
        return said.some(({ prefix }) => prefix === "end") && said.at(-1)!.kind === "commit";
      },
      { what: "the end of the stream" },
    );
    const reference = new ReferenceDecoder();
    for (const [i, bytes] of stream.messages.entries()) expect(said[i]).toStrictEqual(reference.said(bytes));

    // What has not come has not been compared.
    const kinds = new Set(said.map(({ kind }) => kind));
    expect([...kinds].toSorted()).toEqual(["begin", "commit", "delete", "insert", "message", "origin", "relation", "truncate", "type", "update"]);
    const parts = (part: string): number => said.filter((each) => each[part] !== undefined).length;
    expect(Math.min(parts("key"), parts("old"))).toBeGreaterThan(5);
    const identities = new Set(said.flatMap(({ identity }) => (identity === undefined ? [] : [identity])));
    expect([...identities].map(String).toSorted()).toEqual(["default", "full", "index", "nothing"]);
    expect(JSON.stringify(said, (_, value: unknown) => (value === undefined ? "unchanged" : typeof value === "bigint" ? "" : value))).toContain(
      '"body","unchanged"',
    );
  } finally {
    await source.end();
  }
});
