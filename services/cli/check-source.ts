/**
 * What `offtake check` asks of the monolith: settings, rights, slots, publications, and whether each table can be replicated.
 *
 * Source: PostgreSQL documentation, "Logical Replication", Configuration Settings, Security; "ALTER TABLE", REPLICA IDENTITY.
 */
import { escapeIdentifier, type Client } from "pg";
import { publicationFaults, readPublication } from "../../connectors/postgres/publication.ts";
import { slotHealth } from "../../connectors/postgres/slot-health.ts";
import { readSlot } from "../../connectors/postgres/slot.ts";
import type { Configuration, ConnectorConfiguration } from "../runtime/configuration.ts";
import type { TableName } from "../runtime/table-pattern.ts";
import { fault, type Finding, note, warning } from "./finding.ts";

/** The oldest that pgoutput's options and the catalogs are used of. */
const oldestMajor = 15;

const serverSql = `
  SELECT current_setting('server_version_num')::int AS version, current_setting('wal_level') AS wal_level,
         current_setting('max_replication_slots')::int AS max_slots, (SELECT count(*)::int FROM pg_catalog.pg_replication_slots) AS slots,
         current_setting('max_wal_senders')::int AS max_senders, (SELECT count(*)::int FROM pg_catalog.pg_stat_replication) AS senders,
         (SELECT setting::float8 * 1048576 FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_bytes,
         pg_encoding_to_char(d.encoding) AS encoding, r.rolreplication OR r.rolsuper AS may_replicate, r.rolname AS role, pg_is_in_recovery() AS standby,
         has_database_privilege(current_database(), 'CREATE') AS may_create
    FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
   WHERE d.datname = current_database() AND r.rolname = current_user`;

interface ServerRow {
  version: number;
  wal_level: string;
  max_slots: number;
  slots: number;
  max_senders: number;
  senders: number;
  keep_bytes: number;
  encoding: string;
  may_replicate: boolean;
  role: string;
  standby: boolean;
  may_create: boolean;
}

/** @returns what is wrong with the server as a whole */
export async function checkServer(source: Client, configuration: Configuration): Promise<Finding[]> {
  const { rows } = await source.query<ServerRow>(serverSql);
  const server = rows[0]!;
  const findings: Finding[] = [];
  const where = "source";
  const major = Math.floor(server.version / 10_000);
  if (major < oldestMajor)
    findings.push(fault(where, `PostgreSQL ${major} is older than ${oldestMajor}`, `Upgrade the source to PostgreSQL ${oldestMajor} or later.`));
  if (server.wal_level !== "logical")
    findings.push(
      fault(
        where,
        `wal_level is ${server.wal_level}, which leaves out what logical decoding needs`,
        "ALTER SYSTEM SET wal_level = 'logical'; and restart the source.",
      ),
    );
  const present = await Promise.all(configuration.connectors.map(async ({ slot }) => (await readSlot(source, slot)) !== undefined));
  const missing = present.filter((there) => !there).length;
  const freeSlots = server.max_slots - server.slots;
  if (freeSlots < missing)
    findings.push(
      fault(
        where,
        `${missing} slots are needed and ${freeSlots} of max_replication_slots = ${server.max_slots} are free`,
        `ALTER SYSTEM SET max_replication_slots = ${server.slots + missing + 2}; and restart the source.`,
      ),
    );
  const freeSenders = server.max_senders - server.senders;
  const active = configuration.connectors.length;
  if (freeSenders < missing || server.max_senders < active)
    findings.push(
      fault(
        where,
        `${active} WAL senders are needed and ${freeSenders} of max_wal_senders = ${server.max_senders} are free`,
        `ALTER SYSTEM SET max_wal_senders = ${server.senders + active + 2}; and restart the source.`,
      ),
    );
  const budget = configuration.source.maxRetainedWalBytes;
  if (server.keep_bytes < 0)
    findings.push(
      warning(
        where,
        "max_slot_wal_keep_size is unlimited: a slot that nobody reads fills the monolith's disk",
        `ALTER SYSTEM SET max_slot_wal_keep_size = '${Math.round((budget * 1.5) / 1_048_576)}MB'; SELECT pg_reload_conf();`,
      ),
    );
  else if (server.keep_bytes < budget)
    findings.push(
      warning(
        where,
        `max_slot_wal_keep_size (${Math.round(server.keep_bytes / 1_048_576)} MB) is less than source.maxRetainedWal: a slot is lost before its alarm`,
        `ALTER SYSTEM SET max_slot_wal_keep_size = '${Math.round((budget * 1.5) / 1_048_576)}MB'; SELECT pg_reload_conf();`,
      ),
    );
  if (server.encoding === "SQL_ASCII")
    findings.push(
      fault(
        where,
        "the database's encoding is SQL_ASCII: its texts have no known encoding",
        "Dump it, and restore it into a database with encoding UTF8.",
      ),
    );
  if (!server.may_replicate)
    findings.push(fault(where, `the role ${server.role} may not replicate`, `ALTER ROLE ${escapeIdentifier(server.role)} REPLICATION;`));
  if (server.standby)
    findings.push(
      fault(where, "the source is a standby: publications and heartbeats need the primary", "Give source.url the address of the primary."),
    );
  else if (!server.may_create)
    findings.push(
      warning(
        where,
        `the role ${server.role} may not create publications here`,
        `GRANT CREATE ON DATABASE … TO ${escapeIdentifier(server.role)}; or let the tables' owner create them.`,
      ),
    );
  return findings;
}

/** @param tables the service's, as the catalog names them */
export async function checkConnector(
  source: Client,
  connector: ConnectorConfiguration,
  tables: readonly TableName[],
  maxRetainedWalBytes: number,
): Promise<Finding[]> {
  const where = `connector ${connector.name}`;
  const findings: Finding[] = [];
  const publication = await readPublication(source, connector.publication);
  if (publication === undefined) findings.push(note(where, `the publication ${connector.publication} does not exist yet: \`offtake up\` creates it`));
  else
    findings.push(
      ...publicationFaults(publication, tables).map(({ what, cure }) => fault(where, `the publication ${connector.publication} ${what}`, cure)),
    );
  const slot = await readSlot(source, connector.slot);
  if (slot === undefined) findings.push(note(where, `the slot ${connector.slot} does not exist yet: \`offtake up\` creates it`));
  else if (slot.plugin !== "pgoutput")
    findings.push(
      fault(
        where,
        `the slot ${connector.slot} is for ${slot.plugin || "physical replication"}, not for pgoutput`,
        "Choose another name in the connector's `slot`.",
      ),
    );
  else {
    const health = slotHealth(slot, maxRetainedWalBytes);
    if (health.word === "lost")
      findings.push(
        fault(where, `the slot ${connector.slot}: ${health.reason}`, "The service's tables have to be copied again; raise max_slot_wal_keep_size."),
      );
    else if (health.word !== "ok" && health.word !== "inactive")
      findings.push(
        warning(where, `the slot ${connector.slot}: ${health.reason}`, "Start its connector, or find out what holds it up: offtake status"),
      );
  }
  return [...findings, ...(await checkTables(source, where, tables))];
}

const tablesSql = `
  SELECT n.nspname AS schema, c.relname AS table, c.relreplident AS identity, c.relpersistence = 'u' AS unlogged,
         EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate) AS keyed,
         EXISTS (SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisreplident) AS indexed
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name
   ORDER BY 1, 2`;

async function checkTables(source: Client, where: string, tables: readonly TableName[]): Promise<Finding[]> {
  const { rows } = await source.query<{ schema: string; table: string; identity: string; unlogged: boolean; keyed: boolean; indexed: boolean }>(
    tablesSql,
    [tables.map((table) => table.schema), tables.map((table) => table.table)],
  );
  return rows.flatMap(({ schema, table, identity, unlogged, keyed, indexed }): Finding[] => {
    const name = `${escapeIdentifier(schema)}.${escapeIdentifier(table)}`;
    const shown = `the table ${schema}.${table}`;
    if (unlogged) return [fault(where, `${shown} is unlogged: its changes are not in the WAL`, `ALTER TABLE ${name} SET LOGGED;`)];
    const cure = `ALTER TABLE ${name} ADD PRIMARY KEY (…); or ALTER TABLE ${name} REPLICA IDENTITY FULL;`;
    if (identity === "n")
      return [
        fault(
          where,
          `${shown} has REPLICA IDENTITY NOTHING: updates and deletes cannot be published`,
          `ALTER TABLE ${name} REPLICA IDENTITY ${keyed ? "DEFAULT" : "FULL"};`,
        ),
      ];
    if (identity === "d" && !keyed)
      return [
        fault(
          where,
          `${shown} has no primary key and no other identity: once it is published, the monolith itself refuses to update or delete its rows`,
          cure,
        ),
      ];
    if (identity === "i" && !indexed) return [fault(where, `${shown} has lost the index of its REPLICA IDENTITY`, cure)];
    return [];
  });
}
