/**
 * Changes of a table `t` of the monolith, between two changes of one row: whether they are carried, and what mends the target where they are not.
 *
 * The rows of docs/tables.md, "Changes of the schema".
 */
import type { Client } from "pg";
import type { Configuration } from "../../../services/runtime/configuration.ts";

/** Where a cure is done. */
export interface Altered {
  readonly configuration: Configuration;
  /** Runs a statement at the target. */
  readonly atTarget: (sql: string) => Promise<unknown>;
}

export interface Stop {
  readonly code: string;
  /** Does what the error's cure says. */
  readonly mend: (altered: Altered, cure: string) => Promise<unknown>;
}

export interface SchemaChange {
  /** Columns beside the key. */
  readonly columns?: string;
  readonly before?: string;
  readonly change: string;
  readonly after: string;
  readonly stops?: readonly Stop[];
  readonly ddl?: "follow";
  /** What is looked up at the target in the end. */
  readonly types?: Readonly<Record<string, string>>;
}

/** Runs the first statement of the cure that begins like this at the target, what is left to the reader put in. */
function sql(code: string, beginning: string, fill = ""): Stop {
  return {
    code,
    mend: async ({ atTarget }, cure) => {
      const statement = new RegExp(`${beginning}[^;]*;`).exec(cure)?.[0] ?? `the cure has no ${beginning}: ${cure}`;
      await atTarget(statement.replace("…", fill));
    },
  };
}

/** What the cure leaves to whoever knows the table. */
const byHand = (code: string, word: string, statement: string): Stop => ({
  code,
  mend: async ({ atTarget }, cure) => {
    if (!cure.includes(word)) throw new Error(`the cure has no ${word}: ${cure}`);
    await atTarget(statement);
  },
});

/** Lets one version of the subject that the cure names through. */
const letThrough: Stop = {
  code: "SCHEMA_REFUSED",
  mend: async ({ configuration }, cure) => {
    const [, body = "", path] = /PUT (\{.*?\}) to (\/config\/\S+)/.exec(cure) ?? [];
    const registry = configuration.registry.url.reveal().replace(/\/$/, "");
    const answer = await fetch(`${registry}${path}`, { method: "PUT", body, headers: { "content-type": "application/vnd.schemaregistry.v1+json" } });
    if (answer.status !== 200) throw new Error(`the registry answers ${answer.status}: ${cure}`);
  },
};

const addColumn = (fill = ""): Stop => sql("TARGET_COLUMN_MISSING", "ALTER TABLE \\S+ ADD COLUMN", fill);
const renameColumn = sql("TARGET_COLUMN_MISSING", "ALTER TABLE \\S+ RENAME COLUMN");
const alterColumn = sql("TARGET_COLUMN_OUTDATED", "ALTER TABLE \\S+ ALTER COLUMN");
const extra = "UPDATE t SET note = 'after', extra = 5 WHERE id = 1; INSERT INTO t VALUES (3, 'new', 6)";
const noted = "UPDATE t SET note = 'after' WHERE id = 1";

export const schemaChanges: Readonly<Record<string, SchemaChange>> = {
  "A column is added": { change: "ALTER TABLE t ADD COLUMN extra int", after: extra, stops: [addColumn()] },
  "A column is added; `ddl: follow`": { change: "ALTER TABLE t ADD COLUMN extra int", after: extra, ddl: "follow" },
  "A column with a modifier is added; `ddl: follow`": {
    change: "ALTER TABLE t ADD COLUMN extra numeric(10,2)",
    after: extra,
    ddl: "follow",
    types: { extra: "numeric(10,2)" },
  },
  "A column with a default is added": {
    change: "ALTER TABLE t ADD COLUMN extra int DEFAULT 7",
    after: extra,
    stops: [addColumn("7")],
  },
  "A column with a default is added; `ddl: follow`": {
    change: "ALTER TABLE t ADD COLUMN extra int NOT NULL DEFAULT 7; ALTER TABLE t ALTER COLUMN extra DROP DEFAULT",
    after: extra,
    ddl: "follow",
    stops: [addColumn("7")],
  },
  "A column of a new type is added; `ddl: follow`": {
    change: "CREATE TYPE mood AS ENUM ('5', '6'); ALTER TABLE t ADD COLUMN extra mood",
    after: extra.replace("6)", "'6')").replace("= 5", "= '5'"),
    ddl: "follow",
    stops: [byHand("TARGET_COLUMN_MISSING", "Create the type public.mood", "CREATE TYPE mood AS ENUM ('5', '6')")],
    types: { extra: "mood" },
  },
  "A column is added and another dropped; `ddl: follow`": {
    columns: "note text, old text",
    before: "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y')",
    change: "ALTER TABLE t DROP COLUMN old, ADD COLUMN extra int",
    after: extra,
    ddl: "follow",
    stops: [addColumn()],
  },
  "A column is dropped": {
    columns: "note text, old text",
    before: "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y')",
    change: "ALTER TABLE t DROP COLUMN old",
    after: `${noted}; INSERT INTO t VALUES (3, 'new')`,
  },
  "A column that is NOT NULL is dropped": {
    columns: "note text, old text NOT NULL",
    before: "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'b', 'y')",
    change: "ALTER TABLE t DROP COLUMN old",
    after: `${noted}; INSERT INTO t VALUES (3, 'new')`,
    stops: [sql("EVENT_NOT_APPLICABLE", "ALTER TABLE")],
  },
  "A column is renamed": {
    change: "ALTER TABLE t RENAME COLUMN note TO remark",
    after: "UPDATE t SET remark = 'after' WHERE id = 1",
    stops: [renameColumn],
  },
  "A column is renamed; `ddl: follow`": {
    change: "ALTER TABLE t RENAME COLUMN note TO remark",
    after: "UPDATE t SET remark = 'after' WHERE id = 1",
    ddl: "follow",
    stops: [renameColumn],
  },
  "A column is added between two changes of one transaction; `ddl: follow`": {
    change: "BEGIN; UPDATE t SET note = 'half' WHERE id = 1; ALTER TABLE t ADD COLUMN extra int; UPDATE t SET extra = 4 WHERE id = 1; COMMIT",
    after: extra,
    ddl: "follow",
  },
  "A column of the key is renamed": {
    change: "ALTER TABLE t RENAME COLUMN id TO number",
    after: "UPDATE t SET note = 'after' WHERE number = 1",
    stops: [letThrough, letThrough, renameColumn],
  },
  "A column gets a wider number": {
    columns: "note text, n int",
    before: "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)",
    change: "ALTER TABLE t ALTER COLUMN n TYPE bigint",
    after: "UPDATE t SET note = 'after', n = 5000000000 WHERE id = 1",
    stops: [alterColumn],
  },
  "A key gets a wider number": {
    change: "ALTER TABLE t ALTER COLUMN id TYPE bigint",
    after: "UPDATE t SET id = 5000000000 WHERE id = 1",
    stops: [alterColumn],
  },
  "A column gets a type of another Avro form": {
    columns: "note text, n int",
    before: "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)",
    change: "ALTER TABLE t ALTER COLUMN n TYPE text",
    after: "UPDATE t SET note = 'after', n = 'five' WHERE id = 1",
    stops: [letThrough, alterColumn],
  },
  "A column gets a type of the same Avro form": {
    columns: "note text, n timestamp",
    before: "INSERT INTO t VALUES (1, 'a', '2026-01-01 10:00'), (2, 'b', '2026-01-02 11:00')",
    change: "ALTER TABLE t ALTER COLUMN n TYPE date",
    after: noted,
    stops: [alterColumn],
  },
  "A column gets another length": {
    columns: "note varchar(6)",
    change: "ALTER TABLE t ALTER COLUMN note TYPE varchar(50)",
    after: "UPDATE t SET note = 'longer than six' WHERE id = 1",
    stops: [alterColumn],
  },
  "A column gets another scale, which rounds its rows": {
    columns: "note text, n numeric(10,2)",
    before: "INSERT INTO t VALUES (1, 'a', 1.25), (2, 'b', 2.25)",
    change: "ALTER TABLE t ALTER COLUMN n TYPE numeric(10,1)",
    after: noted,
    stops: [alterColumn],
  },
  "An enum gets a value": {
    columns: "note text, m mood",
    before: "INSERT INTO t VALUES (1, 'a', 'good'), (2, 'b', 'good')",
    change: "ALTER TYPE mood ADD VALUE 'bad'",
    after: "UPDATE t SET m = 'bad' WHERE id = 1",
    stops: [byHand("EVENT_NOT_APPLICABLE", "ALTER TYPE", "ALTER TYPE mood ADD VALUE 'bad'")],
  },
};

/** @returns the table's own statements */
export function tableSql({ columns = "note text" }: SchemaChange): string {
  return `${columns.includes("mood") ? "CREATE TYPE mood AS ENUM ('good'); " : ""}CREATE TABLE t (id int PRIMARY KEY, ${columns})`;
}

/** What is there before the change. */
export function rowsSql({ before = "INSERT INTO t VALUES (1, 'a'), (2, 'b')" }: SchemaChange): string {
  return before;
}

/** Every row of some columns, as text. */
export async function rowsOf(client: Client, columns: readonly string[], table = "t"): Promise<string[]> {
  const { rows } = await client.query<{ row: string }>(`SELECT ROW(${columns.join(", ")})::text AS row FROM ${table} ORDER BY 1`);
  return rows.map(({ row }) => row);
}

/** Quoted, in their order. */
export async function columnsOf(client: Client, table = "t"): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    "SELECT quote_ident(attname) AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    [table],
  );
  return rows.map(({ name }) => name);
}
