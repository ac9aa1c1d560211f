/**
 * Every command of Offtake, once, on one table of one service: what each opens, reads and writes has been opened, read and written when this ends. Beside them a
 * superuser does what the monolith's application and the service's team do.
 */
import type { Client } from "pg";
import { expect } from "vitest";
import { check } from "../../services/cli/check.ts";
import { listDeadLetters, replayDeadLetters, showDeadLetters, skipDeadLetters } from "../../services/cli/dlq.ts";
import { reconcile } from "../../services/cli/reconcile.ts";
import { repair } from "../../services/cli/repair.ts";
import { snapshotStatus, startSnapshot } from "../../services/cli/snapshot.ts";
import { status } from "../../services/cli/status.ts";
import { up } from "../../services/cli/up.ts";
import type { Configuration } from "../../services/runtime/configuration.ts";
import { running } from "../support/running-all.ts";
import { waitFor } from "../support/wait-for.ts";

export interface TouredTable {
  /** As statements name it, at both sides. */
  readonly source: string;
  readonly target: string;
  /** Its key, of the type bigint, and another column, which takes texts; as statements name them. */
  readonly key: string;
  readonly text: string;
}

const silent = { json: false, progress: () => {}, answer: () => {} };

/**
 * @param configuration in which the table has `poison: park`
 * @param clients superusers'; the source's table has the row (1, 'before')
 * @param service by its name
 * @param texts of rows that come; the first is one that the target refuses for a while
 */
export async function everyCommand(
  configuration: Configuration,
  { source, target }: { readonly source: Client; readonly target: Client },
  table: TouredTable,
  {
    service = "trading",
    createTables = true,
    texts = ["bad", "good"],
  }: { service?: string; createTables?: boolean; texts?: readonly [string, string] } = {},
): Promise<void> {
  const { signal } = new AbortController();
  const { key, text } = table;
  const rows = async (client: Client, name: string): Promise<string[]> =>
    (await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} AS t ORDER BY ${key}`)).rows.map(({ row }) => row);
  const same = async (without: readonly number[] = []): Promise<void> => {
    const excepted = without.length === 0 ? "" : ` WHERE ${key} NOT IN (${without.join()})`;
    const [there, here] = [`(SELECT * FROM ${table.source}${excepted})`, `(SELECT * FROM ${table.target})`];
    const isSame = async (): Promise<boolean> => (await rows(target, here)).join("\n") === (await rows(source, there)).join("\n");
    try {
      await waitFor(isSame, { what: "the target to be the same" });
    } catch (cause) {
      const complaints = all.log.filter(({ level }) => level === "warn" || level === "error").map((line) => JSON.stringify(line));
      throw new Error(`it is not; the log has ${complaints.join("\n").slice(-4000)}`, { cause });
    }
  };
  const insert = `INSERT INTO ${table.source} (${key}, ${text}) VALUES`;
  const reconciled = async (): Promise<number> =>
    (await reconcile(configuration, service, [], { level: "strict", format: "text" }, silent, signal)).exit;

  await up(configuration, { createTables, recover: undefined }, silent, signal);
  expect((await check(configuration)).filter(({ level }) => level === "fault")).toEqual([]);
  await using all = await running(configuration);
  await same();

  await target.query(`ALTER TABLE ${table.target} ADD CONSTRAINT refuses CHECK (${text}::text <> ${literal(texts[0])} COLLATE "C")`);
  await source.query(`${insert} (2, ${literal(texts[0])}), (3, ${literal(texts[1])}), (4, ${literal(texts[0])})`);
  await same([2, 4]);
  const { queues } = (await listDeadLetters(configuration, service)).object;
  expect(queues).toHaveLength(2);
  const [replayed, skipped] = queues.map(({ first }) => first.id);
  expect((await showDeadLetters(configuration, service, replayed!)).object.deadLetters).toMatchObject([{ row: { [unquoted(text)]: texts[0] } }]);
  await target.query(`ALTER TABLE ${table.target} DROP CONSTRAINT refuses`);
  expect((await replayDeadLetters(configuration, service, [replayed!])).object.replayed).toMatchObject([{ events: 1, error: null }]);
  expect((await skipDeadLetters(configuration, service, skipped!, { all: false })).object.skipped).toBe(1);

  // Row 4 was dropped from its queue, row 3 somebody else has deleted.
  await target.query(`DELETE FROM ${table.target} WHERE ${key} = 3`);
  expect(await reconciled()).toBe(3);
  expect((await repair(configuration, service, [], { dryRun: false, who: "ada" }, silent, signal)).exit).toBe(0);
  await same();
  await startSnapshot(configuration, service, []);
  await waitFor(async () => (await snapshotStatus(configuration, service, [])).object.tables.every(({ state }) => state === "copied"), {
    what: "the copy",
  });
  await source.query(`UPDATE ${table.source} SET ${key} = 33 WHERE ${key} = 3`);
  await source.query(`UPDATE ${table.source} SET ${text} = ${literal(texts[1])} WHERE ${key} = 2`);
  await source.query(`DELETE FROM ${table.source} WHERE ${key} = 4`);
  await same();
  expect(await reconciled()).toBe(0);
  expect((await status(configuration)).exit).toBe(0);
  await source.query(`TRUNCATE ${table.source}; ${insert} (5, ${literal(texts[1])})`);
  await same();
  expect((await check(configuration)).filter(({ level }) => level === "fault")).toEqual([]);
  expect(await all.stop()).toBe(true);
}

function literal(text: string): string {
  return `convert_from('\\x${Buffer.from(text).toString("hex")}', 'UTF8')`;
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}
