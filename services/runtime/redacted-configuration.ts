/**
 * The configuration as it is in force, for `offtake config print`: every default filled in, in the words of offtake.yaml, without secrets.
 *
 * It is what people paste into tickets, so it is built from `Secret.describe()` and from nothing that could be a secret. What it prints is
 * valid offtake.yaml again, except where a secret was taken out.
 */
import { stringify } from "yaml";
import type { Configuration, TableConfiguration } from "./configuration.ts";
import type { ReconcilePolicy, WrittenMapping } from "./table-mapping.ts";
import { writtenName } from "./table-pattern.ts";
import { formatDuration, formatSize } from "./units.ts";

export function redactedConfiguration({
  mode,
  source,
  kafka,
  registry,
  control,
  http,
  background,
  notifications,
  connectors,
  services,
}: Configuration): string {
  const { brokers, topicPrefix, replicationFactor, maxEventBytes, tls, sasl } = kafka;
  const written = {
    mode,
    source: { url: source.url.describe(), maxRetainedWal: formatSize(source.maxRetainedWalBytes) },
    kafka: {
      brokers,
      topicPrefix,
      replicationFactor,
      maxEvent: formatSize(maxEventBytes),
      ...(tls === undefined ? {} : { tls }),
      ...(sasl === undefined ? {} : { sasl }),
    },
    registry: { url: registry.url.describe() },
    control: { url: control.url.describe() },
    http,
    background: { validateEvery: formatDuration(background.validateEveryMs), healthEvery: formatDuration(background.healthEveryMs) },
    notifications: {
      webhooks: notifications.webhooks.map(({ name, format, coolDownMs }) => ({
        name,
        url: "[redacted]",
        format,
        coolDown: formatDuration(coolDownMs),
      })),
    },
    connectors: Object.fromEntries(
      connectors.map(({ name, service, publication, slot, failover, heartbeatEveryMs }) => [
        name,
        { service, publication, slot, failover, heartbeat: { every: formatDuration(heartbeatEveryMs) } },
      ]),
    ),
    services: Object.fromEntries(
      services.map(({ name, target, tables, apply, snapshot, deadLetterTopic }) => [
        name,
        {
          target: { url: target.url.describe(), schema: target.schema },
          tables: writtenTables(tables),
          apply: { synchronousCommit: apply.synchronousCommit ? "on" : "off", batchRows: apply.batchRows, batchBytes: formatSize(apply.batchBytes) },
          snapshot,
          deadLetterTopic: deadLetterTopic !== undefined,
        },
      ]),
    ),
  };
  return stringify(written, { lineWidth: 0 });
}

/** A list, or a mapping where one of them is something else at the target. */
function writtenTables(tables: readonly TableConfiguration[]): unknown {
  if (tables.every(isPlain)) return tables.map(({ pattern }) => pattern);
  return Object.fromEntries(
    tables.map(({ pattern, mapping, ddl, poison, reconcile, redact }) => {
      const options = {
        ...(mapping === undefined ? {} : writtenMapping(mapping)),
        ...(ddl === undefined ? {} : { ddl }),
        ...(poison === undefined ? {} : { poison }),
        ...(reconcile === undefined ? {} : { reconcile: writtenPolicy(reconcile) }),
        ...(redact === undefined ? {} : { redact }),
      };
      return [pattern, Object.keys(options).length === 0 ? null : options];
    }),
  );
}

function isPlain({ mapping, ddl, poison, reconcile, redact }: TableConfiguration): boolean {
  return [mapping, ddl, poison, reconcile, redact].every((option) => option === undefined);
}

function writtenPolicy({ everyMs, level, hash, maxLagMs, maxMismatchRate }: ReconcilePolicy): object {
  return { every: formatDuration(everyMs), level, hash, ...(maxLagMs === undefined ? {} : { maxLag: formatDuration(maxLagMs) }), maxMismatchRate };
}

function writtenMapping({ target, columns, exclude }: WrittenMapping): object {
  return {
    ...(target === undefined ? {} : { target: [target.schema, target.table].map(writtenName).join(".") }),
    ...(Object.keys(columns).length === 0 ? {} : { columns }),
    ...(exclude.length === 0 ? {} : { exclude }),
  };
}
