/**
 * What applications do to random tables: rows that come, change, change their key and go, several of them alike where nothing forbids it, many at once,
 * tables emptied alone and together, in transactions over several tables, parts of which are rolled back.
 */
import { escapeIdentifier, escapeLiteral, type Client } from "pg";
import type { SeededRandom } from "../../infra/demo/seeded-random.ts";
import { counted, type RandomColumn, type RandomTable } from "./random-tables.ts";

/** How often each kind of change was committed. */
export type LoadCount = Record<(typeof kinds)[number], number>;

const kinds = ["insert", "update", "rekey", "delete", "truncate"] as const;

const noLoad: LoadCount = { insert: 0, update: 0, rekey: 0, delete: 0, truncate: 0 };

/** @param transactions how many; every table gets a row before them */
export async function writeLoad(client: Client, random: SeededRandom, tables: readonly RandomTable[], transactions: number): Promise<LoadCount> {
  const count = { ...noLoad };
  await client.query("BEGIN");
  for (const table of tables) await attempt(client, { kind: "insert", sql: insertSql(random, table, random.between(1, 4)) }, count);
  await client.query("COMMIT");
  for (let i = 0; i < transactions; i += 1) {
    const chosen = Array.from({ length: random.between(1, 4) }, () => random.pick(tables));
    const own = { ...noLoad };
    await client.query("BEGIN");
    for (let change = random.between(1, 8); change > 0; change -= 1) {
      if (random.chance(0.02)) await attempt(client, { kind: "truncate", sql: `TRUNCATE ${chosen.map(({ sqlName }) => sqlName).join(", ")}` }, own);
      else await attempt(client, changeOf(random, random.pick(chosen)), own);
    }
    if (random.chance(0.1)) {
      await client.query("SAVEPOINT undone");
      await attempt(client, changeOf(random, chosen[0]!), { ...noLoad });
      await client.query("ROLLBACK TO undone");
    }
    await client.query("COMMIT");
    for (const kind of kinds) count[kind] += own[kind];
  }
  return count;
}

interface Change {
  readonly kind: keyof LoadCount;
  readonly sql: string;
}

function changeOf(random: SeededRandom, table: RandomTable): Change {
  const kind = random.pick(["insert", "insert", "insert", "update", "update", "update", "rekey", "delete"] as const);
  if (kind === "insert") return { kind, sql: insertSql(random, table, random.chance(0.2) ? random.between(2, 20) : 1) };
  if (kind === "delete") return { kind, sql: `DELETE FROM ${table.sqlName} WHERE ${someRow(random, table)}` };
  const columns = table.columns.filter(({ key, generated }) => generated === undefined && key === (kind === "rekey"));
  if (columns.length === 0) return { kind: "delete", sql: `DELETE FROM ${table.sqlName} WHERE ${someRow(random, table)}` };
  const changed = columns.filter(() => random.chance(kind === "rekey" ? 0.7 : 0.4));
  const set = (changed.length === 0 ? [columns[0]!] : changed).map((column) => {
    const value = column.identity === "ALWAYS" ? "DEFAULT" : valueSql(random, column);
    return `${escapeIdentifier(column.name)} = ${value}`;
  });
  // Now and then all rows: of one key only one of them would be left.
  const all = kind === "update" && random.chance(0.1);
  return { kind, sql: `UPDATE ${table.sqlRows} SET ${set.join(", ")}${all ? "" : ` WHERE ${someRow(random, table)}`}` };
}

/** With as many rows as asked for where no key forbids it; all alike where there is no key. */
function insertSql(random: SeededRandom, table: RandomTable, rows: number): string {
  const columns = table.columns.filter(({ generated, identity }) => generated === undefined && (identity === undefined || random.chance(0.5)));
  if (columns.length === 0) return `INSERT INTO ${table.sqlName} DEFAULT VALUES`;
  const names = columns.map(({ name }) => escapeIdentifier(name)).join(", ");
  const row = (): string => `(${columns.map((column) => valueSql(random, column)).join(", ")})`;
  const alike = table.identity === "keyless" && random.chance(0.5) ? row() : undefined;
  const values = Array.from({ length: rows }, () => alike ?? row());
  const conflict = table.identity === "keyless" || table.identity === "deferrable" ? "" : " ON CONFLICT DO NOTHING";
  return `INSERT INTO ${table.sqlName} (${names}) OVERRIDING SYSTEM VALUE VALUES ${values.join(", ")}${conflict}`;
}

function valueSql(random: SeededRandom, { type, notNull, key, toasted }: RandomColumn): string {
  if (!notNull && random.chance(0.2)) return "NULL";
  if (toasted && random.chance(0.2)) return type.sql === "jsonb" ? `to_jsonb(repeat('ä', 3000))` : `repeat('xy', 2000)::${type.sql}`;
  if (counted.includes(type)) {
    const number = random.between(1, key ? 30 : 1000);
    // numeric: equal numbers that are not the same text.
    if (type.sql === "numeric") return `${number}${random.pick(["", ".0", ".00"])}`;
    return type.sql === "uuid" ? `lpad('${number}', 32, '0')::uuid` : `'${number}'::${type.sql}`;
  }
  return `${escapeLiteral(random.pick(type.values))}::${type.sql}`;
}

function someRow(random: SeededRandom, { sqlRows }: RandomTable): string {
  const at = random.between(0, 1000);
  return `(tableoid, ctid) = (SELECT tableoid, ctid FROM ${sqlRows} ORDER BY tableoid, ctid OFFSET ${at} % greatest((SELECT count(*) FROM ${sqlRows}), 1) LIMIT 1)`;
}

/** What a key or a check of the monolith's own refuses has not happened. */
async function attempt(client: Client, { kind, sql }: Change, count: LoadCount): Promise<void> {
  await client.query("SAVEPOINT statement");
  try {
    const { rowCount } = await client.query(sql);
    count[kind] += kind === "truncate" ? 1 : (rowCount ?? 0);
    await client.query("RELEASE statement");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && String(error.code).startsWith("23")))
      throw new Error(`the monolith refuses: ${sql}`, { cause: error });
    await client.query("ROLLBACK TO statement");
  }
}
