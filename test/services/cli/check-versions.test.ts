import { expect, test } from "vitest";
import { versionFindings } from "../../../services/cli/check-versions.ts";
import type { ColumnShape, TableShape } from "../../../services/cli/table-shape.ts";

const column = (name: string, typeName: string, generated = false): ColumnShape => ({
  name,
  type: typeName,
  typeName,
  modifier: -1,
  generated,
  published: !generated,
  older: null,
  filled: false,
});
const shapes: TableShape[] = [
  {
    schema: "public",
    table: "Shifts",
    key: ["id"],
    uniques: [],
    columns: [column("id", "int4"), column("lasts", "interval"), column("each", "_interval"), column("twice", "interval", true)],
  },
];

test.each([
  [17, 16],
  [18, 15],
])("from %i to %i: an interval may be infinite, which the target cannot read", (source, target) => {
  const findings = versionFindings("service trading", source, target, shapes);
  expect(findings.map(({ level, what }) => [level, what])).toEqual([
    [
      "warning",
      `the column lasts of public.Shifts may hold 'infinity', an interval that PostgreSQL ${target} does not know: it would stop the applier`,
    ],
    [
      "warning",
      `the column each of public.Shifts may hold 'infinity', an interval that PostgreSQL ${target} does not know: it would stop the applier`,
    ],
  ]);
  expect(findings.map(({ cure }) => cure.split("source: ")[1])).toEqual([
    'ALTER TABLE "public"."Shifts" ADD CHECK (isfinite("lasts"));',
    `ALTER TABLE "public"."Shifts" ADD CHECK (array_to_string("each", ' ') !~ 'infinity');`,
  ]);
});

test.each([
  [16, 15],
  [15, 18],
  [18, 17],
  [18, 18],
])("from %i to %i: nothing", (source, target) => {
  expect(versionFindings("service trading", source, target, shapes)).toEqual([]);
});
