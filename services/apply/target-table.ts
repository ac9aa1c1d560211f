/**
 * A table of the target as the applier writes it: which columns, as which types, and whether triggers or foreign keys are awake on it.
 *
 * A parameter is cast to its column's type without the type's modifier, and the assignment to the column does the rest: an explicit cast to
 * varchar(3) truncates in silence (tried), an assignment refuses. A domain is cast to what it is over, for the same reason.
 *
 * Source: PostgreSQL documentation, "Type Conversion", Value Storage; "pg_attribute", "pg_type".
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { builtInTypes } from "../../schemas/built-in-types.ts";
import type { ColumnType } from "../../schemas/column-types.ts";
import type { EventPlan } from "../../schemas/event-plan.ts";
import type { AvroForm } from "../../schemas/postgres-types.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { type TableMapping, targetColumn } from "../runtime/table-mapping.ts";
import { binaryType, parameterType, type ParameterType } from "./parameter-type.ts";
import { quotedName } from "../runtime/table-pattern.ts";
import { markSql } from "./target-marks.ts";

export interface TargetColumn {
  /** Index into the plan's columns. */
  readonly index: number;
  /** Quoted. */
  readonly name: string;
  readonly parameter: ParameterType;
  /** What the parameter is cast to; empty where it has the column's own type. */
  readonly cast: string;
  /** In the binary form of the column's own type, where the event's value can be written so; merged statements do (parameter-type.ts). */
  readonly binary: ParameterType | undefined;
  /** Its type with modifier and domain, as a cast: what a value becomes by being stored. */
  readonly stored: string;
  /** Its type's own equality, wherever the extension that brought the type lives. */
  readonly equals: string;
  readonly key: boolean;
  /** GENERATED ALWAYS AS IDENTITY: an UPDATE may not set it. */
  readonly identityAlways: boolean;
  /** Whether the cast to text is a function, which may leave out what the type prints: bpchar's strips blanks. */
  readonly castsToText: boolean;
}

export interface TargetTable {
  readonly plan: EventPlan;
  /** Schema and name, quoted. */
  readonly name: string;
  /** As UPDATE, DELETE, SELECT and TRUNCATE name it: without the tables that inherit from it, whose rows have events of their own. */
  readonly own: string;
  readonly partitioned: boolean;
  /** As messages say it. */
  readonly shown: string;
  /** Those that are written, in the plan's order; generated columns are not. */
  readonly columns: readonly TargetColumn[];
  /** Quoted names of columns that only the target has, generated ones left out. */
  readonly extra: readonly string[];
  /** Whether a unique index that is checked at once keeps two rows from having one key. */
  readonly unique: boolean;
  /** Whether ON CONFLICT can name such an index. */
  readonly arbiter: boolean;
  /** Whether a column beside the key is GENERATED ALWAYS AS IDENTITY: a row with another value there has to go and come again. */
  readonly replaces: boolean;
  /** Whether foreign keys from or to it, or triggers, act in the applier's session. */
  readonly awake: boolean;
  /** Whether foreign keys to it act: what they refer to cannot go and come again. */
  readonly referenced: boolean;
  /** Whether triggers act that are told of rows that are deleted: one that goes and comes again is more to them than what it was. */
  readonly observed: boolean;
  /** Whether it has values that nobody may see. */
  readonly hidden?: boolean;
  /** Whether COPY can write its rows, with what it reads being what an INSERT would store. */
  readonly copied: boolean;
  /** Whether COPY can write them in binary. */
  readonly copiedInBinary: boolean;
  /** What all of this was read from, in short (target-marks.ts). */
  readonly mark: string;
}

const binaries = new WeakMap<TargetTable, TargetTable>();

/** The table with every value in binary that can be: for statements of many rows, which are applied in another way where one of them cannot. Made once. */
export function inBinary(table: TargetTable): TargetTable {
  const known = binaries.get(table);
  if (known !== undefined) return known;
  const made = { ...table, columns: table.columns.map((column) => (column.binary ? { ...column, parameter: column.binary, cast: "" } : column)) };
  binaries.set(table, made);
  return made;
}

// The domain's chain of base types ends at one that is none; schema and name of a type make a cast without modifier, also for "bit" and "char".
const columnsSql = `
  SELECT a.attname AS name, a.attgenerated <> '' AS generated, a.attidentity = 'a' AS identity_always,
         n.nspname AS type_schema, b.typname AS type_name, b.oid::int8 AS type_oid, b.typtype = 'e' AS is_enum, format_type(a.atttypid, a.atttypmod) AS stored,
         coalesce((SELECT format('%I.%s', s.nspname, o.oprname)
                     FROM pg_catalog.pg_opclass c
                     JOIN pg_catalog.pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
                     JOIN pg_catalog.pg_amop p ON p.amopfamily = c.opcfamily AND p.amoplefttype = b.oid AND p.amoprighttype = b.oid AND p.amopstrategy = 3
                     JOIN pg_catalog.pg_operator o ON o.oid = p.amopopr
                     JOIN pg_catalog.pg_namespace s ON s.oid = o.oprnamespace
                    WHERE c.opcintype = b.oid AND c.opcdefault), 'pg_catalog.=') AS equals,
         EXISTS (SELECT 1 FROM pg_catalog.pg_cast k WHERE k.castsource = b.oid AND k.casttarget = 'text'::regtype AND k.castmethod = 'f') AS casts_to_text
    FROM pg_catalog.pg_attribute a
    CROSS JOIN LATERAL (
      WITH RECURSIVE chain AS (
        SELECT t.oid, t.typtype, t.typbasetype FROM pg_catalog.pg_type t WHERE t.oid = a.atttypid
        UNION ALL
        SELECT t.oid, t.typtype, t.typbasetype FROM chain c JOIN pg_catalog.pg_type t ON t.oid = c.typbasetype WHERE c.typtype = 'd'
      )
      SELECT oid FROM chain WHERE typtype <> 'd'
    ) base
    JOIN pg_catalog.pg_type b ON b.oid = base.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = b.typnamespace
   WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`;

// Triggers of the partitions count: the rows end there. Of PostgreSQL's own triggers those of foreign keys do; those of deferred unique constraints only check.
const tableSql = `
  WITH tree AS (
    SELECT to_regclass($1)::oid AS oid
    UNION
    SELECT relid FROM pg_catalog.pg_partition_tree(to_regclass($1))
  ), firing AS (
    SELECT t.tgrelid, t.tgisinternal, t.tgtype, k.contype, k.confrelid
      FROM tree
      JOIN pg_catalog.pg_trigger t ON t.tgrelid = tree.oid AND t.tgenabled::text = ANY ($2::text[])
      LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint
  )
  SELECT c.relkind AS kind, row_security_active(c.oid) AS filtered, ${markSql("c", true)} AS mark,
         ARRAY(SELECT format('%s.%I', p.relnamespace::regnamespace, p.relname)
                 FROM tree JOIN pg_catalog.pg_class p ON p.oid = tree.oid AND p.relpersistence = 'u') AS unlogged,
         EXISTS (SELECT 1 FROM firing WHERE NOT tgisinternal OR contype = 'f') AS awake,
         EXISTS (SELECT 1 FROM firing WHERE contype = 'f' AND confrelid = tgrelid) AS referenced,
         EXISTS (SELECT 1 FROM firing WHERE NOT tgisinternal AND tgtype::int & 8 <> 0) AS observed
    FROM pg_catalog.pg_class c
   WHERE c.oid = to_regclass($1)`;

const indexSql = `
  SELECT coalesce(bool_or(columns <@ $2::text[]), false) AS unique, coalesce(bool_or(columns <@ $2::text[] AND columns @> $2::text[]), false) AS arbiter
    FROM pg_catalog.pg_index i
    CROSS JOIN LATERAL (
      SELECT array_agg(a.attname::text) AS columns
        FROM pg_catalog.pg_attribute a
       WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])) AS key
   WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL`;

interface TableRow {
  kind: string;
  filtered: boolean;
  mark: string;
  unlogged: string[];
  awake: boolean;
  referenced: boolean;
  observed: boolean;
}

interface ColumnRow {
  name: string;
  generated: boolean;
  identity_always: boolean;
  type_schema: string;
  type_name: string;
  type_oid: string;
  is_enum: boolean;
  stored: string;
  equals: string;
  casts_to_text: boolean;
}

/**
 * @param mapping where the plan's table goes
 * @param replica whether the session is one in which only triggers act that are ENABLE ALWAYS or ENABLE REPLICA
 * @param sourceTypes of the plan's columns, by name; undefined where they are not known
 * @throws OfftakeError TARGET_TABLE_MISSING, TARGET_TABLE_UNSUITABLE, TARGET_COLUMN_MISSING
 */
export async function readTargetTable(
  client: ClientBase,
  plan: EventPlan,
  mapping: TableMapping,
  replica: boolean,
  sourceTypes?: ReadonlyMap<string, ColumnType>,
): Promise<TargetTable> {
  const name = quotedName(mapping);
  const shown = `${mapping.schema}.${mapping.table}`;
  const table = (await client.query<TableRow>(tableSql, [name, replica ? ["A", "R"] : ["A", "O"]])).rows[0];
  if (table === undefined)
    throw new OfftakeError("TARGET_TABLE_MISSING", `The target has no table ${shown}.`, {
      cure: "Create it, or let `offtake up --create-tables` do it; the applier goes on by itself.",
    });
  if (table.unlogged.length > 0)
    throw new OfftakeError(
      "TARGET_TABLE_UNSUITABLE",
      `The target's table ${shown} is unlogged: a crash would empty it, and the applied position would stay.`,
      {
        cure: `${table.unlogged.map((each) => `ALTER TABLE ${each} SET LOGGED;`).join(" ")} The applier goes on by itself.`,
      },
    );
  const { rows } = await client.query<ColumnRow>(columnsSql, [name]);
  const columns = plan.columns.flatMap((column, index): TargetColumn[] => {
    const key = plan.keys.includes(index);
    const columnName = targetColumn(mapping, column.name);
    if (columnName === undefined) {
      if (!key) return [];
      throw new OfftakeError(
        "TARGET_COLUMN_MISSING",
        `\`exclude\` leaves out the column ${column.name} of the key of ${plan.schema}.${plan.table}.`,
        {
          cure: "Take it out of `exclude` in the configuration: without it the target's rows cannot be found.",
        },
      );
    }
    const found = rows.find((row) => row.name === columnName);
    if (found === undefined)
      throw new OfftakeError("TARGET_COLUMN_MISSING", `The target's table ${shown} has no column ${columnName}, which the monolith's has.`, {
        cure: `ALTER TABLE ${name} ADD COLUMN ${escapeIdentifier(columnName)} …; or name it in \`columns\` or \`exclude\` of the configuration. The applier goes on by itself.`,
      });
    if (found.generated && key)
      throw new OfftakeError(
        "TARGET_COLUMN_MISSING",
        `The target's table ${shown} generates the column ${columnName}, which is in the monolith's key.`,
        {
          cure: `ALTER TABLE ${name} ALTER COLUMN ${escapeIdentifier(columnName)} DROP EXPRESSION; the applier goes on by itself.`,
        },
      );
    if (found.generated) return [];
    // The source's own type, if it is one that Avro carries natively; the target's may be another.
    const same = builtInTypes[Number(found.type_oid)] === nativeType[column.form];
    const parameter = parameterType(column.form, !same);
    // A float4 is widened by way of its text, or 0.1 would become 0.10000000149011612.
    const text = isFloat(column.form) ? "::pg_catalog.text" : "";
    const cast = same
      ? ""
      : `${text}${found.type_oid === regclass ? "::pg_catalog.bpchar" : ""}::${escapeIdentifier(found.type_schema)}.${escapeIdentifier(found.type_name)}`;
    return [
      {
        index,
        name: escapeIdentifier(columnName),
        parameter,
        cast,
        binary: binaryType(column.form, sourceTypes?.get(column.name)?.pgType, {
          oid: Number(found.type_oid),
          schema: found.type_schema,
          name: found.type_name,
          isEnum: found.is_enum,
        }),
        stored: `::${found.stored}`,
        equals: `OPERATOR(${found.equals})`,
        key,
        identityAlways: found.identity_always,
        castsToText: found.casts_to_text,
      },
    ];
  });
  const written = new Set(plan.columns.map((column) => targetColumn(mapping, column.name)));
  const extra = rows.filter((row) => !row.generated && !written.has(row.name)).map((row) => escapeIdentifier(row.name));
  const keyNames = plan.keys.map((key) => targetColumn(mapping, plan.columns[key]!.name));
  const { unique, arbiter } = (await client.query<{ unique: boolean; arbiter: boolean }>(indexSql, [name, keyNames])).rows[0]!;
  const partitioned = table.kind === "p";
  const isCopied = !table.filtered && ["r", "p"].includes(table.kind) && columns.length > 0;
  return {
    plan,
    name,
    partitioned,
    own: partitioned ? name : `ONLY ${name}`,
    shown,
    columns,
    extra,
    unique,
    arbiter,
    replaces: columns.some((column) => column.identityAlways && !column.key),
    awake: table.awake,
    referenced: table.referenced,
    observed: table.observed,
    copied: isCopied && columns.every(({ parameter, cast }) => cast === "" || !isFloat(parameter.form)),
    copiedInBinary: isCopied && columns.every(({ binary }) => binary !== undefined),
    mark: table.mark,
  };
}

/** What JavaScript prints of a float is not always what PostgreSQL does: only a float may be made of it. */
function isFloat(form: AvroForm): boolean {
  return form === "float" || form === "double";
}

/** The cast from text looks for a relation, also of the name `-`, which is how no relation is printed; from bpchar, the type reads its own text. */
const regclass = "2205";

/** PostgreSQL's type of each native form; int is also int2's, whose range the assignment checks. */
const nativeType: Readonly<Record<string, string>> = {
  boolean: "bool",
  int: "int4",
  long: "int8",
  float: "float4",
  double: "float8",
  bytes: "bytea",
  string: "text",
};
