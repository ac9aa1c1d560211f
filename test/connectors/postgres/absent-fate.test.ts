import { expect, test } from "vitest";
import { absentFate } from "../../../connectors/postgres/absent-fate.ts";
import type { WalkColumn } from "../../../connectors/postgres/snapshot-table.ts";
import { Visibility } from "../../../connectors/postgres/snapshot-visibility.ts";
import { TableWatch } from "../../../connectors/postgres/table-watch.ts";

/** Sees all below 100 but 50 and 51. */
const snapshot = new Visibility("50:100:50,51");
const type = { schema: "pg_catalog", name: "numeric", isEnum: false };
const walk: WalkColumn[] = [{ name: "k", collation: null, operators: "pg_catalog", type, deterministic: true }];

test.each([
  { what: "nothing happened to", changes: [], fate: "publish" },
  { what: "that came, as the snapshot sees, and had gone by then", changes: [{ xid: 60, key: "1" }], fate: "publish" },
  { what: "that came since", changes: [{ xid: 50, key: "1" }], fate: "drop" },
  { what: "of which a part came since", changes: [{ xid: 50, key: "1", partial: true }], fate: "again" },
  { what: "that came since under another text", changes: [{ xid: 50, key: "1.0" }], fate: "again" },
  { what: "beside which another came", changes: [{ xid: 50, key: "10" }], fate: "publish" },
  { what: "that came under another text, as the snapshot sees", changes: [{ xid: 60, key: "1.0" }], fate: "publish" },
])("a key $what: $fate", ({ changes, fate }: { changes: { xid: number; key: string; partial?: boolean }[]; fate: string }) => {
  const watch = new TableWatch(undefined);
  const window = watch.open();
  for (const { xid, key, partial = false } of changes) watch.changed(xid, key, partial);
  expect(absentFate(window, snapshot, walk, ["k"])("1")).toBe(fate);
});

test("a key of a table that was emptied since is not deleted: the stream has done that", () => {
  const watch = new TableWatch(undefined);
  const window = watch.open();
  watch.emptied(50);
  expect(absentFate(window, snapshot, walk, ["k"])("1")).toBe("drop");
});
