/**
 * What `offtake check` asks of the monolith for one connector: its publication and its slot.
 *
 * Source: PostgreSQL documentation, "CREATE PUBLICATION", "pg_replication_slots".
 */
import type { Client } from "pg";
import { neededOptions, publicationSql } from "../../connectors/postgres/create-publication.ts";
import { publicationFaults, readPublication } from "../../connectors/postgres/publication.ts";
import { slotHealth } from "../../connectors/postgres/slot-health.ts";
import { readSlot } from "../../connectors/postgres/slot.ts";
import { recoverCommand } from "../../connectors/postgres/slot-loss.ts";
import type { ConnectorConfiguration } from "../runtime/configuration.ts";
import type { TableName } from "../runtime/table-pattern.ts";
import { checkCopies } from "./check-copies.ts";
import { checkSourceTables } from "./check-source-tables.ts";
import { fault, type Finding, note, warning } from "./finding.ts";

/**
 * @param tables the service's, as the catalog names them
 * @param begun whether events of it are applied: what does not exist has been there, then
 */
export async function checkConnector(
  source: Client,
  connector: ConnectorConfiguration,
  tables: readonly TableName[],
  maxRetainedWalBytes: number,
  begun: boolean,
): Promise<Finding[]> {
  const where = `connector ${connector.name}`;
  const findings: Finding[] = [];
  const publication = await readPublication(source, connector.publication);
  if (publication !== undefined)
    findings.push(
      ...publicationFaults(publication, tables).map(({ what, cure }) => fault(where, `the publication ${connector.publication} ${what}`, cure)),
    );
  else if (begun)
    findings.push(
      fault(where, `the publication ${connector.publication} does not exist any more: rows that change meanwhile are in no stream`, "offtake up"),
    );
  else if (await mayPublish(source, tables))
    findings.push(note(where, `the publication ${connector.publication} does not exist yet: \`offtake up\` creates it`));
  else
    findings.push(
      fault(
        where,
        `the publication ${connector.publication} does not exist, and the role may not create it: it does not own all of the tables, or lacks CREATE on the database`,
        publicationSql(connector.publication, tables, await neededOptions(source, tables)),
      ),
    );
  const slot = await readSlot(source, connector.slot);
  if (slot === undefined && begun)
    findings.push(
      fault(
        where,
        `the slot ${connector.slot} does not exist any more, and events of it are applied: what was committed since is in no stream`,
        recoverCommand(connector.name),
      ),
    );
  else if (slot === undefined) findings.push(note(where, `the slot ${connector.slot} does not exist yet: \`offtake up\` creates it`));
  else if (slot.plugin !== "pgoutput" || slot.database !== (await databaseOf(source)))
    findings.push(
      fault(
        where,
        `the slot ${connector.slot} is for ${slot.plugin || "physical replication"}${slot.database === "" ? "" : ` in the database ${slot.database}`}, not for pgoutput in this one`,
        "Choose another name in the connector's `slot`.",
      ),
    );
  else {
    const health = slotHealth(slot, maxRetainedWalBytes);
    if (health.word === "lost")
      findings.push(
        fault(where, `the slot ${connector.slot}: ${health.reason}`, `Raise max_slot_wal_keep_size, then: ${recoverCommand(connector.name)}`),
      );
    else if (health.word !== "ok" && health.word !== "inactive")
      findings.push(
        warning(where, `the slot ${connector.slot}: ${health.reason}`, "Start its connector, or find out what holds it up: offtake status"),
      );
  }
  const faulty = await checkSourceTables(source, where, tables);
  // What cannot be followed has to be mended first, which may give it a key.
  const copies = faulty.some(({ level }) => level === "fault") ? [] : await checkCopies(source, where, tables, connector.publication);
  return [...findings, ...faulty, ...copies];
}

const mayPublishSql = `
  SELECT has_database_privilege(current_database(), 'CREATE')
     AND coalesce(bool_and(pg_has_role(c.relowner, 'USAGE')), true) AS may_publish
    FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
    JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name`;

async function mayPublish(source: Client, tables: readonly TableName[]): Promise<boolean> {
  const { rows } = await source.query<{ may_publish: boolean }>(mayPublishSql, [
    tables.map(({ schema }) => schema),
    tables.map(({ table }) => table),
  ]);
  return rows[0]?.may_publish === true;
}

async function databaseOf(source: Client): Promise<string> {
  return (await source.query<{ name: string }>("SELECT current_database() AS name")).rows[0]!.name;
}
