import { describe, expect, test } from "vitest";
import { type Publication, publicationFaults, type PublishedTable, refusePublication } from "../../../connectors/postgres/publication.ts";

const trades: PublishedTable = {
  schema: "public",
  table: "trades",
  columns: ["id", "note"],
  publishable: ["id", "note"],
  rowFilter: "",
  membership: "1.2.3",
  needsGenerated: false,
  partitions: [],
};
const publication: Publication = {
  name: "trading pub",
  allTables: false,
  leavesOut: [],
  viaRoot: false,
  generated: false,
  tables: [trades],
  split: [],
};
/** One transaction, so that it can be run as it stands and no row finds the table out of the publication. */
const again = `BEGIN; ALTER PUBLICATION "trading pub" DROP TABLE "public"."trades"; ALTER PUBLICATION "trading pub" ADD TABLE "public"."trades"; COMMIT;`;

function faults(changed: Partial<Publication>, tables = [{ schema: "public", table: "trades" }]): string[] {
  return publicationFaults({ ...publication, ...changed }, tables).map(({ what, cure }) => `${what}: ${cure}`);
}

describe("a publication", () => {
  test.each<[string, Partial<Publication>, string[], string[]?]>([
    ["that publishes the service's tables whole has no fault", {}, []],
    ["may publish more than the service's tables", { tables: [trades, { ...trades, table: "other", rowFilter: "id > 1" }] }, []],
    ["may be for all tables", { allTables: true }, []],
    [
      "that leaves out kinds of change",
      { leavesOut: ["delete", "truncate"] },
      [`does not publish delete, truncate: ALTER PUBLICATION "trading pub" SET (publish = 'insert, update, delete, truncate');`],
    ],
    [
      "that lacks a table",
      { tables: [{ ...trades, schema: "other" }] },
      [`does not hold the table public.trades: ALTER PUBLICATION "trading pub" ADD TABLE "public"."trades";`],
    ],
    [
      "with a list of columns that lacks some",
      { tables: [{ ...trades, columns: ["id"] }] },
      [`leaves out the columns note of public.trades: ${again}`],
    ],
    ["with a list of all columns that can be published has no fault", { tables: [{ ...trades, columns: ["note", "id"] }] }, []],
    [
      "without generated columns that a table needs",
      { tables: [{ ...trades, needsGenerated: true }] },
      [
        expect.stringMatching(
          /^leaves out the generated columns of public.trades.*: ALTER PUBLICATION "trading pub" SET \(publish_generated_columns = stored\);$/,
        ),
      ],
    ],
    ["with generated columns that a table needs has no fault", { generated: true, tables: [{ ...trades, needsGenerated: true }] }, []],
    [
      "that publishes a partition as its root",
      { viaRoot: true, tables: [{ ...trades, table: "root", partitions: [trades] }] },
      [
        expect.stringMatching(
          /^has publish_via_partition_root: .* come as changes of public.root.*: ALTER PUBLICATION "trading pub" SET \(publish_via_partition_root = false\);$/,
        ),
      ],
    ],
    [
      "that publishes a partition as its root, and another root that is the service's",
      {
        viaRoot: true,
        tables: [
          { ...trades, table: "root", partitions: [trades] },
          { ...trades, table: "whole", partitions: [{ schema: "public", table: "part" }] },
        ],
      },
      [
        expect.stringMatching(
          /: BEGIN; ALTER PUBLICATION "trading pub" DROP TABLE "public"."root"; ALTER PUBLICATION "trading pub" ADD TABLE "public"."trades"; COMMIT; -- and its other partitions$/,
        ),
      ],
      ["trades", "whole"],
    ],
    [
      "that publishes a partitioned table as its partitions",
      { tables: [{ ...trades, table: "part" }], split: [trades] },
      [
        `has not publish_via_partition_root: changes of the partitioned table public.trades come as changes of its partitions: ALTER PUBLICATION "trading pub" SET (publish_via_partition_root = true);`,
      ],
    ],
    ["with a row filter", { tables: [{ ...trades, rowFilter: "(id > 10)" }] }, [`leaves out rows of public.trades (WHERE (id > 10)): ${again}`]],
  ])("%s", (_, changed, expected, tables = ["trades"]) => {
    expect(
      faults(
        changed,
        tables.map((table) => ({ schema: "public", table })),
      ),
    ).toEqual(expected);
  });

  test("names each fault of each table", () => {
    const changed = { leavesOut: ["insert"], tables: [{ ...trades, columns: [], rowFilter: "false" }] };
    expect(faults(changed, [...publication.tables, { schema: 'Odd "one"', table: "t" }])).toHaveLength(4);
    expect(faults({}, [{ schema: 'Odd "one"', table: "t" }])[0]).toContain('ADD TABLE "Odd ""one"""."t"');
  });

  test("that is missing is refused, and one with a fault with the first of them", () => {
    expect(() => refusePublication("p", undefined, [])).toThrow(expect.objectContaining({ code: "PUBLICATION_MISSING" }));
    expect(() => refusePublication("p", { ...publication, tables: [] }, [trades])).toThrow(expect.objectContaining({ code: "PUBLICATION_DIFFERS" }));
    expect(() => refusePublication("p", publication, [trades])).not.toThrow();
  });
});
