import { afterAll, describe, expect, test } from "vitest";
import { readTargetTable } from "../../../services/apply/target-table.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { WrittenTable } from "./event-writer.ts";
import { targetFixture } from "./target-fixture.ts";

const target = await targetFixture();
afterAll(() => target[Symbol.asyncDispose]());

async function errorOf(work: Promise<unknown>): Promise<{ code: string; message: string; cure: string }> {
  try {
    await work;
  } catch (error) {
    if (error instanceof OfftakeError) return { code: error.code, message: error.message, cure: error.cure };
    throw error;
  }
  return { code: "", message: "", cure: "" };
}

describe("a table of the target", () => {
  const trades = new WrittenTable("trades", { id: "int8*", Note: "text" });

  test("that is not there is named, with the command that makes it", async () => {
    await target.reset("CREATE SCHEMA other; CREATE TABLE other.trades (id int8)");
    expect(await errorOf(target.table(trades))).toEqual({
      code: "TARGET_TABLE_MISSING",
      message: "The target has no table public.trades.",
      cure: expect.stringContaining("offtake up --create-tables"),
    });
  });

  test("that lacks a column is named, with the column as the source spells it", async () => {
    await target.reset("CREATE TABLE trades (id int8 PRIMARY KEY, note text)");
    expect(await errorOf(target.table(trades))).toEqual({
      code: "TARGET_COLUMN_MISSING",
      message: "The target's table public.trades has no column Note, which the monolith's has.",
      cure: expect.stringContaining('ALTER TABLE "public"."trades" ADD COLUMN "Note"'),
    });
  });

  test("a column that was dropped is not there", async () => {
    await target.reset('CREATE TABLE trades (id int8 PRIMARY KEY, "Note" text); ALTER TABLE trades DROP COLUMN "Note"');
    expect((await errorOf(target.table(trades))).code).toBe("TARGET_COLUMN_MISSING");
  });

  test("a key column that the target generates itself cannot find the source's rows, and is refused", async () => {
    await target.reset('CREATE TABLE trades (seed int8, id int8 GENERATED ALWAYS AS (seed * 2) STORED PRIMARY KEY, "Note" text)');
    expect(await errorOf(target.table(trades))).toEqual({
      code: "TARGET_COLUMN_MISSING",
      message: expect.stringContaining("generates the column id"),
      cure: expect.stringContaining("DROP EXPRESSION"),
    });
  });

  test("the source's schema public is the target's own, other schemas keep their names", async () => {
    await target.reset("CREATE SCHEMA svc; CREATE SCHEMA audit; CREATE TABLE svc.a (id int4); CREATE TABLE audit.a (id int4)");
    const shown = async (schema: string): Promise<string> =>
      (await readTargetTable(target.session.client, new WrittenTable("a", { id: "int4*" }, { schema }).plan, "svc")).shown;
    expect([await shown("public"), await shown("audit")]).toEqual(["svc.a", "audit.a"]);
  });

  test("columns that only the target has are known, generated ones left out", async () => {
    await target.reset(
      'CREATE TABLE trades (id int8 PRIMARY KEY, "Note" text, "Own one" int4, gen int4 GENERATED ALWAYS AS (1) STORED, gone int4); ALTER TABLE trades DROP COLUMN gone',
    );
    const { columns, extra } = await target.table(trades);
    expect(columns.map(({ name }) => name)).toEqual(['"id"', '"Note"']);
    expect(extra).toEqual(['"Own one"']);
  });

  test.each([
    ["nothing", "", false],
    ["a foreign key of its own", "CREATE TABLE p (id int8 PRIMARY KEY); ALTER TABLE trades ADD FOREIGN KEY (id) REFERENCES p", true],
    ["a foreign key that points to it", "CREATE TABLE c (id int8 REFERENCES trades)", true],
    ["a trigger", "CREATE TRIGGER x BEFORE INSERT ON trades FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()", true],
    [
      "a trigger that is disabled",
      "CREATE TRIGGER x BEFORE INSERT ON trades FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); ALTER TABLE trades DISABLE TRIGGER x",
      false,
    ],
  ])("with %s: whether its rows have to come in source order", async (_, sql, awake) => {
    await target.reset(`CREATE TABLE trades (id int8 PRIMARY KEY, "Note" text); ${sql}`);
    expect((await target.table(trades)).awake).toBe(awake);
  });

  test.each([
    ["a primary key", "PRIMARY KEY (id, sub)", true],
    ["a primary key in another order", "PRIMARY KEY (sub, id)", true],
    ["a unique constraint", "UNIQUE (id, sub)", true],
    ["a deferrable primary key", "PRIMARY KEY (id, sub) DEFERRABLE", false],
    ["a key of fewer columns", "PRIMARY KEY (id)", false],
    ["a key of more columns", "UNIQUE (id, sub, other)", false],
    ["no key", "CHECK (true)", false],
  ])("with %s: whether ON CONFLICT can name its key", async (_, constraint, arbiter) => {
    await target.reset(`CREATE TABLE pairs (id int4, sub int4, other int4, ${constraint})`);
    expect((await target.table(new WrittenTable("pairs", { id: "int4*", sub: "int4*", other: "int4" }))).arbiter).toBe(arbiter);
  });

  test("a partial or an expression index is no key", async () => {
    await target.reset(
      "CREATE TABLE pairs (id int4, sub int4); CREATE UNIQUE INDEX ON pairs (id, sub) WHERE id > 0; CREATE UNIQUE INDEX ON pairs (id, (sub + 1))",
    );
    expect((await target.table(new WrittenTable("pairs", { id: "int4*", sub: "int4*" }))).arbiter).toBe(false);
  });
});
