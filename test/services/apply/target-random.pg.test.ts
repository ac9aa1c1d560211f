import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Applier, prepared, target } from "./applying-target.ts";
import { copied, heartbeat, type TableEvent, WrittenTable } from "./event-writer.ts";

const keyed = new WrittenTable("keyed", { id: "int4*", a: "text", b: "text" });
const lines = new WrittenTable("lines", { a: "text", b: "text" });

type Value = string | null;

/** What a monolith with these two tables would hold. */
interface Model {
  readonly keyed: Map<number, { a: Value; b: Value }>;
  lines: { a: Value; b: Value }[];
}

const value = fc.option(fc.constantFrom("", "x", "y"));
const step = fc.record({
  do: fc.constantFrom("put", "put", "put", "delete", "move", "add", "change", "remove", "truncate"),
  id: fc.integer({ min: 1, max: 4 }),
  to: fc.integer({ min: 1, max: 4 }),
  a: value,
  b: value,
  unchanged: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** The events that this step makes of the model's state, which it changes. */
function events(model: Model, { do: what, id, to, a, b, unchanged }: Step): TableEvent[] {
  const row = model.keyed.get(id);
  const line = model.lines[to % Math.max(model.lines.length, 1)];
  switch (what) {
    case "put":
      if (row === undefined) {
        model.keyed.set(id, { a, b });
        return [keyed.create({ id, a, b })];
      }
      model.keyed.set(id, { a, b: unchanged ? row.b : b });
      return [keyed.update({ id, a, b: unchanged ? null : b }, unchanged ? ["b"] : [])];
    case "delete":
      return model.keyed.delete(id) ? [keyed.delete({ id })] : [];
    case "move":
      if (row === undefined || model.keyed.has(to)) return [];
      model.keyed.delete(id);
      model.keyed.set(to, { a, b: unchanged ? row.b : b });
      return keyed.move({ id }, { id: to, a, b: unchanged ? null : b }, unchanged ? ["b"] : []);
    case "add":
      model.lines.push({ a, b });
      return [lines.create({ a, b })];
    case "change": {
      if (line === undefined) return [];
      const before = { ...line };
      Object.assign(line, { a, b });
      return [lines.updateFull(before, { a, b })];
    }
    case "remove":
      if (line === undefined) return [];
      model.lines = model.lines.filter((each) => each !== line);
      return [lines.delete(line)];
    case "truncate":
      // Now and then: most of the time there should be rows.
      if (id !== 1) return [];
      model.keyed.clear();
      model.lines = [];
      return [keyed.truncate(), lines.truncate()];
  }
  return [];
}

/** Batches of transactions of steps. */
const load = fc.array(fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });

function text(found: Value): string {
  return found ?? "~";
}

/** All rows, as applied() gives them. */
function shown(model: Model): string[] {
  const rows = [...model.keyed].map(([id, { a, b }]) => `${id}|${text(a)}|${text(b)}`);
  return [...rows, ...model.lines.map(({ a, b }) => `-|${text(a)}|${text(b)}`)].toSorted();
}

async function applied(): Promise<string[]> {
  const { rows } = await target.admin.query<{ row: string }>(
    `SELECT concat_ws('|', id, coalesce(a, '~'), coalesce(b, '~')) AS row FROM keyed UNION ALL SELECT concat_ws('|', '-', coalesce(a, '~'), coalesce(b, '~')) FROM lines`,
  );
  return rows.map(({ row }) => row).toSorted();
}

const sql = "CREATE TABLE keyed (id int4 PRIMARY KEY, a text, b text); CREATE TABLE lines (a text, b text)";

/** Rows that were there before the stream, and after which transaction a copy of the table reads each of three parts of them. */
const copyOf = fc.record({
  rows: fc.dictionary(fc.constantFrom("1", "2", "3", "4"), fc.record({ a: value, b: value })),
  parts: fc.array(fc.subarray([1, 2, 3, 4]), { minLength: 1, maxLength: 3 }),
});

describe("whatever a monolith does", () => {
  test("a copy of a table that changes meanwhile, rows of which are at the target or not, ends with what the monolith has", async () => {
    await fc.assert(
      fc.asyncProperty(load, copyOf, fc.subarray(["1", "2", "3", "4"]), async (batches, { rows, parts }, there) => {
        await prepared(sql);
        const model: Model = { keyed: new Map(Object.entries(rows).map(([id, row]) => [Number(id), { ...row }])), lines: [] };
        for (const [id, { a, b }] of model.keyed)
          if (there.includes(String(id))) await target.admin.query("INSERT INTO keyed VALUES ($1, $2, $3)", [id, a, b]);
        const applier = await Applier.start({ uncopied: ["public.keyed"] });
        const piece = (ids: readonly number[]): TableEvent[] =>
          ids.flatMap((id) => {
            const row = model.keyed.get(id);
            return row === undefined ? [] : [keyed.read({ id, a: row.a, b: row.b })];
          });
        for (const [i, batch] of batches.entries()) {
          const pieces = batch.map((steps) => [steps.flatMap((each) => events(model, each)), piece(parts[i] ?? [])]);
          const transactions = [[heartbeat()], ...pieces.flat().filter((each) => each.length > 0)];
          await applier.apply(...transactions);
        }
        await applier.apply(...[piece([1, 2]), piece([3, 4]), [copied("public.keyed")]].filter((each) => each.length > 0));
        expect(await applied()).toEqual(shown(model));
        expect(applier.kinds.filter((kind) => !kind.startsWith("partial-missing"))).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ["asleep", async () => prepared(sql).then(async () => Applier.start())],
    [
      "awake",
      async () =>
        Applier.plain(`${sql}; CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
      CREATE TRIGGER pass AFTER INSERT OR UPDATE OR DELETE ON keyed FOR EACH ROW EXECUTE FUNCTION pass()`),
    ],
  ])("the target has after each two batches what it has, with triggers %s", async (_, start) => {
    await fc.assert(
      fc.asyncProperty(load, async (batches) => {
        const applier = await start();
        const model: Model = { keyed: new Map(), lines: [] };
        const flights: Promise<void>[] = [];
        for (const [i, batch] of batches.entries()) {
          const transactions = batch.map((steps) => steps.flatMap((each) => events(model, each))).filter((each) => each.length > 0);
          if (transactions.length > 0) flights.push(applier.apply(...transactions));
          // Two at a time, as the applier does.
          if (i % 2 === 0 && i < batches.length - 1) continue;
          await Promise.all(flights.splice(0));
          expect(await applied()).toEqual(shown(model));
        }
        expect(applier.kinds).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });
});
