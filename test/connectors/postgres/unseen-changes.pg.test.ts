/** What moves or changes rows without a change in the stream is marked, and what everybody does every day is not; docs/tables.md says the same, word for word. */
import { readFileSync } from "node:fs";
import pg from "pg";
import { describe, expect, test } from "vitest";
import { type MarkedTable, recordCaptured } from "../../../connectors/postgres/captured-tables.ts";
import { judgeShapes, withShapes } from "../../../connectors/postgres/judge-shapes.ts";
import { readPartitioned } from "../../../connectors/postgres/partition-faults.ts";
import { migrateTarget } from "../../../services/apply/migrate-target.ts";
import { readMarks } from "../../../services/apply/needs-copy.ts";
import { freshDatabase } from "../../support/databases.ts";
import { changed, read } from "../../services/runtime/sample-configuration.ts";
import { unseenChanges } from "./unseen-changes.ts";

const document = readFileSync(new URL("../../../docs/tables.md", import.meta.url), "utf8");
const tables = [{ schema: "public", table: "t" }];
const service = read(changed(["tables: [trades, positions]", "tables: { t: { target: desk.deals } }"])).services[0]!;
const captured = [{ name: "public.t", membership: "1" }];

const moment = / \(seen at [^)]*\)$/;

test("docs/tables.md has a row for each, and no others", () => {
  const section = document.split(/^## /m).find((each) => each.startsWith("What the stream does not say\n")) ?? "";
  const rows = section
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1)
    .filter((line) => !line.startsWith("| --"));
  expect(rows).toEqual(unseenChanges.map(({ name, marked, how }) => `| ${name} | ${marked ? "marked" : "not marked"} | ${how} |`));
});

describe("a table of which", () => {
  test.each(unseenChanges)("$name", async ({ sql, change, truncated, away, marked, how, statement, lasts }) => {
    await using database = await freshDatabase("source");
    const [source, writer] = [new pg.Client(database.url), new pg.Client(database.url)];
    await Promise.all([source.connect(), writer.connect()]);
    try {
      await migrateTarget(writer);
      for (const each of sql.split(/;\s+/)) await writer.query(each);
      /** As the connector looks. */
      const look = async (): Promise<readonly MarkedTable[]> => {
        const stream = { recently: away !== true, truncatedIn: () => truncated === true };
        const shaped = await withShapes(source, captured, tables, await readPartitioned(source, tables));
        return (await recordCaptured(writer, "trading", shaped, [], judgeShapes(source, service, tables, stream))).marked;
      };
      expect(await look()).toEqual([]);
      expect(await look()).toEqual([]);
      for (const each of change.split(/;\s+/)) await writer.query(each);
      const [found] = await look();
      expect(found?.reason.slice(0, how.length)).toBe(marked ? how : undefined);
      expect(found?.reason ?? "").toContain(statement ?? "");
      // Once only, unless the connector stops at it, and for good.
      const again = (await look()).map(({ reason }) => reason.replace(moment, ""));
      expect(again).toEqual(lasts === true ? [found?.reason.replace(moment, "")] : []);
      expect((await readMarks(writer, "trading")).length).toBe(marked ? 1 : 0);
    } finally {
      await Promise.all([source.end(), writer.end()]);
    }
  });
});
