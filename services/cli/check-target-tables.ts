/**
 * What `offtake check` asks of a target's tables: whether the source's rows fit into them, and whether the applier may write and can find them.
 *
 * Source: PostgreSQL documentation, "Privileges", "Type Conversion", Value Storage.
 */
import { escapeIdentifier, escapeLiteral, type ClientBase } from "pg";
import type { TargetSession } from "../apply/target-session.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { type Mapped as MappedTables, mappingOf, type TableMapping, targetColumn } from "../runtime/table-mapping.ts";
import { uniqueFindings } from "./check-target-unique.ts";
import { fault, type Finding, warning } from "./finding.ts";
import { fullName, quotedName, type TableName } from "../runtime/table-pattern.ts";
import { type ColumnShape, readShapes, type TableShape } from "./table-shape.ts";

// A schema that is not there is created along with its first table.
const createSql = `
  SELECT current_user AS role, coalesce((SELECT has_schema_privilege(oid, 'CREATE') FROM pg_catalog.pg_namespace WHERE nspname = $1), true) AS creates`;

const rightsSql = `
  SELECT current_user AS role, has_schema_privilege(c.relnamespace, 'USAGE') AS usable,
         ARRAY(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS p WHERE NOT has_table_privilege(c.oid, p)) AS missing
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE n.nspname = $1 AND c.relname = $2`;

const statesSql = `
  SELECT ARRAY(SELECT format('%s.%I', p.relnamespace::regnamespace, p.relname)
                 FROM (SELECT c.oid UNION SELECT relid FROM pg_catalog.pg_partition_tree(c.oid)) AS tree (oid)
                 JOIN pg_catalog.pg_class p ON p.oid = tree.oid AND p.relpersistence = 'u') AS unlogged,
         ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attidentity = 'a' AND NOT a.attisdropped) AS identities,
         EXISTS (SELECT 1 FROM pg_catalog.pg_constraint f WHERE f.contype = 'f' AND f.confrelid = c.oid) AS referenced
    FROM pg_catalog.pg_class c
   WHERE c.oid = to_regclass($1)`;

// An index that is checked late, or only for some rows, cannot say whether a row is there.
const uniqueSql = `
  SELECT EXISTS (
    SELECT 1
      FROM pg_catalog.pg_index i
     WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
       AND ARRAY(SELECT a.attname::text
                   FROM pg_catalog.pg_attribute a
                  WHERE a.attrelid = i.indrelid AND a.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1]) ORDER BY 1)
         = ARRAY(SELECT name FROM unnest($2::text[]) AS name ORDER BY 1)) AS there`;

type Mapped = Pick<ServiceConfiguration, "name"> & MappedTables;

/**
 * @param replica whether the applier's role may put foreign keys to sleep
 * @param wanted the tables as the source has them, without what it generates and does not publish
 */
export async function checkTargetTables(
  { client, replica }: Pick<TargetSession, "client" | "replica">,
  service: Mapped,
  wanted: readonly TableShape[],
): Promise<Finding[]> {
  const where = `service ${service.name}`;
  const there = await readShapes(
    client,
    wanted.map((source) => mappingOf(service, source)),
  );
  const findings: Finding[] = [];
  const created = new Set<string>();
  for (const source of wanted) {
    const mapping = mappingOf(service, source);
    findings.push(...mappingFaults(where, source, mapping));
    const { schema, table } = mapping;
    const shown = `${schema}.${table}`;
    const name = quotedName(mapping);
    const found = there.find((each) => each.schema === schema && each.table === table);
    if (found === undefined) {
      if (!mapping.differs && !created.has(schema)) findings.push(...(await creationFaults(client, where, schema)));
      created.add(schema);
      findings.push(
        mapping.differs
          ? fault(where, `its target has no table ${shown}, and a table with a mapping is not created`, `CREATE TABLE ${name} (…);`)
          : fault(where, `its target has no table ${shown}`, "offtake up --create-tables"),
      );
      continue;
    }
    // Where the source generates a column and publishes it all the same, the target has it, too, and may generate it.
    const columns = source.columns.flatMap((column) => {
      const target = targetColumn(mapping, column.name);
      return (column.generated && !column.published) || target === undefined ? [] : [{ ...column, name: target }];
    });
    const key = source.key.flatMap((column) => targetColumn(mapping, column) ?? []);
    const rights = await rightFaults(client, where, mapping);
    findings.push(...rights.findings);
    // Nothing can be asked by name in a schema that the role may not use.
    if (!rights.usable) continue;
    findings.push(...(await stateFindings(client, where, { shown, name }, replica)));
    for (const column of columns) findings.push(...columnFindings(where, { shown, name }, column, key.includes(column.name), found.columns));
    findings.push(...uniqueFindings(where, source, mapping, found, replica));
    if (key.length > 0 && !(await isUnique(client, name, key)))
      findings.push(
        warning(
          where,
          `the target's table ${shown} has no unique index on ${key.join(", ")}: every change searches the whole table, and a row that is there twice is not noticed`,
          `CREATE UNIQUE INDEX ON ${name} (${key.map(escapeIdentifier).join(", ")});`,
        ),
      );
  }
  return findings;
}

/** Names of the mapping that the source does not have, and keys that it leaves out. */
function mappingFaults(where: string, source: TableShape, { columns, exclude }: TableMapping): Finding[] {
  const shown = `${source.schema}.${source.table}`;
  return [
    ...[...columns.keys(), ...exclude]
      .filter((name) => !source.columns.some((column) => column.name === name))
      .map((name) =>
        fault(
          where,
          `the mapping of ${shown} names the column ${name}, which the source does not have`,
          "Mend `columns` and `exclude` in offtake.yaml.",
        ),
      ),
    ...source.key
      .filter((name) => exclude.has(name))
      .map((name) =>
        fault(
          where,
          `\`exclude\` leaves out the column ${name} of the key of ${shown}: rows could not be found`,
          "Take it out of `exclude` in offtake.yaml.",
        ),
      ),
  ];
}

/** What `up --create-tables` would meet in the middle, when publication and schema offtake are there already. */
async function creationFaults(client: ClientBase, where: string, schema: string): Promise<Finding[]> {
  const { rows } = await client.query<{ role: string; creates: boolean }>(createSql, [schema]);
  const { role, creates } = rows[0]!;
  if (creates) return [];
  const sql = `GRANT USAGE, CREATE ON SCHEMA ${escapeIdentifier(schema)} TO ${escapeIdentifier(role)};`;
  return [fault(where, `the role ${role} may not create tables in the target's schema ${schema}`, sql)];
}

async function rightFaults(client: ClientBase, where: string, table: TableName): Promise<{ usable: boolean; findings: Finding[] }> {
  const { rows } = await client.query<{ role: string; usable: boolean; missing: string[] }>(rightsSql, [table.schema, table.table]);
  const { role, usable, missing } = rows[0]!;
  if (usable && missing.length === 0) return { usable, findings: [] };
  const to = escapeIdentifier(role);
  const sql = [
    ...(usable ? [] : [`GRANT USAGE ON SCHEMA ${escapeIdentifier(table.schema)} TO ${to};`]),
    ...(missing.length === 0 ? [] : [`GRANT ${missing.join(", ")} ON ${quotedName(table)} TO ${to};`]),
  ];
  return { usable, findings: [fault(where, `the role ${role} may not write the target's table ${fullName(table)}`, sql.join(" "))] };
}

async function stateFindings(client: ClientBase, where: string, table: { shown: string; name: string }, replica: boolean): Promise<Finding[]> {
  const { rows } = await client.query<{ unlogged: string[]; identities: string[]; referenced: boolean }>(statesSql, [table.name]);
  const { unlogged, identities, referenced } = rows[0]!;
  return [
    ...unlogged.map((each) =>
      fault(
        where,
        `the target's table ${each} is unlogged: a crash would empty it, and nothing would fill it again`,
        `ALTER TABLE ${each} SET LOGGED;`,
      ),
    ),
    ...(replica || !referenced ? [] : identities).map((column) =>
      warning(
        where,
        `the column ${column} of ${table.shown} is GENERATED ALWAYS AS IDENTITY, and foreign keys refer to the table: the applier stops before a change of it`,
        `ALTER TABLE ${table.name} ALTER COLUMN ${escapeIdentifier(column)} SET GENERATED BY DEFAULT;`,
      ),
    ),
  ];
}

function columnFindings(
  where: string,
  table: { shown: string; name: string },
  wanted: ColumnShape,
  isKey: boolean,
  there: readonly ColumnShape[],
): Finding[] {
  const found = there.find(({ name }) => name === wanted.name);
  const column = escapeIdentifier(wanted.name);
  const alter = `ALTER TABLE ${table.name}`;
  if (found === undefined) return [missingColumn(where, table.shown, `${alter} ADD COLUMN ${column} ${wanted.type}`, wanted)];
  if (found.generated)
    return isKey
      ? [
          fault(
            where,
            `the target's table ${table.shown} generates the column ${wanted.name} of the key`,
            `${alter} ALTER COLUMN ${column} DROP EXPRESSION;`,
          ),
        ]
      : [];
  if (found.typeName === wanted.typeName && found.modifier === wanted.modifier) return [];
  return [
    warning(
      where,
      `the column ${wanted.name} of ${table.shown} is ${found.type}, at the source ${wanted.type}: what does not fit stops the applier, and digits beyond its scale are rounded`,
      `${alter} ALTER COLUMN ${column} TYPE ${wanted.type};`,
    ),
  ];
}

/** Added without the default that it was added with at the source, a column would leave older rows without what they have there, and no event would say so. */
function missingColumn(where: string, shown: string, add: string, { name, older, filled }: ColumnShape): Finding {
  const what = `the target's table ${shown} has no column ${name}`;
  if (older !== null)
    return fault(where, `${what}; at the source older rows have the default that it was added with`, `${add} DEFAULT ${escapeLiteral(older)};`);
  return fault(where, filled ? `${what}; rows that are at the target already get NULL in it, and need their values of the source` : what, `${add};`);
}

async function isUnique(client: ClientBase, name: string, key: readonly string[]): Promise<boolean> {
  return (await client.query<{ there: boolean }>(uniqueSql, [name, key])).rows[0]?.there === true;
}
