/**
 * A monolith of identities and constraints, and generated commands against it: keys that change, swap and move along in a chain, values of unique columns that rows hand to one another, also such as
 * hold only when their transaction ends, rows that are alike, parents and children that come, move and go. What the monolith refuses has not happened.
 */
import type { Client } from "pg";
import fc from "fast-check";
import { tableOf } from "../support/changed-table.ts";

/** A kind of table: the rows of each are told from one another by `id`, and `value` is what is unique. */
interface ConstrainedTable {
  readonly name: string;
  readonly columns: string;
  /** Statements behind the one that makes it. */
  readonly also?: string;
  /** Whether the constraint is checked as late as the transaction's end, or may be. */
  readonly late?: boolean;
}

const plain = "id int4 PRIMARY KEY, value int4";

const constrainedTables: readonly ConstrainedTable[] = [
  { name: "u_at_once", columns: `${plain} UNIQUE, note text` },
  { name: "u_late", columns: `${plain} UNIQUE DEFERRABLE INITIALLY DEFERRED, note text`, late: true },
  { name: "u_later", columns: `${plain} UNIQUE DEFERRABLE, note text`, late: true },
  { name: "u_partial", columns: `${plain}, note text`, also: "CREATE UNIQUE INDEX ON u_partial (value) WHERE note IS NOT NULL" },
  { name: "u_expression", columns: `${plain}, note text`, also: "CREATE UNIQUE INDEX ON u_expression ((value % 4), lower(note))" },
  { name: "u_null", columns: `${plain}, note text, UNIQUE NULLS NOT DISTINCT (value, note)` },
  { name: "u_two", columns: `${plain} UNIQUE, note text UNIQUE, other int4 DEFAULT 0` },
  { name: "u_range", columns: `${plain}, note text, EXCLUDE USING gist (int4range(value, value + 2) WITH &&)` },
  {
    name: "u_range_late",
    columns: `${plain}, note text, EXCLUDE USING gist (int4range(value, value + 2) WITH &&) DEFERRABLE INITIALLY DEFERRED`,
    late: true,
  },
  { name: "u_always", columns: "id int4 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, value int4 UNIQUE, note text" },
  {
    name: "i_index",
    columns: "id int4 PRIMARY KEY, value int4 NOT NULL, note text",
    also: "CREATE UNIQUE INDEX i_index_value ON i_index (value); ALTER TABLE i_index REPLICA IDENTITY USING INDEX i_index_value",
  },
  { name: "i_full", columns: `${plain} UNIQUE, note text`, also: "ALTER TABLE i_full REPLICA IDENTITY FULL" },
  {
    name: "i_late",
    columns: "id int4 PRIMARY KEY DEFERRABLE INITIALLY DEFERRED, value int4, note text",
    also: "ALTER TABLE i_late REPLICA IDENTITY FULL",
    late: true,
  },
  { name: "i_none", columns: "id int4, value int4, note text", also: "ALTER TABLE i_none REPLICA IDENTITY FULL" },
  { name: "i_none_unique", columns: "id int4, value int4 UNIQUE, note text", also: "ALTER TABLE i_none_unique REPLICA IDENTITY FULL" },
  { name: "i_pair", columns: "id int4, value int4 NOT NULL, note text, PRIMARY KEY (value, id), UNIQUE (id)" },
];

const familySql = `
  CREATE TABLE parents (id int4 PRIMARY KEY, note text);
  CREATE TABLE children (id int4 PRIMARY KEY, parent int4 REFERENCES parents ON DELETE CASCADE ON UPDATE CASCADE, note text);
  CREATE TABLE wards (id int4 PRIMARY KEY, parent int4 REFERENCES parents ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED, next int4 REFERENCES wards DEFERRABLE INITIALLY DEFERRED)`;

export const constrainedSql = [
  ...constrainedTables.flatMap(({ name, columns, also }) => [`CREATE TABLE ${name} (${columns})`, ...(also === undefined ? [] : [also])]),
  familySql,
].join(";\n");

/** Each with what orders its rows. */
export const constrainedStates: Readonly<Record<string, string>> = {
  ...Object.fromEntries(constrainedTables.map(({ name }) => [name, "id"])),
  parents: "id",
  children: "id",
  wards: "id",
};

/** Those that can be copied and repaired: schema.table. */
export const copiedTables: readonly string[] = Object.keys(constrainedStates)
  .filter((name) => !name.startsWith("i_none") && name !== "i_late")
  .map((name) => `public.${name}`);

/** The statements of one command; what the monolith refuses of it is undone as a whole. */
type Command = readonly string[];

const id = fc.integer({ min: 1, max: 8 });
const value = fc.integer({ min: 1, max: 6 });
const note = fc.constantFrom("'a'", "'B'", "'b'", "NULL");

function commandsOf({ name, late }: ConstrainedTable): fc.Arbitrary<Command> {
  const swap = (a: number, b: number): string =>
    `UPDATE ${name} t SET value = o.value FROM ${name} o WHERE (t.id, o.id) IN ((${a}, ${b}), (${b}, ${a})) AND t.id <> o.id`;
  const keys = name === "u_always" ? "OVERRIDING SYSTEM VALUE " : "";
  const insert = (row: number, unique: number, text: string): string =>
    `INSERT INTO ${name} (id, value, note) ${keys}VALUES (${row}, ${unique}, ${text})`;
  const moves: fc.Arbitrary<Command>[] =
    name === "u_always"
      ? [id.map((a) => [`UPDATE ${name} SET id = DEFAULT WHERE id = ${a}`])]
      : [
          fc.tuple(id, id).map(([a, b]) => [`UPDATE ${name} SET id = ${b} WHERE id = ${a}`]),
          // Swapped by way of a third, and moved along in a chain, from its far end.
          fc.tuple(id, id).map(([a, b]) => [a, b, -1].map((from, i) => `UPDATE ${name} SET id = ${[-1, a, b][i]!} WHERE id = ${from}`)),
          fc.constant(Array.from({ length: 9 }, (_, i) => `UPDATE ${name} SET id = id + 1 WHERE id = ${9 - i}`)),
          fc.constant([`UPDATE ${name} SET id = id - 1 WHERE NOT EXISTS (SELECT FROM ${name} WHERE id < 2)`]),
        ];
  return fc.oneof(
    { weight: 4, arbitrary: fc.tuple(id, value, note).map(([a, b, text]) => [insert(a, b, text)]) },
    { weight: 2, arbitrary: fc.tuple(id, value).map(([a, b]) => [`UPDATE ${name} SET value = ${b} WHERE id = ${a}`]) },
    fc.tuple(id, note).map(([a, text]) => [`UPDATE ${name} SET note = ${text} WHERE id = ${a}`]),
    id.map((a) => [`DELETE FROM ${name} WHERE id = ${a}`]),
    fc
      .tuple(id, id)
      .map(([a, b]) => (late === true ? [swap(a, b)] : [`UPDATE ${name} SET value = value + 100 WHERE id IN (${a}, ${b})`, swap(a, b)])),
    // One row takes over the value of another that goes, moves or gets another one: before that, where the constraint waits.
    fc.tuple(id, id, fc.boolean()).map(([a, b, goes]) => {
      const free = goes ? `DELETE FROM ${name} WHERE id = ${b}` : `UPDATE ${name} SET value = value + 50 WHERE id = ${b}`;
      const take = `UPDATE ${name} SET value = (SELECT min(value) % 50 FROM ${name} WHERE id = ${b}) WHERE id = ${a}`;
      return late === true ? [take, free] : [free, `UPDATE ${name} SET value = 6 WHERE id = ${a}`];
    }),
    fc
      .tuple(id, value)
      .map(([a, b]) => [`DELETE FROM ${name} WHERE value = ${b}`, insert(a, b, "'n'"), `UPDATE ${name} SET note = 'm' WHERE value = ${b}`]),
    // Along, each to the next one's: in the order in which it is free, or in any where the constraint waits.
    late === true
      ? fc.constant([`UPDATE ${name} SET value = value + 1 WHERE value < 20`])
      : fc.constant(Array.from({ length: 6 }, (_, i) => `UPDATE ${name} SET value = value + 1 WHERE value = ${6 - i}`)),
    fc.constant([`UPDATE ${name} SET value = value % 50 WHERE value > 6`]),
    ...moves,
  );
}

const familyCommands: fc.Arbitrary<Command> = fc.oneof(
  fc.tuple(id, note).map(([a, text]) => [`INSERT INTO parents VALUES (${a}, ${text})`]),
  fc.tuple(id, id, note).map(([a, b, text]) => [`INSERT INTO children VALUES (${a}, ${b}, ${text})`]),
  fc.tuple(id, id, id).map(([a, b, c]) => [`INSERT INTO wards VALUES (${a}, ${b}, ${c})`]),
  fc.tuple(id, id).map(([a, b]) => [`INSERT INTO wards VALUES (${a}, ${b}, NULL)`, `INSERT INTO parents VALUES (${b}, 'late')`]),
  fc.tuple(id, id).map(([a, b]) => [`UPDATE parents SET id = ${b} WHERE id = ${a}`]),
  id.map((a) => [`DELETE FROM parents WHERE id = ${a}`]),
  fc.tuple(id, id).map(([a, b]) => [`UPDATE children SET parent = ${b} WHERE id = ${a}`]),
  fc.tuple(id, id).map(([a, b]) => [`DELETE FROM wards WHERE id = ${a}`, `UPDATE wards SET next = NULL WHERE next = ${b}`]),
);

const commands: fc.Arbitrary<Command> = fc.oneof(...constrainedTables.map(commandsOf), { weight: 3, arbitrary: familyCommands });

/** Transactions, each of some commands. */
export function constrainedTransactions(seed: number, count: number): Command[][] {
  return fc.sample(fc.array(commands, { minLength: 1, maxLength: 6 }), { seed, numRuns: count });
}

/** @returns the table of each statement that has changed rows, and is committed: none where what waits for the end refuses it all there */
export async function commit(source: Client, transaction: readonly Command[]): Promise<string[]> {
  const changed: string[] = [];
  await source.query("BEGIN");
  for (const command of transaction) {
    await source.query("SAVEPOINT command");
    const before = changed.length;
    try {
      for (const sql of command) if (((await source.query(sql)).rowCount ?? 0) > 0) changed.push(tableOf(sql));
    } catch (error) {
      if (!isRefused(error)) throw new Error(command.join("; "), { cause: error });
      changed.length = before;
      await source.query("ROLLBACK TO SAVEPOINT command");
    }
  }
  try {
    await source.query("COMMIT");
    return changed;
  } catch (error) {
    if (!isRefused(error)) throw error;
    return [];
  }
}

/** By a key or a constraint; a command that turns to a row twice is none either. */
function isRefused(error: unknown): boolean {
  return error instanceof Error && "code" in error && /^(23|21000|27000|428C9)/.test(String(error.code));
}
