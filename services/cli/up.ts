/**
 * `offtake up`: creates what is missing between the monolith and the services' databases: publications, schemas `offtake`, topics, slots, and with
 * --create-tables the targets' tables; with --recover a new slot in place of a lost one. Run again it finds everything there and changes nothing.
 *
 * The order matters: the target is ready before a slot holds any WAL, and slot and topic come into being together (open-topic.ts).
 */
import type { Client } from "pg";
import { readCaptured, recordCaptured } from "../../connectors/postgres/captured-tables.ts";
import { olderRows } from "../../connectors/postgres/copied-by-itself.ts";
import { ensurePublication } from "../../connectors/postgres/create-publication.ts";
import { judgeShapes, withShapes } from "../../connectors/postgres/judge-shapes.ts";
import { openTransactionsEnded } from "../../connectors/postgres/open-transactions.ts";
import { openSlotAndTopic } from "../../connectors/postgres/open-topic.ts";
import { readPartitioned } from "../../connectors/postgres/partition-faults.ts";
import { capturedTables, readPublication, refusePublication } from "../../connectors/postgres/publication.ts";
import { refuseStandby } from "../../connectors/postgres/refuse-standby.ts";
import { serviceTables } from "../../connectors/postgres/service-tables.ts";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { readSlot } from "../../connectors/postgres/slot.ts";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import { recoverSlot } from "../../connectors/postgres/recover-slot.ts";
import { pipelineNames, withStartOver } from "../../connectors/postgres/start-over.ts";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { ensureTopic } from "../../connectors/kafka/topic.ts";
import { createTables, type CreatedTables } from "../apply/create-tables.ts";
import { migrateTarget } from "../apply/migrate-target.ts";
import { markNeedsCopy, readNeedsCopy, unmarkNeedsCopy } from "../apply/needs-copy.ts";
import { tablesWithTargetRows } from "../apply/target-rows.ts";
import { withControl } from "../control/control-session.ts";
import { restartCopies } from "../control/snapshot-orders.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";
import { interrupted } from "../runtime/errors.ts";
import { mappingOf } from "../runtime/table-mapping.ts";
import { fullName, quotedName, type TableName } from "../runtime/table-pattern.ts";
import { refuseUnsuitableTables } from "./check-source-tables.ts";
import { databaseIdentity, ownTarget } from "./own-target.ts";
import { checkApplied, chosenConnectors, gapReason, markGap } from "./recover.ts";
import type { Terminal } from "./terminal.ts";
import { upControl } from "./up-control.ts";

export interface UpOptions {
  readonly createTables: boolean;
  /** The connector whose slot is lost: it alone is prepared. */
  readonly recover?: string | undefined;
}

export interface ServiceUp {
  readonly service: string;
  readonly connector: string;
  readonly publication: "created" | "extended" | "present";
  /** Versions of the schema offtake that were installed now. */
  readonly migrations: readonly number[];
  readonly topic: "created" | "raised" | "present";
  readonly slot: "created" | "recovered" | "present";
  /** Undefined without --create-tables. */
  readonly tables: CreatedTables | undefined;
  /** Tables with rows that are in no stream: from before, or from while they were out of the publication. */
  readonly notCopied: readonly string[];
}

/** @throws OfftakeError */
export async function up(configuration: Configuration, options: UpOptions, terminal: Terminal, signal: AbortSignal): Promise<ServiceUp[]> {
  const { url } = configuration.source;
  const connectors = chosenConnectors(configuration, options.recover);
  const source = await openSession(url, { side: "source", applicationName: "offtake up", statementTimeoutMs: 120_000 });
  const cluster = new KafkaCluster(configuration.kafka, "offtake-up");
  try {
    await refuseStandby(source, url);
    await upControl(configuration, terminal);
    const registry = new Registry(configuration.registry.url);
    const owned = await serviceTables(source, configuration.services);
    const done: ServiceUp[] = [];
    for (const connector of connectors) {
      if (signal.aborted) throw interrupted(`the service ${connector.service} was prepared`);
      const service = configuration.services.find((each) => each.name === connector.service)!;
      const context = {
        configuration,
        connector,
        service,
        source,
        cluster,
        registry,
        tables: owned.get(service.name) ?? [],
        elsewhere: [...owned].flatMap(([name, tables]) => (name === service.name ? [] : tables)),
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
  /** Of the other services. */
  readonly elsewhere: readonly TableName[];
  readonly options: UpOptions;
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
}

async function upService(context: UpContext): Promise<ServiceUp> {
  const { service, connector } = context;
  const { url } = service.target;
  const target = await openSession(url, {
    side: "target",
    applicationName: "offtake up",
    statementTimeoutMs: 120_000,
    settings: { search_path: "public" },
  });
  try {
    return await new ServiceOpening(context, target).run();
  } catch (error) {
    throw withStartOver(sessionError(error, "target", url), pipelineNames(context.configuration, connector, service));
  } finally {
    await endSession(target);
  }
}

/** Why a table is marked while it joins the publication of a slot that has begun before it. */
const joiningReason = olderRows.publication;

/** Milliseconds to wait for transactions that were open when a table joined. */
const patienceMs = 300_000;

class ServiceOpening {
  readonly #context: UpContext;
  readonly #target: Client;

  constructor(context: UpContext, target: Client) {
    this.#context = context;
    this.#target = target;
  }

  /** Each step leaves a state that the next run takes up, whatever interrupts this one. */
  async run(): Promise<ServiceUp> {
    const { configuration, connector, service, source, cluster, tables, options } = this.#context;
    await this.#refuseOwnTarget();
    await this.#onSource(async () => refuseUnsuitableTables(source, tables));
    const migrations = await migrateTarget(this.#target);
    const publication = await this.#onSource(async () => this.#publish());
    this.#say(`publication ${connector.publication} ${publication}, ${tables.length} tables`);
    const created = options.createTables ? await this.#createTables() : undefined;
    if (created !== undefined) this.#say(`tables: ${created.created.length} created, ${created.present.length} present`);
    for (const { what, why } of created?.leftOut ?? []) this.#say(`left out: ${what}: ${why}`);
    const topic = await ensureTopic(cluster, service.topic, configuration.kafka, configuration.mode === "production");
    this.#say(`topic ${service.topic} ${topic}`);
    if (service.deadLetterTopic !== undefined) {
      const done = await ensureTopic(cluster, service.deadLetterTopic, configuration.kafka, configuration.mode === "production");
      this.#say(`topic ${service.deadLetterTopic} ${done}`);
    }
    const slot = await this.#onSource(async () => this.#open());
    this.#say(`slot ${connector.slot} ${slot}`);
    const notCopied = await readNeedsCopy(this.#target, connector.name);
    if (notCopied.length > 0)
      this.#say(
        `NOT COPIED: ${notCopied.join(", ")} lack rows that were there before, or that came while the table was out; \`offtake run\` copies what can be copied without asking, \`offtake status\` says how to mend the rest`,
      );
    return { service: service.name, connector: connector.name, publication, migrations, topic, slot, tables: created, notCopied };
  }

  async #refuseOwnTarget(): Promise<void> {
    const { service, source, tables, elsewhere } = this.#context;
    const identity = await this.#onSource(async () => databaseIdentity(source));
    const error = (await databaseIdentity(this.#target)) === identity ? ownTarget(service, tables, [...tables, ...elsewhere]) : undefined;
    if (error !== undefined) throw error;
  }

  /** What a table with a mapping looks like at the target, nobody but its service knows. */
  async #createTables(): Promise<CreatedTables> {
    const { service, source, tables, elsewhere } = this.#context;
    const same = tables.filter((table) => !mappingOf(service, table).differs);
    const options = { source, target: this.#target, service: service.name, tables: same, targetSchema: service.target.schema, elsewhere };
    const created = await createTables(options);
    const leftOut = [...created.leftOut];
    for (const table of tables.filter((each) => !same.includes(each))) {
      const mapping = mappingOf(service, table);
      const { rows } = await this.#target.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [quotedName(mapping)]);
      if (rows[0]?.there !== true)
        leftOut.push({ what: `table ${fullName(mapping)}`, why: `offtake.yaml maps ${fullName(table)} to it: create it as its service wants it` });
    }
    return { ...created, leftOut };
  }

  /**
   * A table that joins while the slot is there already: what it had before is not in the stream. It is marked first, and looked at afterwards. One that the
   * connector has captured before may lack rows, and have too many, even when it is empty now.
   */
  async #publish(): Promise<ServiceUp["publication"]> {
    const { connector, service, source, tables } = this.#context;
    const late = (await readSlot(source, connector.slot)) !== undefined;
    const before = await this.#onTarget(async () => readCaptured(this.#target, connector.name));
    const { done, added } = await ensurePublication(source, connector.publication, tables, async (joining) => {
      if (late) await this.#mark(joining, joiningReason);
    });
    const isNew = (table: TableName): boolean => (before.size === 0 ? added.includes(table) : !before.has(fullName(table)));
    const whole = (late ? await this.#emptyOf(tables.filter(isNew)) : tables).map(fullName);
    const publication = refusePublication(connector.publication, await readPublication(source, connector.publication), tables);
    const captured = await withShapes(source, capturedTables(publication, tables), tables, await readPartitioned(source, tables));
    // What a TRUNCATE has done, the connector can tell from its stream.
    const judge = judgeShapes(source, service, tables, { recently: false, truncatedIn: () => undefined });
    await this.#onTarget(async () => {
      if (late) await unmarkNeedsCopy(this.#target, connector.name, whole, joiningReason);
      await recordCaptured(this.#target, connector.name, captured, whole, judge);
    });
    return done;
  }

  /** Those that have no rows, and will get none that is not in the stream. */
  async #emptyOf(tables: readonly TableName[]): Promise<readonly TableName[]> {
    if (tables.length === 0) return [];
    const { source, signal } = this.#context;
    const names = tables.map(fullName).join(", ");
    const ended = await openTransactionsEnded(source, patienceMs, signal, () =>
      this.#say(`waiting for the transactions that are open at the source, which may have rows of ${names}`),
    );
    if (ended) return tablesWithoutRows(source, tables);
    this.#say(`a transaction at the source has been open for too long to tell whether it has rows of ${names}: they count as not copied`);
    return [];
  }

  async #open(): Promise<ServiceUp["slot"]> {
    const { connector, source, options } = this.#context;
    if (options.recover !== undefined) return this.#recover();
    const slot = await readSlot(source, connector.slot);
    if (slot === undefined) this.#say(`slot ${connector.slot}: waiting for the transactions that are open at the source`);
    return openSlotAndTopic(this.#context, slot, async (tables) => {
      const { service } = this.#context;
      // These first: a table keeps its reason, and one that a copy does not mend is not to be copied without asking.
      const left = await this.#onTarget(async () => tablesWithTargetRows(this.#target, service, this.#context.tables));
      await this.#mark(left, "the target had rows before `offtake up`");
      await this.#mark(tables, olderRows.up);
      await this.#restartCopies();
    });
  }

  async #recover(): Promise<ServiceUp["slot"]> {
    const { connector, source } = this.#context;
    const tables = this.#context.tables.map(fullName);
    const { slot, after, until } = await recoverSlot(this.#context, source, tables, {
      check: async () => this.#onTarget(async () => checkApplied(this.#target, this.#context)),
      mark: async (loss) => {
        const reason = gapReason(loss);
        await this.#onTarget(async () => markGap(this.#target, this.#context, tables, reason));
        return reason;
      },
    });
    this.#say(
      `slot ${connector.slot}: what was committed between ${formatLsn(after)} and ${formatLsn(until)} is in no stream; \`offtake run\` copies all tables again, beside the stream`,
    );
    return slot;
  }

  async #restartCopies(): Promise<void> {
    const { configuration, connector } = this.#context;
    await withControl(configuration.control.url, "offtake up", async (control) => restartCopies(control, connector.name));
  }

  async #mark(tables: readonly TableName[], reason: string): Promise<void> {
    await this.#onTarget(async () => markNeedsCopy(this.#target, this.#context.connector.name, tables.map(fullName), reason));
  }

  async #onSource<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw sessionError(error, "source", this.#context.configuration.source.url);
    }
  }

  async #onTarget<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw sessionError(error, "target", this.#context.service.target.url);
    }
  }

  #say(what: string): void {
    this.#context.terminal.progress(`${this.#context.service.name}: ${what}`);
  }
}

async function tablesWithoutRows(source: Client, tables: readonly TableName[]): Promise<TableName[]> {
  const found: TableName[] = [];
  for (const table of tables) {
    const { rows } = await source.query<{ some: boolean }>(`SELECT EXISTS (SELECT 1 FROM ${quotedName(table)}) AS some`);
    if (rows[0]?.some === false) found.push(table);
  }
  return found;
}

export function upText(services: readonly ServiceUp[]): string {
  const lines = services.map(({ service, connector, slot, topic, notCopied }) => {
    const uncopied = notCopied.length === 0 ? "" : `; NOT COPIED, so that rows are missing: ${notCopied.join(", ")}`;
    return `${service}: connector ${connector}, slot ${slot}, topic ${topic}${uncopied}`;
  });
  return [...lines, "Next: offtake run"].join("\n");
}
