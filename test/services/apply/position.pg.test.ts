import { Client } from "pg";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { formatLsn } from "../../../connectors/postgres/lsn.ts";
import { targetMigrations } from "../../../schemas/target-schema.ts";
import { migrateTarget } from "../../../services/apply/migrate-target.ts";
import { type AppliedPosition, positionStatement, readPosition } from "../../../services/apply/position.ts";
import { runGroup } from "../../../services/apply/statement-group.ts";
import { targetFixture } from "./target-fixture.ts";

const target = await targetFixture();
afterAll(() => target[Symbol.asyncDispose]());
const { client } = target.session;

const first: AppliedPosition = {
  topic: "offtake.trading",
  topicId: "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
  offset: 2 ** 52 + 1,
  commitLsn: 0xfeed_beef_dead_c0den,
  sequence: 3_000_000_000,
  xid: 4_294_967_295,
  systemIdentifier: String(2n ** 64n - 1n),
  timeline: 2_147_483_647,
};
const second: AppliedPosition = { ...first, offset: first.offset + 1, commitLsn: first.commitLsn + 1n, sequence: 1 };

async function movePosition(by: Client, connector: string, expected: AppliedPosition | undefined, next: AppliedPosition): Promise<boolean> {
  const moved = new Error("moved");
  const { error } = await runGroup(by, [positionStatement(connector, expected, next, () => moved)]);
  if (error !== undefined && error !== moved) throw error;
  return error === undefined;
}

/** With another session of the target. */
async function beside(work: (other: Client) => Promise<void>): Promise<void> {
  const other = new Client({ connectionString: target.url });
  await other.connect();
  try {
    await work(other);
  } finally {
    await other.end();
  }
}

beforeEach(async () => {
  await target.reset("");
  await migrateTarget(client);
});

describe("the applied position", () => {
  test("is nothing before the first transaction", async () => {
    expect(await readPosition(client, "trading")).toBeUndefined();
  });

  test("comes back as it was written, whatever its size", async () => {
    expect(await movePosition(client, "trading", undefined, first)).toBe(true);
    expect(await readPosition(client, "trading")).toEqual(first);
    expect(await movePosition(client, "trading", first, second)).toBe(true);
    expect(await readPosition(client, "trading")).toEqual(second);
  });

  test("does not move from nothing where there is one", async () => {
    await movePosition(client, "trading", undefined, first);
    expect(await movePosition(client, "trading", undefined, second)).toBe(false);
    expect(await readPosition(client, "trading")).toEqual(first);
  });

  test.each([
    ["an older transaction", { ...first, commitLsn: first.commitLsn - 1n }],
    ["a newer transaction", { ...first, commitLsn: first.commitLsn + 1n }],
    ["another event of the same transaction", { ...first, sequence: first.sequence - 1 }],
  ])("does not move where the target has %s", async (_, expected) => {
    await movePosition(client, "trading", undefined, first);
    expect(await movePosition(client, "trading", expected, second)).toBe(false);
    expect(await readPosition(client, "trading")).toEqual(first);
  });

  test("does not move where the target was emptied", async () => {
    expect(await movePosition(client, "trading", first, second)).toBe(false);
  });

  test("of one connector is not that of another", async () => {
    await movePosition(client, "trading", undefined, first);
    await movePosition(client, "users", undefined, second);
    expect(await readPosition(client, "trading")).toEqual(first);
    expect(await movePosition(client, "users", first, second)).toBe(false);
  });

  test("is locked until the commit: of two that move it from the same place one is told that it has moved", async () => {
    await movePosition(client, "trading", undefined, first);
    await beside(async (other) => {
      await client.query("BEGIN");
      expect(await movePosition(client, "trading", first, second)).toBe(true);
      const late = movePosition(other, "trading", first, { ...first, sequence: 9 });
      await client.query("COMMIT");
      expect(await late).toBe(false);
      expect(await readPosition(client, "trading")).toEqual(second);
    });
  });

  test("is found at once while somebody's open transaction keeps the versions before it", async () => {
    await movePosition(client, "trading", undefined, first);
    await beside(async (other) => {
      await other.query("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()");
      await client.query("DO $$ BEGIN FOR i IN 1..5000 LOOP UPDATE offtake.applied_position SET xid = i; END LOOP; END $$");
      expect(await movePosition(client, "trading", first, second)).toBe(true);
      // As the applier's session has them by then: with its settings, and prepared under their name.
      await client.query("BEGIN");
      const { rows } = await client.query<{ "QUERY PLAN": { Plan: Record<string, number> }[] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE "offtake next position"
           ('trading', 'topic', '${second.topicId}', 1, '0/1', 1, 1, '1', 1, '${formatLsn(second.commitLsn)}', ${second.sequence})`,
      );
      await client.query("ROLLBACK");
      const { Plan: plan } = rows[0]!["QUERY PLAN"][0]!;
      expect(plan["Shared Hit Blocks"]! + plan["Shared Read Blocks"]!).toBeLessThan(25);
      expect(await readPosition(client, "trading")).toEqual(second);
    });
  });

  test("of two that write the first one, one is told", async () => {
    await beside(async (other) => {
      await client.query("BEGIN");
      expect(await movePosition(client, "trading", undefined, first)).toBe(true);
      const late = movePosition(other, "trading", undefined, second);
      await client.query("COMMIT");
      expect(await late).toBe(false);
    });
  });
});

describe("migrateTarget", () => {
  test("does nothing the second time, and once among many at the same time", async () => {
    expect(await migrateTarget(client)).toEqual([]);
    await target.admin.query("DROP SCHEMA offtake CASCADE");
    const clients = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const each = new Client({ connectionString: target.url });
        await each.connect();
        return each;
      }),
    );
    try {
      const done = await Promise.all(clients.map(async (each) => migrateTarget(each)));
      expect(done.flat()).toEqual(targetMigrations.map(({ version }) => version));
    } finally {
      for (const each of clients) await each.end();
    }
  });

  test("leaves nothing behind where it fails, and the session usable", async () => {
    await target.admin.query("DROP SCHEMA offtake CASCADE; CREATE SCHEMA offtake; CREATE TABLE offtake.needs_copy (other int4)");
    await expect(migrateTarget(client)).rejects.toThrow("already exists");
    const { rows } = await client.query("SELECT to_regclass('offtake.applied_position') IS NULL AS nothing");
    expect(rows).toEqual([{ nothing: true }]);
  });
});
