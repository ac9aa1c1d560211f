/**
 * The configuration that everything runs on: checked whole, with defaults, units and secrets resolved.
 *
 * A fault that shows only when its key is first used shows at three in the morning. So a process either starts with a configuration in which
 * nothing is left to be found wrong, or it says everything that is wrong and does not start.
 *
 * What the file says (schemas/configuration.ts) and what it means (here) are different types: nobody can use a reference as a password.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { connectorSchema, type RawConfiguration } from "../../schemas/configuration.ts";
import { checkConnectors, defaultPublication, defaultSlot } from "./configuration-connectors.ts";
import { configurationError, type LocatedFault } from "./configuration-fault.ts";
import { checkSecrets, productionReplicas } from "./configuration-secrets.ts";
import { checkShape } from "./configuration-shape.ts";
import { checkTables } from "./configuration-tables.ts";
import { checkTargets } from "./configuration-targets.ts";
import { checkTopics, deadLetterTopicOf } from "./configuration-topics.ts";
import { OfftakeError } from "./errors.ts";
import { References } from "./references.ts";
import type { Secret } from "./secret.ts";
import type { DdlPolicy, PoisonPolicy, ReconcilePolicy, WrittenMapping } from "./table-mapping.ts";
import { parseTablePattern, type TablePattern } from "./table-pattern.ts";
import { unreadable } from "./unreadable-file.ts";
import { readYaml } from "./yaml-source.ts";

export interface Configuration {
  /** The path it came from. */
  readonly file: string;
  readonly mode: "development" | "production";
  readonly source: { readonly url: Secret; readonly maxRetainedWalBytes: number };
  readonly kafka: KafkaConfiguration;
  /** The URL may carry user:password. */
  readonly registry: { readonly url: Secret };
  /** Of Offtake's own database. */
  readonly control: { readonly url: Secret };
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** `hash` is sha256: and 64 hexadecimal digits. */
    readonly apiKeys: readonly { readonly name: string; readonly role: "viewer" | "operator" | "admin"; readonly hash: string }[];
  };
  readonly notifications: {
    readonly webhooks: readonly { readonly name: string; readonly url: Secret; readonly format: "json" | "slack"; readonly coolDownMs: number }[];
  };
  /** Of the control process. */
  readonly background: { readonly validateEveryMs: number; readonly healthEveryMs: number };
  readonly connectors: readonly ConnectorConfiguration[];
  readonly services: readonly ServiceConfiguration[];
}

export interface KafkaConfiguration {
  /** host:port */
  readonly brokers: string[];
  readonly topicPrefix: string;
  readonly replicationFactor: number;
  readonly maxEventBytes: number;
  /** PEM texts, not paths. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: Secret; readonly serverName?: string };
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512" | "oauthbearer";
    readonly username?: string;
    readonly password?: Secret;
    readonly token?: Secret;
  };
}

export interface ConnectorConfiguration {
  readonly name: string;
  readonly publication: string;
  readonly slot: string;
  /** The name of the one service it reads for. */
  readonly service: string;
  /** Whether the slot is one that standbys synchronise. */
  readonly failover: boolean;
  readonly heartbeatEveryMs: number;
}

export interface ServiceConfiguration {
  readonly name: string;
  /** `<prefix>.<service>` */
  readonly topic: string;
  readonly target: { readonly url: Secret; readonly schema: string };
  readonly tables: readonly TableConfiguration[];
  readonly apply: { readonly synchronousCommit: boolean; readonly batchRows: number; readonly batchBytes: number };
  readonly snapshot: SnapshotSettings;
  /** Where events that are put aside are published to besides; undefined for nowhere. */
  readonly deadLetterTopic?: string | undefined;
}

/** How its tables are copied. */
export interface SnapshotSettings {
  /** Sessions of the monolith that read rows at a time. */
  readonly connections: number;
  /** Rows a second that they read, all together; undefined for no limit. */
  readonly maxRowsPerSecond?: number | undefined;
  /** The same in bytes, as the source prints the rows. */
  readonly maxBytesPerSecond?: number | undefined;
  /** Copies wait while more sessions of others are active at the source; undefined for no limit. */
  readonly maxActiveSessions?: number | undefined;
}

/** One entry of `tables`: a name, or a pattern that the source's catalog has to resolve (expand-tables.ts). */
export interface TableConfiguration extends TablePattern {
  /** As written. */
  readonly pattern: string;
  /** Undefined where the target's table is the same; never there for a pattern. */
  readonly mapping?: WrittenMapping;
  /** What the file says; table-mapping.ts has the default. */
  readonly ddl?: DdlPolicy;
  /** As `ddl`. */
  readonly poison?: PoisonPolicy;
  /** As `ddl`; undefined where it is compared by hand only. */
  readonly reconcile?: ReconcilePolicy;
  /** Columns whose values are not to be seen. */
  readonly redact?: readonly string[];
}

/**
 * Reads and checks a configuration file.
 *
 * @param file as findConfiguration gives it
 * @throws OfftakeError CONFIG_INVALID with all faults; NOT_IN_THIS_VERSION where keys of later versions are all there is to say; CONFIG_MISSING
 */
export function loadConfiguration(file: string, env: NodeJS.ProcessEnv): Configuration {
  return parseConfiguration(readText(file), file, env);
}

/**
 * Checks the text of a configuration file; reads only what it refers to.
 *
 * @param file the path it came from, for messages and as the base of file: references
 * @throws OfftakeError CONFIG_INVALID, NOT_IN_THIS_VERSION
 */
export function parseConfiguration(text: string, file: string, env: NodeJS.ProcessEnv): Configuration {
  const source = readYaml(text);
  if (source.value === undefined) throw configurationError(file, source.faults);
  const shape = checkShape(source.value);
  const references = new References(env, dirname(file));
  const { valid } = shape;
  const faults = [
    ...shape.faults,
    ...checkTopics(valid),
    ...checkConnectors(valid),
    ...checkTables(valid),
    ...checkSecrets(valid, references, env),
    ...checkTargets(valid, references),
  ];
  if (shape.raw !== undefined && faults.length === 0 && source.faults.length === 0) return resolved(shape.raw, file, references);
  const located = faults.map(({ path, at, message, later = false }): LocatedFault => ({ ...source.locate(path, at), message, later }));
  // Where the YAML itself is at fault, what follows from it is not told again.
  const further = located.filter((fault) => !source.faults.some(({ line, column }) => line === fault.line && column === fault.column));
  throw configurationError(file, [...source.faults, ...further]);
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new OfftakeError("CONFIG_MISSING", `There is no configuration to read: ${unreadable(file, error)}.`, { cause: error });
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new OfftakeError("CONFIG_INVALID", `The configuration ${file} is not text in UTF-8.`, { cause: error });
  }
}

function resolved(raw: RawConfiguration, file: string, references: References): Configuration {
  const secret = (text: string): Secret => {
    const value = references.resolve(text);
    if ("secret" in value) return value.secret;
    throw new OfftakeError("INTERNAL", `A reference of ${file} was not checked: ${value.fault}.`);
  };
  return {
    file,
    mode: raw.mode,
    source: { url: secret(raw.source.url), maxRetainedWalBytes: raw.source.maxRetainedWal },
    kafka: kafkaOf(raw, secret),
    registry: { url: secret(raw.registry.url) },
    control: { url: secret(raw.control.url) },
    http: raw.http,
    notifications: {
      webhooks: raw.notifications.webhooks.map(({ name, url, format, coolDown }) => ({ name, url: secret(url), format, coolDownMs: coolDown })),
    },
    background: { validateEveryMs: raw.background.validateEvery, healthEveryMs: raw.background.healthEvery },
    connectors: connectorsOf(raw),
    services: Object.entries(raw.services).map(([name, { target, tables, apply, snapshot, deadLetterTopic }]) => ({
      name,
      topic: `${raw.kafka.topicPrefix}.${name}`,
      target: { url: secret(target.url), schema: target.schema },
      tables: Array.isArray(tables)
        ? tables.map((pattern) => tableOf(pattern, target.schema, null))
        : Object.entries(tables).map(([pattern, options]) => tableOf(pattern, target.schema, options)),
      apply,
      snapshot,
      ...(deadLetterTopic ? { deadLetterTopic: deadLetterTopicOf(`${raw.kafka.topicPrefix}.${name}`) } : {}),
    })),
  };
}

function kafkaOf({ mode, kafka }: RawConfiguration, secret: (text: string) => Secret): KafkaConfiguration {
  const { tls, sasl } = kafka;
  return {
    brokers: kafka.brokers,
    topicPrefix: kafka.topicPrefix,
    replicationFactor: kafka.replicationFactor ?? (mode === "production" ? productionReplicas : 1),
    maxEventBytes: kafka.maxEvent,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            ...(tls.ca === undefined ? {} : { ca: secret(tls.ca).reveal() }),
            ...(tls.cert === undefined ? {} : { cert: secret(tls.cert).reveal() }),
            ...(tls.key === undefined ? {} : { key: secret(tls.key) }),
            ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
          },
        }),
    ...(sasl === undefined
      ? {}
      : {
          sasl:
            sasl.mechanism === "oauthbearer"
              ? { mechanism: sasl.mechanism, token: secret(sasl.token) }
              : { mechanism: sasl.mechanism, username: sasl.username, password: secret(sasl.password) },
        }),
  };
}

/** Those of the file, or where it has none, one for each service under its name. */
function connectorsOf(raw: RawConfiguration): ConnectorConfiguration[] {
  const written = raw.connectors ?? Object.fromEntries(Object.keys(raw.services).map((service) => [service, connectorSchema.parse({ service })]));
  return Object.entries(written).map(([name, { service, publication, slot, failover, heartbeat }]) => ({
    name,
    publication: publication ?? defaultPublication(service),
    slot: slot ?? defaultSlot(service),
    service,
    failover,
    heartbeatEveryMs: heartbeat.every,
  }));
}

type TableOptions = Pick<
  Exclude<RawTables, readonly string[]>[string] & object,
  "target" | "columns" | "exclude" | "ddl" | "poison" | "reconcile" | "redact"
> | null;
type RawTables = RawConfiguration["services"][string]["tables"];

function reconcileOf(written: (TableOptions & object)["reconcile"]): Pick<TableConfiguration, "reconcile"> {
  if (written === undefined) return {};
  const { every, level, hash, maxLag, maxMismatchRate } = written;
  return { reconcile: { everyMs: every, level, hash, maxMismatchRate, ...(maxLag === undefined ? {} : { maxLagMs: maxLag }) } };
}

function tableOf(pattern: string, schema: string, options: TableOptions): TableConfiguration {
  const parsed = parseTablePattern(pattern);
  if (parsed === undefined) throw new OfftakeError("INTERNAL", `The entry ${pattern} of \`tables\` was not checked.`);
  const { target, columns = {}, exclude = [], ddl, poison, reconcile, redact } = options ?? {};
  const entry = {
    pattern,
    ...parsed,
    ...(ddl === undefined ? {} : { ddl }),
    ...(poison === undefined ? {} : { poison }),
    ...reconcileOf(reconcile),
    ...(redact === undefined ? {} : { redact }),
  };
  if (target === undefined && Object.keys(columns).length === 0 && exclude.length === 0) return entry;
  return { ...entry, mapping: { target: target === undefined ? undefined : parseTablePattern(target, schema), columns, exclude } };
}
