/**
 * Tables of a monolith as nobody would think of them: any names, any types, any key, any identity, children of each other, partitioned, columns dropped and added. The
 * same seed gives the same tables, so that a run that has shown something can be shown again.
 */
import { escapeIdentifier, escapeLiteral } from "pg";
import type { SeededRandom } from "../../infra/demo/seeded-random.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import { type RandomType, randomTypes } from "./random-types.ts";

/** key: the primary key. full: REPLICA IDENTITY FULL with one. index: USING INDEX. deferrable: FULL with a key that is checked late. keyless: FULL without one. */
export type Identity = "key" | "full" | "index" | "deferrable" | "keyless";

export interface RandomColumn {
  readonly name: string;
  readonly type: RandomType;
  readonly key: boolean;
  readonly notNull: boolean;
  /** An expression; the monolith computes it. */
  readonly generated: { readonly sql: string; readonly virtual: boolean } | undefined;
  readonly identity: "ALWAYS" | "BY DEFAULT" | undefined;
  readonly toasted: boolean;
}

export interface RandomTable extends TableName {
  readonly number: number;
  /** Quoted. */
  readonly sqlName: string;
  readonly columns: readonly RandomColumn[];
  readonly identity: Identity;
  readonly parent: RandomTable | undefined;
  /** The column by which it is partitioned. */
  readonly partitionedBy: RandomColumn | undefined;
  /** Its own rows and its partitions', not those of tables that inherit from it. */
  readonly sqlRows: string;
  /** In the key's own order. */
  readonly keyOrder: readonly string[];
}

export interface RandomTablesOptions {
  readonly count: number;
  /** Whether the source has virtual generated columns. */
  readonly virtual: boolean;
}

const hard = [
  "select",
  "Table",
  "user",
  "größe",
  "表",
  "a.b",
  'a"b',
  "it's",
  "back\\slash",
  "$1",
  "1st",
  " lead",
  "trail ",
  "{x}",
  "ÄÖ",
  "constructor",
  "__proto__",
  "_u0041",
  "before",
  "excluded",
  "ctid2",
  "😀",
  "%s",
  "a,b",
  "(x)",
  "new\nline",
];
const identities: readonly Identity[] = ["key", "key", "key", "full", "full", "index", "deferrable", "keyless", "keyless"];
const integer = (sql: string): RandomType => ({ sql, values: [], ordered: true, own: false });
/** With as many values as a load needs. */
export const counted: readonly RandomType[] = [integer("int4"), integer("int8"), integer("text"), integer("uuid"), integer("numeric")];

/** @param number makes it another one than those with other numbers */
function nameOf(random: SeededRandom, plain: string, number: number): string {
  if (random.chance(0.5)) return `${plain}${number}`;
  if (random.chance(0.05)) return `${"long ".repeat(20).slice(0, 58)}${number}`;
  return `${random.pick(hard)}${number === 0 ? "" : number}`;
}

function randomColumns(random: SeededRandom, first: number, keys: number, virtual: boolean): RandomColumn[] {
  const count = keys + (random.chance(0.04) ? random.between(80, 190) : random.between(0, 12));
  const columns: RandomColumn[] = [];
  let counters = 0;
  for (let i = 0; i < count; i += 1) {
    const key = i < keys;
    const types = key ? (i === 0 ? counted : [...counted, ...randomTypes.filter(({ ordered }) => ordered)]) : randomTypes;
    const name = nameOf(random, "c", first + i);
    const basis = columns.filter((column) => column.generated === undefined);
    if (!key && basis.length > 0 && random.chance(0.1)) {
      const isVirtual = virtual && random.chance(0.5);
      const of = random.pick(isVirtual ? basis.filter(({ type }) => !type.own) : basis);
      const generated = { sql: `(${escapeIdentifier(of.name)} IS NULL)`, virtual: isVirtual };
      columns.push({ name, type: randomTypes[0]!, key: false, notNull: false, generated, identity: undefined, toasted: false });
      continue;
    }
    const type = random.pick(types);
    const numbered = counters === 0 && ["int4", "int8"].includes(type.sql) && random.chance(0.3);
    if (numbered) counters += 1;
    columns.push({
      name,
      type,
      key,
      notNull: key || random.chance(0.2),
      generated: undefined,
      identity: numbered ? random.pick(["ALWAYS", "BY DEFAULT"] as const) : undefined,
      toasted: !key && ["text", "bytea", "jsonb"].includes(type.sql),
    });
  }
  return columns;
}

/** Key columns are anywhere in the table, in another order than in the key. */
function shuffled<T>(random: SeededRandom, list: readonly T[]): T[] {
  const rest = [...list];
  return list.map(() => random.take(rest));
}

export function randomTables(random: SeededRandom, { count, virtual }: RandomTablesOptions): RandomTable[] {
  const tables: RandomTable[] = [];
  for (let number = 0; number < count; number += 1) {
    const parents = tables.filter(({ parent, partitionedBy, columns }) => parent === undefined && partitionedBy === undefined && columns.length < 40);
    const parent = parents.length > 0 && random.chance(0.12) ? random.pick(parents) : undefined;
    // PostgreSQL itself refuses to update a published table that has REPLICA IDENTITY FULL and virtual columns.
    const identity = random.pick(parent?.columns.some(({ generated }) => generated?.virtual) === true ? (["key", "index"] as const) : identities);
    const whole = identity === "full" || identity === "deferrable" || identity === "keyless";
    const keys = identity === "keyless" ? 0 : random.chance(0.6) ? 1 : random.between(2, 4);
    const schema = random.chance(0.1) ? "Apart from" : "public";
    const table = nameOf(random, "t", number);
    const own = randomColumns(random, parent === undefined ? 0 : 1000, keys, virtual && !whole);
    // A child has its parent's columns first, its own key, and none of its parent's counters.
    const inherited = parent?.columns.map((column) => ({ ...column, key: false, identity: undefined })) ?? [];
    // Every generated column stands behind what it is computed of, which PostgreSQL does not ask for.
    const columns = [
      ...inherited,
      ...shuffled(random, own.length === 0 && parent === undefined ? randomColumns(random, 0, 1, false).map(keyless) : own),
    ];
    const keyOrder = shuffled(
      random,
      columns.filter(({ key }) => key).map(({ name }) => name),
    );
    // Whatever is unique must have the column, and what the monolith computes cannot say where a row belongs.
    const partitionable = columns.filter((column) => counted.includes(column.type) && column.generated === undefined && (column.key || keys === 0));
    const partitionedBy = parent === undefined && partitionable.length > 0 && random.chance(0.2) ? random.pick(partitionable) : undefined;
    const sqlName = `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
    const sqlRows = `${partitionedBy === undefined ? "ONLY " : ""}${sqlName}`;
    tables.push({ number, schema, table, sqlName, sqlRows, columns, identity, parent, partitionedBy, keyOrder });
  }
  return tables;
}

function keyless(column: RandomColumn): RandomColumn {
  return { ...column, key: false };
}

/** The statements that make it at the monolith. */
export function tableSql(random: SeededRandom, table: RandomTable): string {
  const { number, sqlName, columns, identity, parent, partitionedBy, keyOrder } = table;
  const own = columns.slice(parent?.columns.length ?? 0);
  const key = keyOrder.map((name) => escapeIdentifier(name)).join(", ");
  const lines = own.map(columnSql);
  if (identity === "key" || identity === "full") lines.push(`PRIMARY KEY (${key})`);
  if (identity === "deferrable") lines.push(`PRIMARY KEY (${key}) DEFERRABLE`);
  const list = random.chance(0.5);
  const partitionBy = partitionedBy === undefined ? "" : ` PARTITION BY ${list ? "LIST" : "RANGE"} (${escapeIdentifier(partitionedBy.name)})`;
  const statements = [`CREATE TABLE ${sqlName} (${lines.join(", ")})${parent === undefined ? "" : ` INHERITS (${parent.sqlName})`}${partitionBy}`];
  if (identity === "index") {
    const index = escapeIdentifier(`by "${number}"`);
    statements.push(`CREATE UNIQUE INDEX ${index} ON ${sqlName} (${key})`, `ALTER TABLE ${sqlName} REPLICA IDENTITY USING INDEX ${index}`);
  } else if (identity !== "key") statements.push(`ALTER TABLE ${sqlName} REPLICA IDENTITY FULL`);
  // A column that was dropped leaves its number behind.
  if (random.chance(0.2)) statements.push(`ALTER TABLE ${sqlName} ADD "dropped later" point`, `ALTER TABLE ${sqlName} DROP "dropped later"`);
  for (const { name } of own.filter(({ toasted }) => toasted))
    statements.push(`ALTER TABLE ${sqlName} ALTER ${escapeIdentifier(name)} SET STORAGE EXTERNAL`);
  if (partitionedBy !== undefined) statements.push(...partitionsSql(random, table, partitionedBy, list));
  return statements.join(";\n");
}

/** Three partitions: one of them is partitioned itself, one was a table of its own, with a column that is gone, and one takes what is left, if there is one. */
function partitionsSql(
  random: SeededRandom,
  { number, sqlName, schema, identity }: RandomTable,
  { name, type }: RandomColumn,
  list: boolean,
): string[] {
  const part = (i: number | string): string => `${escapeIdentifier(schema)}.${escapeIdentifier(`part ${number} ${i}`)}`;
  const value = (at: number): string => (type.sql === "uuid" ? `lpad('${at}', 32, '0')::uuid` : `'${at}'::${type.sql}`);
  const values = (from: number, to: number): string =>
    list
      ? `FOR VALUES IN (${Array.from({ length: to - from }, (_, i) => value(from + i)).join(", ")})`
      : `FOR VALUES FROM (${from === 0 ? "MINVALUE" : value(from)}) TO (${value(to)})`;
  // As text 5 is more than 20.
  const [low, high] = type.sql === "text" ? [20, 5] : [5, 20];
  const bounds = list
    ? ([
        [0, 9],
        [9, 18],
      ] as const)
    : ([
        [0, low],
        [low, high],
      ] as const);
  const statements = [
    `CREATE TABLE ${part(1)} PARTITION OF ${sqlName} ${values(...bounds[0])} PARTITION BY HASH (${escapeIdentifier(name)})`,
    ...[0, 1].map((i) => `CREATE TABLE ${part(`1 ${i}`)} PARTITION OF ${part(1)} FOR VALUES WITH (MODULUS 2, REMAINDER ${i})`),
    `CREATE TABLE ${part(2)} ("gone before" point, LIKE ${sqlName} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE)`,
    `ALTER TABLE ${part(2)} DROP "gone before"`,
    `ALTER TABLE ${sqlName} ATTACH PARTITION ${part(2)} ${values(...bounds[1])}`,
  ];
  if (random.chance(0.8)) statements.push(`CREATE TABLE ${part(3)} PARTITION OF ${sqlName} DEFAULT`);
  if (identity === "key") return statements;
  // None of them gets it from its root.
  return [
    ...statements,
    `DO $$ DECLARE leaf record; BEGIN
       FOR leaf IN SELECT l.relid, (SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = l.relid AND i.indisunique) AS index
                     FROM pg_partition_tree(${escapeLiteral(sqlName)}) l WHERE l.isleaf LOOP
         EXECUTE format('ALTER TABLE %s REPLICA IDENTITY ${identity === "index" ? "USING INDEX %I" : "FULL"}', leaf.relid, leaf.index);
       END LOOP; END $$`,
  ];
}

function columnSql({ name, type, notNull, generated, identity }: RandomColumn): string {
  const parts = [escapeIdentifier(name), type.sql];
  if (generated !== undefined) parts.push(`GENERATED ALWAYS AS (${generated.sql}) ${generated.virtual ? "VIRTUAL" : "STORED"}`);
  if (identity !== undefined) parts.push(`GENERATED ${identity} AS IDENTITY`);
  if (notNull) parts.push("NOT NULL");
  return parts.join(" ");
}
