/**
 * A table as it is compared: the contract's columns, in one order on both sides, whatever their order and names at the target; and the key by which rows are found. A column
 * that is compared with another one differs in every row, and one that is left out is never wrong.
 *
 * Pure, but for the reading of both catalogs.
 */
import { type Client, escapeIdentifier } from "pg";
import { OfftakeError } from "../runtime/errors.ts";
import { type RedactedColumns, type TableMapping, targetColumn } from "../runtime/table-mapping.ts";
import { fullName, quotedName, type TableName } from "../runtime/table-pattern.ts";
import { type Hashing, hashesAlike } from "./row-hash.ts";
import { type CatalogColumn, type CatalogTable, readCatalogTable } from "./side-catalog.ts";

export interface SideKey {
  /** Quoted. */
  readonly name: string;
  /** The type that a key's text is cast to. */
  readonly cast: string;
  /** Quoted schema of the operators that it is compared by. */
  readonly operators: string;
}

/** The table of one side, as statements name it. */
export interface SideTable {
  readonly oid: number;
  /** Quoted. */
  readonly name: string;
  /** The same as SELECT names it: without the tables that inherit from it, which are compared under their own names. */
  readonly from: string;
  /** Quoted names of the compared columns. */
  readonly columns: readonly string[];
  /** What of each is hashed. */
  readonly hashed: readonly string[];
  readonly hashing: Hashing;
  readonly key: readonly SideKey[];
}

export interface ComparedTable {
  /** Of the source. */
  readonly name: TableName;
  readonly source: SideTable;
  readonly target: SideTable;
  /** The source's names of the compared columns, in their order there. */
  readonly columns: readonly string[];
  /** For each whether its values must not be seen outside of the databases. */
  readonly redacted: readonly boolean[];
  /** For each whether its values print alike wherever they are: no catalog of a database, and no setting, has a part in their text. */
  readonly plain: readonly boolean[];
  /** Indexes of the key's columns, in the key's order. */
  readonly key: readonly number[];
  /** Whether keys that are equal are the same text. */
  readonly keyIsText: boolean;
  /** Whether both servers sort the key alike, so that a range of keys is the same rows on both. */
  readonly ordered: boolean;
}

/** Asks one side; what goes wrong there is that side's. */
export type CatalogReader = <T>(work: (client: Client) => Promise<T>) => Promise<T>;

/**
 * @param publication of the connector
 * @throws OfftakeError RECONCILE_TABLE_UNSUITABLE, TARGET_TABLE_MISSING, TARGET_COLUMN_MISSING, and of both sides
 */
export async function readComparedTable(
  source: CatalogReader,
  target: CatalogReader,
  name: TableName,
  mapping: TableMapping,
  publication: string,
  redact: RedactedColumns,
  hashing: Hashing,
): Promise<ComparedTable> {
  const [left, right] = await Promise.all([
    source(async (client) => readCatalogTable(client, name, publication)),
    target(async (client) => readCatalogTable(client, mapping, publication)),
  ]);
  if (left === undefined) throw unsuitable(name, "does not exist at the source", "Take it out of `tables`, or create it.");
  if (right === undefined)
    throw new OfftakeError("TARGET_TABLE_MISSING", `The target has no table ${fullName(mapping)}.`, {
      cure: "Create it, or let `offtake up --create-tables` do it.",
    });
  return comparedTable(name, left, right, mapping, redact, hashing);
}

/** @throws OfftakeError RECONCILE_TABLE_UNSUITABLE, TARGET_COLUMN_MISSING */
export function comparedTable(
  name: TableName,
  source: CatalogTable,
  target: CatalogTable,
  mapping: TableMapping,
  redact: RedactedColumns = nothing,
  hashing: Hashing = "representation",
): ComparedTable {
  if (source.key.length === 0)
    throw unsuitable(name, "has no key to find its rows by", "Give it a primary key that is not deferrable, or a unique index as REPLICA IDENTITY.");
  const pairs = source.columns.flatMap((column) => {
    const other = targetColumn(mapping, column.name);
    if (!column.published || other === undefined) return [];
    const found = target.columns.find((each) => each.name === other);
    if (found === undefined)
      throw new OfftakeError("TARGET_COLUMN_MISSING", `The target's table ${fullName(mapping)} has no column ${other}, which the monolith's has.`, {
        cure: `Add it, or name it in \`columns\` or \`exclude\` of the configuration.`,
      });
    return [[column, found] as const];
  });
  const key = source.key.map((each) => {
    const index = pairs.findIndex(([column]) => column.name === each);
    if (index === -1) throw unsuitable(name, `has the column ${each} in its key, which the target does not get`, "Take it out of `exclude`.");
    return index;
  });
  const lacking = redact.named.filter((column) => !source.columns.some((each) => each.name === column));
  if (lacking.length > 0) throw unsuitable(name, `has no column ${lacking.join(", ")}, which \`redact\` names`, "Mend `redact` in offtake.yaml.");
  const shownKey = source.key.filter((column) => redact.columns.has(column));
  if (shownKey.length > 0)
    throw unsuitable(
      name,
      `has the column ${shownKey.join(", ")} in its key, by which reports and repairs name its rows, and \`redact\` has it`,
      "Take it out of `redact`, or give the table another unique index as REPLICA IDENTITY.",
    );
  const printed = pairs.map((pair) => hashing === "value" && !hashesAlike(...pair));
  const side = (catalog: CatalogTable, table: TableName, columns: readonly CatalogColumn[]): SideTable => ({
    oid: catalog.oid,
    name: quotedName(table),
    from: `${catalog.partitioned ? "" : "ONLY "}${quotedName(table)}`,
    columns: columns.map((column) => escapeIdentifier(column.name)),
    hashed: columns.map((column, i) => `${escapeIdentifier(column.name)}${printed[i]! ? '::text COLLATE "C"' : ""}`),
    hashing,
    key: key.map((index) => keyOf(columns[index]!)),
  });
  return {
    name,
    source: side(
      source,
      name,
      pairs.map(([column]) => column),
    ),
    target: side(
      target,
      mapping,
      pairs.map(([, column]) => column),
    ),
    columns: pairs.map(([column]) => column.name),
    redacted: pairs.map(([column]) => redact.columns.has(column.name)),
    plain: pairs.map((pair) => pair.every(({ type }) => type.startsWith("pg_catalog.") && !/^pg_catalog\.(?:_?reg|_?money|_?xml)/.test(type))),
    key,
    keyIsText: key.every((index) => pairs[index]!.every(isText)),
    ordered: key.every((index) => sortsAlike(...pairs[index]!)),
  };
}

const nothing: RedactedColumns = { columns: new Set(), named: [] };

function keyOf({ name, cast, operators }: CatalogColumn): SideKey {
  return { name: escapeIdentifier(name), cast, operators: escapeIdentifier(operators) };
}

const numbers = ["int2", "int4", "int8", "numeric"];
const others = ["float4", "float8", "bool", "uuid", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "bytea", "oid", "pg_lsn"];
const texts = ["text", "varchar", "bpchar"];

/** Types of which the order is the same on every server; of texts, where the collation is the same one in the same version. */
function sortsAlike(source: CatalogColumn, target: CatalogColumn): boolean {
  const isOf = (types: readonly string[]): boolean => [source, target].every(({ type }) => types.includes(type.replace(/^pg_catalog\./, "")));
  if (isOf(numbers)) return true;
  if (source.type !== target.type && !isOf(["text", "varchar"])) return false;
  if (isOf(others)) return true;
  return isOf(texts) && source.collation !== null && source.collation === target.collation && !/of this server|false$/.test(source.collation);
}

/** Types of which equal values are one text, the same one in an event and in a row; of texts, where no collation takes different ones for equal. */
const oneText = ["int2", "int4", "int8", "uuid", "text", "varchar", "date", "timestamp", "timestamptz", "bytea"];

function isText({ type, collation }: CatalogColumn): boolean {
  return oneText.includes(type.replace(/^pg_catalog\./, "")) && collation?.endsWith("false") !== true;
}

/** @param what is wrong, as in "does not exist at the source" */
export function unsuitable(table: TableName, what: string, cure: string): OfftakeError {
  return new OfftakeError("RECONCILE_TABLE_UNSUITABLE", `The table ${fullName(table)} cannot be compared: it ${what}.`, { cure });
}
