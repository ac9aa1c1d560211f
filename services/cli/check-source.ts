/**
 * What `offtake check` asks of the monolith as a whole: its settings, and the role's right to replicate.
 *
 * Source: PostgreSQL documentation, "Logical Replication", Configuration Settings, Security.
 */
import { escapeIdentifier, type Client } from "pg";
import { readSlot } from "../../connectors/postgres/slot.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { fault, type Finding, warning } from "./finding.ts";

const serverSql = `
  SELECT current_setting('wal_level') AS wal_level,
         current_setting('max_replication_slots')::int AS max_slots, (SELECT count(*)::int FROM pg_catalog.pg_replication_slots) AS slots,
         current_setting('max_wal_senders')::int AS max_senders, (SELECT count(*)::int FROM pg_catalog.pg_stat_replication) AS senders,
         (SELECT setting::float8 * 1048576 FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size') AS keep_bytes,
         pg_encoding_to_char(d.encoding) AS encoding, r.rolreplication OR r.rolsuper AS may_replicate, r.rolname AS role, pg_is_in_recovery() AS standby,
         pg_has_role('pg_read_all_stats', 'USAGE') AS sees_sessions,
         (SELECT p.oid::regprocedure::text
            FROM pg_catalog.pg_proc p
           WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = 'pg_logical_emit_message' AND p.proargtypes[2] = 'text'::regtype
             AND NOT has_function_privilege(p.oid, 'EXECUTE')) AS silenced
    FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
   WHERE d.datname = current_database() AND r.rolname = current_user`;

interface ServerRow {
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
  sees_sessions: boolean;
  /** The function that the role may not call; null where it may. */
  silenced: string | null;
}

/** @returns what is wrong with the server as a whole */
export async function checkServer(source: Client, configuration: Configuration): Promise<Finding[]> {
  const { rows } = await source.query<ServerRow>(serverSql);
  const server = rows[0]!;
  const findings: Finding[] = [];
  const where = "source";
  if (server.wal_level !== "logical")
    findings.push(
      fault(
        where,
        `wal_level is ${server.wal_level}, which leaves out what logical decoding needs`,
        "ALTER SYSTEM SET wal_level = 'logical'; -- and restart the source",
      ),
    );
  const slots = await Promise.all(configuration.connectors.map(async ({ slot }) => readSlot(source, slot)));
  const missing = slots.filter((slot) => slot === undefined).length;
  const freeSlots = server.max_slots - server.slots;
  if (freeSlots < missing)
    findings.push(
      fault(
        where,
        `${missing} slots are needed and ${freeSlots} of max_replication_slots = ${server.max_slots} are free`,
        `ALTER SYSTEM SET max_replication_slots = ${server.slots + missing + 2}; -- and restart the source`,
      ),
    );
  const idle = slots.filter((slot) => slot?.active !== true).length;
  const freeSenders = server.max_senders - server.senders;
  if (freeSenders < idle)
    findings.push(
      fault(
        where,
        `${idle} WAL senders are needed and ${freeSenders} of max_wal_senders = ${server.max_senders} are free`,
        `ALTER SYSTEM SET max_wal_senders = ${server.senders + idle + 2}; -- and restart the source`,
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
  if (server.silenced !== null)
    findings.push(
      fault(
        where,
        `the role ${server.role} may not write messages to the WAL: heartbeats, without which nobody knows how far a copy or a comparison is`,
        `GRANT EXECUTE ON FUNCTION ${server.silenced} TO ${escapeIdentifier(server.role)};`,
      ),
    );
  // Without it others' state and query are hidden, and none of them is ruled out (snapshot-suspects.ts).
  if (!server.sees_sessions)
    findings.push(
      warning(
        where,
        `the role ${server.role} does not see what other sessions do: the copy of a table waits for every transaction that has written to it before, however long it stays open`,
        `GRANT pg_read_all_stats TO ${escapeIdentifier(server.role)};`,
      ),
    );
  if (server.standby)
    findings.push(
      fault(where, "the source is a standby: publications and heartbeats need the primary", "Give source.url the address of the primary."),
    );
  return findings;
}
