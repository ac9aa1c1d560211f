/**
 * `offtake up`: creates what is missing between the monolith and the services' databases: publications, schemas `offtake`, topics, slots, and with
 * --create-tables the targets' tables. Run again it finds everything there and changes nothing.
 *
 * The order matters: the target is ready before a slot holds any WAL, and slot and topic come into being together (open-topic.ts).
 */
import type { Client } from "pg";
import { listTables } from "../../connectors/postgres/catalog-tables.ts";
import { ensurePublication } from "../../connectors/postgres/create-publication.ts";
import { openSlotAndTopic } from "../../connectors/postgres/open-topic.ts";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { readSlot } from "../../connectors/postgres/slot.ts";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { ensureTopic } from "../../connectors/kafka/topic.ts";
import { createTables, type CreatedTables } from "../apply/create-tables.ts";
import { markNeedsCopy, migrateTarget } from "../apply/migrate-target.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";
import { expandTables } from "../runtime/expand-tables.ts";
import type { TableName } from "../runtime/table-pattern.ts";
import type { Terminal } from "./terminal.ts";

export interface UpOptions {
  readonly createTables: boolean;
}

export interface ServiceUp {
  readonly service: string;
  readonly connector: string;
  readonly publication: "created" | "extended" | "present";
  /** Versions of the schema offtake that were installed now. */
  readonly migrations: readonly number[];
  readonly topic: "created" | "raised" | "present";
  readonly slot: "created" | "present";
  /** Undefined without --create-tables. */
  readonly tables: CreatedTables | undefined;
  /** Tables whose rows from before are not in the stream. */
  readonly notCopied: readonly string[];
}

/** @throws OfftakeError */
export async function up(configuration: Configuration, options: UpOptions, terminal: Terminal, signal: AbortSignal): Promise<ServiceUp[]> {
  const { url } = configuration.source;
  const source = await openSession(url, { side: "source", applicationName: "offtake up", statementTimeoutMs: 120_000 });
  const cluster = new KafkaCluster(configuration.kafka, "offtake-up");
  try {
    const registry = new Registry(configuration.registry.url);
    const owned = expandTables(configuration.services, await listTables(source));
    const done: ServiceUp[] = [];
    for (const connector of configuration.connectors) {
      const service = configuration.services.find((each) => each.name === connector.service)!;
      const context = {
        configuration,
        connector,
        service,
        source,
        cluster,
        registry,
        tables: owned.get(service.name) ?? [],
        options,
        terminal,
        signal,
      };
      done.push(await upService(context));
    }
    return done;
  } catch (error) {
    throw sessionError(error, "source", url);
  } finally {
    await cluster.close();
    await endSession(source);
  }
}

interface UpContext {
  readonly configuration: Configuration;
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  readonly source: Client;
  readonly cluster: KafkaCluster;
  readonly registry: Registry;
  readonly tables: readonly TableName[];
  readonly options: UpOptions;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

async function upService(context: UpContext): Promise<ServiceUp> {
  const { configuration, connector, service, source, cluster, tables, options, terminal } = context;
  const say = (what: string): void => terminal.progress(`${service.name}: ${what}`);
  const target = await openSession(service.target.url, {
    side: "target",
    applicationName: "offtake up",
    statementTimeoutMs: 120_000,
    settings: { search_path: "public" },
  });
  try {
    const publication = await ensurePublication(source, connector.publication, tables);
    say(`publication ${connector.publication} ${publication.done}, ${tables.length} tables`);
    const migrations = await migrateTarget(target);
    const created = options.createTables
      ? await createTables({ source, target, service: service.name, tables, targetSchema: service.target.schema })
      : undefined;
    if (created !== undefined) say(`tables: ${created.created.length} created, ${created.present.length} present`);
    for (const { what, why } of created?.leftOut ?? []) say(`left out: ${what}: ${why}`);
    const topic = await ensureTopic(cluster, service.topic, configuration.kafka, configuration.mode === "production");
    say(`topic ${service.topic} ${topic}`);
    const slotBefore = await readSlot(source, connector.slot);
    if (slotBefore === undefined) say(`slot ${connector.slot}: waiting for the transactions that are open at the source`);
    const opened = await openSlotAndTopic(context, slotBefore);
    say(`slot ${connector.slot} ${opened.slot}`);
    const late = opened.slot === "present" ? await withRows(source, publication.added) : opened.withRows;
    const notCopied = late.map(({ schema, table }) => `${schema}.${table}`);
    if (notCopied.length > 0) {
      await markNeedsCopy(target, connector.name, notCopied, "rows from before `offtake up`");
      say(`NOT COPIED: ${notCopied.join(", ")} had rows before; this version replicates what changes from now on, and cannot copy them yet`);
    }
    return {
      service: service.name,
      connector: connector.name,
      publication: publication.done,
      migrations,
      topic,
      slot: opened.slot,
      tables: created,
      notCopied,
    };
  } catch (error) {
    throw sessionError(error, "target", service.target.url);
  } finally {
    await endSession(target);
  }
}

/** Those that have rows now: tables that joined a publication whose slot was there already. */
async function withRows(source: Client, tables: readonly TableName[]): Promise<TableName[]> {
  const found: TableName[] = [];
  for (const table of tables) {
    const { rows } = await source.query<{ some: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM ${source.escapeIdentifier(table.schema)}.${source.escapeIdentifier(table.table)}) AS some`,
    );
    if (rows[0]?.some === true) found.push(table);
  }
  return found;
}

export function upText(services: readonly ServiceUp[]): string {
  const lines = services.map(({ service, connector, slot, topic, notCopied }) => {
    const uncopied = notCopied.length === 0 ? "" : `; rows from before are NOT copied: ${notCopied.join(", ")}`;
    return `${service}: connector ${connector}, slot ${slot}, topic ${topic}${uncopied}`;
  });
  return [...lines, "Next: offtake run"].join("\n");
}
