import { afterAll, describe, expect, test } from "vitest";
import { type Mapped, mappingOf, type WrittenMapping } from "../../../services/runtime/table-mapping.ts";
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
  const trigger = "CREATE TRIGGER x BEFORE INSERT ON trades FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()";

  /** What acts on it in a session of that kind. */
  async function actsOn(replica: boolean): Promise<string> {
    const { awake, referenced } = await readTargetTable(target.session.client, trades.plan, mappingOf(target.service, trades.plan), replica);
    return [...(awake ? ["awake"] : []), ...(referenced ? ["referenced"] : [])].join(" ");
  }

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
      (await target.table(new WrittenTable("a", { id: "int4*" }, { schema }), { tables: [], target: { schema: "svc" } })).shown;
    expect([await shown("public"), await shown("audit")]).toEqual(["svc.a", "audit.a"]);
  });

  test("a table with a mapping has the target's names, and not the columns that are left out", async () => {
    await target.reset('CREATE SCHEMA app; CREATE TABLE app.deals ("Remark" text, "Number" int8 PRIMARY KEY, own int4)');
    const mapped = new WrittenTable("trades", { id: "int8*", note: "text", secret: "text" });
    const deals = { target: { schema: "app", table: "deals" }, columns: { id: "Number", note: "Remark" }, exclude: ["secret"] };
    const { shown, columns, extra, unique, arbiter } = await target.table(mapped, { tables: mappedTo(deals), target: { schema: "public" } });
    expect([shown, columns.map(({ name, index }) => `${index} ${name}`), extra, unique, arbiter]).toEqual([
      "app.deals",
      ['0 "Number"', '1 "Remark"'],
      ['"own"'],
      true,
      true,
    ]);
    expect(await errorOf(target.table(mapped, { tables: mappedTo({ ...deals, exclude: ["id"] }), target: { schema: "public" } }))).toMatchObject({
      code: "TARGET_COLUMN_MISSING",
      message: expect.stringContaining("leaves out the column id of the key"),
    });
    expect(await errorOf(target.table(mapped, { tables: mappedTo({ ...deals, exclude: [] }), target: { schema: "public" } }))).toMatchObject({
      code: "TARGET_COLUMN_MISSING",
      message: expect.stringContaining("has no column secret"),
    });
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
    ["nothing", "", "", ""],
    ["a foreign key of its own", "CREATE TABLE p (id int8 PRIMARY KEY); ALTER TABLE trades ADD FOREIGN KEY (id) REFERENCES p", "awake", ""],
    ["a foreign key that points to it", "CREATE TABLE c (id int8 REFERENCES trades)", "awake referenced", ""],
    ["a foreign key to itself", "ALTER TABLE trades ADD FOREIGN KEY (id) REFERENCES trades", "awake referenced", ""],
    [
      "a foreign key whose triggers fire always",
      `CREATE TABLE c (id int8 REFERENCES trades); DO $$ DECLARE t name; BEGIN FOR t IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'trades'::regclass
        LOOP EXECUTE format('ALTER TABLE trades ENABLE ALWAYS TRIGGER %I', t); END LOOP; END $$`,
      "awake referenced",
      "awake referenced",
    ],
    ["a deferrable key", "ALTER TABLE trades ADD UNIQUE (id) DEFERRABLE", "", ""],
    ["a trigger", trigger, "awake", ""],
    ["a trigger that is disabled", `${trigger}; ALTER TABLE trades DISABLE TRIGGER x`, "", ""],
    ["a trigger that fires always", `${trigger}; ALTER TABLE trades ENABLE ALWAYS TRIGGER x`, "awake", "awake"],
    ["a trigger that fires in replica role", `${trigger}; ALTER TABLE trades ENABLE REPLICA TRIGGER x`, "", "awake"],
  ])("with %s: whether its rows have to come in source order", async (_, sql, plain, replica) => {
    await target.reset(`CREATE TABLE trades (id int8 PRIMARY KEY, "Note" text); ${sql}`);
    expect([await actsOn(false), await actsOn(true)]).toEqual([plain, replica]);
  });

  test("a trigger of a partition is one of the table", async () => {
    await target.reset(
      `CREATE TABLE trades (id int8 PRIMARY KEY, "Note" text) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF trades DEFAULT; ${trigger.replace("ON trades", "ON part")}`,
    );
    expect([await actsOn(false), await actsOn(true)]).toEqual(["awake", ""]);
  });

  test("that is unlogged, or has a partition that is, is refused with the command that mends it", async () => {
    await target.reset('CREATE UNLOGGED TABLE trades (id int8 PRIMARY KEY, "Note" text)');
    expect(await errorOf(target.table(trades))).toEqual({
      code: "TARGET_TABLE_UNSUITABLE",
      message: expect.stringContaining("public.trades is unlogged"),
      cure: expect.stringContaining("ALTER TABLE public.trades SET LOGGED;"),
    });
    await target.reset(
      'CREATE TABLE trades (id int8 PRIMARY KEY, "Note" text) PARTITION BY LIST (id); CREATE UNLOGGED TABLE part PARTITION OF trades DEFAULT',
    );
    expect((await errorOf(target.table(trades))).cure).toContain("ALTER TABLE public.part SET LOGGED;");
  });

  test.each([
    ["a primary key", "PRIMARY KEY (id, sub)", true, true],
    ["a primary key in another order", "PRIMARY KEY (sub, id)", true, true],
    ["a unique constraint", "UNIQUE (id, sub)", true, true],
    ["a deferrable primary key", "PRIMARY KEY (id, sub) DEFERRABLE", false, false],
    ["a key of fewer columns", "PRIMARY KEY (id)", true, false],
    ["a key of more columns", "UNIQUE (id, sub, other)", false, false],
    ["no key", "CHECK (true)", false, false],
  ])("with %s: whether its key is unique, and whether ON CONFLICT can name it", async (_, constraint, unique, arbiter) => {
    await target.reset(`CREATE TABLE pairs (id int4, sub int4, other int4, ${constraint})`);
    expect(await target.table(new WrittenTable("pairs", { id: "int4*", sub: "int4*", other: "int4" }))).toMatchObject({ unique, arbiter });
  });

  test("a partial or an expression index is no key", async () => {
    await target.reset(
      "CREATE TABLE pairs (id int4, sub int4); CREATE UNIQUE INDEX ON pairs (id, sub) WHERE id > 0; CREATE UNIQUE INDEX ON pairs (id, (sub + 1))",
    );
    expect(await target.table(new WrittenTable("pairs", { id: "int4*", sub: "int4*" }))).toMatchObject({ unique: false, arbiter: false });
  });
});

function mappedTo(mapping: WrittenMapping): Mapped["tables"] {
  return [{ pattern: "trades", schema: "public", table: "trades", mapping }];
}
