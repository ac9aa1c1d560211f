/**
 * What a random table is at a target of another mind: another schema and name, columns renamed, left out, in another order, of wider types, and columns of
 * the target's own. Its text must be the source's all the same, so a type is only made wider where that does not change how a value is printed.
 */
import { escapeIdentifier } from "pg";
import type { SeededRandom } from "../../infra/demo/seeded-random.ts";
import type { RandomColumn, RandomTable } from "./random-tables.ts";

export interface RandomTarget {
  /** Quoted. */
  readonly sqlName: string;
  /** The table's entry in offtake.yaml. */
  readonly entry: readonly [name: string, mapping: Readonly<Record<string, unknown>>];
  /** Makes it at the target. */
  readonly sql: string;
  /** Quoted names of the columns that both have, in the same order. */
  readonly columns: { readonly source: readonly string[]; readonly target: readonly string[] };
}

const wider: ReadonlyMap<string, string> = new Map([
  ["int2", "int8"],
  ["int4", "int8"],
  ["int8", "numeric"],
  ["varchar(5)", "text"],
  ["text", "varchar"],
  ["numeric(18,8)", "numeric"],
  ["numeric(3,5)", "numeric"],
  ["timestamp(0)", "timestamp"],
  ["varbit(8)", "varbit"],
  ["short", "text"],
  ["positive", "numeric"],
  ["name", "text"],
  ["mood", "text"],
]);

export function randomTarget(random: SeededRandom, table: RandomTable, number: number): RandomTarget {
  const name = `${random.pick(["Desk", "order", "ä"])} ${number}`;
  const written = table.columns.filter(({ generated }) => generated === undefined);
  // Computed columns come along where the publication has them, and no target of another mind computes the same.
  const generated = table.columns.filter((column) => column.generated !== undefined);
  const excluded = written.filter(({ key }) => !key && table.identity !== "deferrable" && random.chance(0.1));
  const kept = written.filter((column) => !excluded.includes(column)).map((column, i) => ({ column, as: renamed(random, column, i) }));
  const rest = [...kept];
  const lines = kept.map(() => random.take(rest)).map(({ column, as }) => `${escapeIdentifier(as)} ${typeOf(random, column)}`);
  lines.splice(random.between(0, lines.length), 0, `"own" text DEFAULT 'ours'`);
  const key = kept.filter(({ column }) => column.key).map(({ as }) => escapeIdentifier(as));
  // Without an index on its key a table is slow, not wrong.
  if (key.length > 0 && random.chance(0.8)) lines.push(`UNIQUE (${key.join(", ")})`);
  const sqlName = `desk.${escapeIdentifier(name)}`;
  const columns = Object.fromEntries(kept.flatMap(({ column, as }) => (as === column.name ? [] : [[column.name, as]])));
  return {
    sqlName,
    entry: [
      `${escapeIdentifier(table.schema)}.${escapeIdentifier(table.table)}`,
      { target: `desk.${escapeIdentifier(name)}`, columns, exclude: [...excluded, ...generated].map((column) => column.name) },
    ],
    sql: `CREATE TABLE ${sqlName} (${lines.join(", ")})`,
    columns: { source: kept.map(({ column }) => escapeIdentifier(column.name)), target: kept.map(({ as }) => escapeIdentifier(as)) },
  };
}

function renamed(random: SeededRandom, { name }: RandomColumn, i: number): string {
  // The one name that offtake.yaml refuses as a key.
  return random.chance(0.3) && name !== "__proto__" ? `${random.pick(["select", "Ü", "new."])} to ${i}` : name;
}

function typeOf(random: SeededRandom, { type }: RandomColumn): string {
  return random.chance(0.5) ? (wider.get(type.sql) ?? type.sql) : type.sql;
}
