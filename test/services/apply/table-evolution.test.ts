/** What the applier does about a target that was not altered along with the monolith, and that it leaves alone what is so on purpose. */
import { describe, expect, test } from "vitest";
import type { ColumnType } from "../../../schemas/column-types.ts";
import { evolve, type Evolving } from "../../../services/apply/table-evolution.ts";
import { mappingOf } from "../../../services/runtime/table-mapping.ts";

const type = (pgType: string, modifier = -1, filled = false): ColumnType => ({ pgType, modifier, filled });

interface Shapes {
  readonly earlier: Readonly<Record<string, ColumnType>>;
  readonly now: Readonly<Record<string, ColumnType>>;
  /** Types of the target's columns, without modifier. */
  readonly target: Readonly<Record<string, string>>;
}

function evolving({ earlier, now, target }: Shapes, changed: Partial<Evolving> = {}): Evolving {
  return {
    mapping: mappingOf({ tables: [], target: { schema: "app" } }, { schema: "public", table: "t" }),
    keys: ["id"],
    policy: "follow",
    shapes: { now: new Map(Object.entries(now)), earlier: [new Map(Object.entries(earlier))] },
    columns: Object.entries(target).map(([name, typeName]) => ({ name, type: typeName, modifier: -1 })),
    types: new Map(Object.keys(now).map((name) => [name, "some type"])),
    renamed: (pgType) => pgType.replace("public.", "app."),
    ...changed,
  };
}

const id = { id: type("int4") };
const added = { earlier: id, now: { ...id, x: type("int4") }, target: { id: "int4" } };

describe("a column that the target lacks", () => {
  test("is added where it was added, and beside columns of the target's own", () => {
    expect(evolve(evolving({ ...added, target: { id: "int4", own: "text" } }))).toEqual([{ name: '"x"', type: "some type" }]);
  });

  test("is none where the target does not get it, and is the reader's to report where it was always there", () => {
    expect(evolve(evolving(added, { mapping: { ...evolving(added).mapping, exclude: new Set(["x"]) } }))).toEqual([]);
    expect(evolve(evolving({ ...added, earlier: added.now }))).toEqual([]);
  });

  test.each<[string, Shapes, Partial<Evolving>, string]>([
    ["the policy is to stop", added, { policy: "stop" }, 'ALTER TABLE "app"."t" ADD COLUMN "x" some type;'],
    ["it is in the key", added, { keys: ["id", "x"] }, 'ADD COLUMN "x" some type;'],
    ["older rows hold something in it", { ...added, now: { ...id, x: type("int4", -1, true) } }, {}, 'ADD COLUMN "x" some type DEFAULT …;'],
    ["the target has no such type", added, { types: new Map() }, "Create the type int4 at the target."],
    [
      "a column is gone that the target still has",
      { ...added, earlier: { ...id, y: type("int4") }, target: { id: "int4", y: "int4" } },
      {},
      'RENAME COLUMN "y" TO "x";',
    ],
  ])("stops where %s", (_, shapes, changed, cure) => {
    expect(() => evolve(evolving(shapes, changed))).toThrow(
      expect.objectContaining({ code: "TARGET_COLUMN_MISSING", cure: expect.stringContaining(cure) }),
    );
  });
});

describe("a column that got another type", () => {
  const retyped = { earlier: { ...id, x: type("public.mood") }, now: { ...id, x: type("text") } };

  test("stops where the target has the one before, in its own schema too", () => {
    expect(() => evolve(evolving({ ...retyped, target: { id: "int4", x: "app.mood" } }))).toThrow(
      expect.objectContaining({ code: "TARGET_COLUMN_OUTDATED", cure: expect.stringContaining('ALTER COLUMN "x" TYPE some type;') }),
    );
  });

  test.each([
    ["the new one", "text"],
    ["one of its own", "varchar"],
  ])("goes on where the target has %s", (_, own) => {
    expect(evolve(evolving({ ...retyped, target: { id: "int4", x: own } }))).toEqual([]);
  });

  test("stops for a modifier alone", () => {
    const shapes = { earlier: { ...id, x: type("varchar", -1) }, now: { ...id, x: type("varchar", 9) }, target: { id: "int4", x: "varchar" } };
    expect(() => evolve(evolving(shapes))).toThrow(expect.objectContaining({ code: "TARGET_COLUMN_OUTDATED" }));
  });
});
