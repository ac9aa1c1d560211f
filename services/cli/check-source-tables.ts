/**
 * What `offtake check` asks of the monolith's tables: whether their changes can be published, and whether the role may read them.
 *
 * Source: PostgreSQL documentation, "ALTER TABLE", REPLICA IDENTITY; "Logical Replication", Security.
 */
import { escapeIdentifier, type Client } from "pg";
import { partitionFaults, readPartitioned } from "../../connectors/postgres/partition-faults.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { fullName, quotedName, type TableName } from "../runtime/table-pattern.ts";
import { fault, type Finding } from "./finding.ts";

const tablesSql = `
  SELECT n.nspname AS schema, c.relname AS table, c.relreplident AS identity, c.relpersistence = 'u' AS unlogged, current_user AS role,
         has_schema_privilege(n.oid, 'USAGE') AS schema_usable, has_table_privilege(c.oid, 'SELECT') AS readable,
         has_table_privilege(c.oid, 'SELECT') AND row_security_active(c.oid) AS hidden,
         EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate) AS keyed,
         EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) AS indexed,
         ARRAY(SELECT a.attname::text
                 FROM pg_catalog.pg_index i
                 JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND array_position(i.indkey::int2[], a.attnum) < i.indnkeyatts
                WHERE i.indrelid = c.oid AND a.attgenerated <> '' AND CASE c.relreplident WHEN 'i' THEN i.indisreplident ELSE i.indisprimary END) AS generated_keys,
         ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped) AS virtuals
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
   ORDER BY 1, 2`;

interface TableRow extends TableName {
  identity: string;
  unlogged: boolean;
  role: string;
  schema_usable: boolean;
  readable: boolean;
  hidden: boolean;
  keyed: boolean;
  indexed: boolean;
  generated_keys: string[];
  virtuals: string[];
}

export async function checkSourceTables(source: Client, where: string, tables: readonly TableName[]): Promise<Finding[]> {
  const rows = await readTables(source, tables);
  const faults = rows.flatMap((row): Finding[] => [...identityFaults(where, row), ...rightFaults(where, row)]);
  return [...faults, ...(await partitionFindings(source, where, rows))];
}

/**
 * For those who are about to publish them: a table without an identity that is published is one that the monolith can no longer update.
 *
 * @throws OfftakeError TABLE_UNSUITABLE with the first fault
 */
export async function refuseUnsuitableTables(source: Client, tables: readonly TableName[]): Promise<void> {
  const rows = await readTables(source, tables);
  const [found] = [...rows.flatMap((row) => identityFaults("source", row)), ...(await partitionFindings(source, "source", rows))];
  if (found !== undefined) throw new OfftakeError("TABLE_UNSUITABLE", `${found.what[0]!.toUpperCase()}${found.what.slice(1)}.`, { cure: found.cure });
}

/** @returns by their full names, those of which updates and deletes could not be published, and how to mend it */
export async function unpublishableTables(source: Client, tables: readonly TableName[]): Promise<Map<string, Finding>> {
  const rows = await readTables(source, tables);
  return new Map(rows.flatMap((row) => identityFaults("source", row).map((finding) => [fullName(row), finding] as const)));
}

/** Of tables whose own identity is in order: what their partitions lack beside it is their own. */
async function partitionFindings(source: Client, where: string, rows: readonly TableRow[]): Promise<Finding[]> {
  const partitioned = await readPartitioned(
    source,
    rows.filter((row) => identityFaults(where, row).length === 0),
  );
  return partitioned.flatMap((each) => partitionFaults(each).map(({ what, cure }) => fault(where, `the table ${fullName(each)} ${what}`, cure)));
}

async function readTables(source: Client, tables: readonly TableName[]): Promise<TableRow[]> {
  const { rows } = await source.query<TableRow>(tablesSql, [tables.map((table) => table.schema), tables.map((table) => table.table)]);
  return rows;
}

/** Whether updates and deletes of it can be published. */
function identityFaults(where: string, row: TableRow): Finding[] {
  const { schema, table, identity, unlogged, keyed, indexed } = row;
  const name = quotedName({ schema, table });
  const shown = `the table ${schema}.${table}`;
  if (unlogged) return [fault(where, `${shown} is unlogged: its changes are not in the WAL`, `ALTER TABLE ${name} SET LOGGED;`)];
  const whole = `ALTER TABLE ${name} REPLICA IDENTITY FULL; -- or better, give it a primary key`;
  if (identity === "n")
    return [
      fault(
        where,
        `${shown} has REPLICA IDENTITY NOTHING: updates and deletes cannot be published`,
        keyed ? `ALTER TABLE ${name} REPLICA IDENTITY DEFAULT;` : whole,
      ),
    ];
  if (identity === "d" && !keyed)
    return [
      fault(
        where,
        `${shown} has no primary key and no other identity: once it is published, the monolith itself refuses to update or delete its rows`,
        whole,
      ),
    ];
  if (identity === "i" && !indexed) return [fault(where, `${shown} has lost the index of its REPLICA IDENTITY`, whole)];
  if (row.generated_keys.length > 0)
    return [
      fault(
        where,
        `${shown} has the generated column ${row.generated_keys.join(", ")} in its key, which is not published`,
        `Give ${name} a unique index of columns that are NOT NULL and not generated, and: ALTER TABLE ${name} REPLICA IDENTITY USING INDEX …;`,
      ),
    ];
  // PostgreSQL 18 refuses it; stored ones it accepts where the publication has them, see publication.ts.
  if (identity === "f" && row.virtuals.length > 0)
    return [
      fault(
        where,
        `${shown} has REPLICA IDENTITY FULL and the virtual generated column ${row.virtuals.join(", ")}: once it is published, the monolith itself refuses to update or delete its rows`,
        keyed ? `ALTER TABLE ${name} REPLICA IDENTITY DEFAULT;` : `Give ${name} a primary key, and: ALTER TABLE ${name} REPLICA IDENTITY DEFAULT;`,
      ),
    ];
  return [];
}

/** Whether `offtake up` can find out if it has rows from before. */
function rightFaults(where: string, { schema, table, role, schema_usable: usable, readable, hidden }: TableRow): Finding[] {
  const to = escapeIdentifier(role);
  if (hidden)
    return [fault(where, `row-level security hides rows of the table ${schema}.${table} from the role ${role}`, `ALTER ROLE ${to} BYPASSRLS;`)];
  if (usable && readable) return [];
  const sql = [
    ...(usable ? [] : [`GRANT USAGE ON SCHEMA ${escapeIdentifier(schema)} TO ${to};`]),
    ...(readable ? [] : [`GRANT SELECT ON ${quotedName({ schema, table })} TO ${to};`]),
  ];
  return [fault(where, `the role ${role} may not read the table ${schema}.${table}`, sql.join(" "))];
}
