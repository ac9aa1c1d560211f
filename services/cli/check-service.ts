/**
 * What `offtake check` asks of a service's database and topic.
 */
import { escapeIdentifier, type Client } from "pg";
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { readTopicSettings, topicFaults } from "../../connectors/kafka/topic.ts";
import { endSession } from "../../connectors/postgres/session.ts";
import { openTargetSession } from "../apply/target-session.ts";
import type { Configuration, ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import type { TableName } from "../runtime/table-pattern.ts";
import { fault, type Finding, note, warning } from "./finding.ts";

export async function checkTopic(cluster: KafkaCluster, configuration: Configuration, { topic }: ServiceConfiguration): Promise<Finding[]> {
  const where = `topic ${topic}`;
  try {
    const faults = topicFaults(
      topic,
      await cluster.leader(topic),
      await readTopicSettings(cluster, topic),
      configuration.kafka.maxEventBytes,
      configuration.mode === "production",
    );
    return faults.map(({ what, cure }) => fault(where, `it ${what}`, cure));
  } catch (error) {
    if (error instanceof OfftakeError && error.code === "TOPIC_MISSING") return [note(where, "it does not exist yet: `offtake up` creates it")];
    throw error;
  }
}

const databaseSql = `
  SELECT current_user AS role, current_database() AS database, to_regnamespace('offtake') IS NOT NULL AS prepared,
         has_database_privilege(current_database(), 'CREATE') AS may_create, to_regnamespace($1) IS NOT NULL AS schema_there`;

/** @param wanted columns of each of the service's tables at the source */
export async function checkTarget(service: ServiceConfiguration, wanted: readonly SourceColumns[]): Promise<Finding[]> {
  const { client, replica } = await openTargetSession(service);
  const where = `service ${service.name}`;
  try {
    const { rows } = await client.query<{ role: string; database: string; prepared: boolean; may_create: boolean; schema_there: boolean }>(
      databaseSql,
      [escapeIdentifier(service.target.schema)],
    );
    const { role, database, prepared, may_create: mayCreate } = rows[0]!;
    const findings: Finding[] = [];
    if (!prepared && !mayCreate)
      findings.push(
        fault(
          where,
          `the role ${role} may not create the schema offtake`,
          `GRANT CREATE ON DATABASE ${escapeIdentifier(database)} TO ${escapeIdentifier(role)};`,
        ),
      );
    else if (!prepared) findings.push(note(where, "its target has no schema offtake yet: `offtake up` creates it"));
    if (!replica)
      findings.push(
        warning(
          where,
          "triggers and foreign keys of the target stay awake while rows are applied: slower, and its triggers fire again",
          `GRANT SET ON PARAMETER session_replication_role TO ${escapeIdentifier(role)};`,
        ),
      );
    return [...findings, ...(await checkColumns(client, where, service.target.schema, wanted))];
  } finally {
    await endSession(client);
  }
}

export interface SourceColumns extends TableName {
  readonly columns: readonly string[];
}

const columnsSql = `
  SELECT n.nspname AS schema, c.relname AS table, a.attname AS name, has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') AS writable
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
   WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY ($1) AND c.relname = ANY ($2)`;

async function checkColumns(client: Client, where: string, targetSchema: string, wanted: readonly SourceColumns[]): Promise<Finding[]> {
  const schemaOf = (schema: string): string => (schema === "public" ? targetSchema : schema);
  const { rows } = await client.query<{ schema: string; table: string; name: string; writable: boolean }>(columnsSql, [
    [...new Set(wanted.map(({ schema }) => schemaOf(schema)))],
    wanted.map(({ table }) => table),
  ]);
  return wanted.flatMap(({ schema, table, columns }): Finding[] => {
    const name = `${escapeIdentifier(schemaOf(schema))}.${escapeIdentifier(table)}`;
    const there = rows.filter((row) => row.schema === schemaOf(schema) && row.table === table);
    if (there.length === 0) return [fault(where, `its target has no table ${schemaOf(schema)}.${table}`, "offtake up --create-tables")];
    if (!there[0]!.writable)
      return [
        fault(
          where,
          `the applier's role may not write ${schemaOf(schema)}.${table}`,
          `GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON ${name} TO …;`,
        ),
      ];
    return columns
      .filter((column) => !there.some((row) => row.name === column))
      .map((column) =>
        fault(
          where,
          `the target's table ${schemaOf(schema)}.${table} has no column ${column}`,
          `ALTER TABLE ${name} ADD COLUMN ${escapeIdentifier(column)} …;`,
        ),
      );
  });
}
