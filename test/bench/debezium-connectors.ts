/**
 * Debezium's two connectors as they are measured: tuned as far as they go. Settings left at their defaults would make the peer slower, and the ratio a lie.
 *
 * Source: Debezium documentation, "Debezium connector for PostgreSQL", "Debezium connector for JDBC".
 */
import { sinkSession } from "./sink-end.ts";

export interface DebeziumSource {
  readonly url: string;
  readonly slot: string;
  readonly publication: string;
  readonly topicPrefix: string;
  readonly pollMs: number;
}

/** Rows that are there, and nothing behind them. */
export function snapshotConnector(source: DebeziumSource): Record<string, string> {
  return { ...sourceConnector(source), "snapshot.mode": "initial_only", "snapshot.fetch.size": "10240" };
}

/** Events of its only table go to the topic `<topicPrefix>.public.bench`. */
export function sourceConnector(source: DebeziumSource): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(source.url);
  return {
    "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
    "tasks.max": "1",
    "database.hostname": hostname,
    "database.port": port,
    "database.user": decodeURIComponent(username),
    "database.password": decodeURIComponent(password),
    "database.dbname": pathname.slice(1),
    "plugin.name": "pgoutput",
    "slot.name": source.slot,
    "publication.name": source.publication,
    "publication.autocreate.mode": "disabled",
    "topic.prefix": source.topicPrefix,
    "snapshot.mode": "no_data",
    "max.batch.size": "8192",
    "max.queue.size": "32768",
    "poll.interval.ms": String(source.pollMs),
    // The product publishes none either.
    "tombstones.on.delete": "false",
  };
}

export function sinkConnector(sink: { url: string; topic: string; synchronousCommit: "on" | "off" }): Record<string, string> {
  const { host, username, password, pathname } = new URL(sink.url);
  const session = new URLSearchParams({ ApplicationName: sinkSession, options: `-c synchronous_commit=${sink.synchronousCommit}` });
  return {
    "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
    "tasks.max": "1",
    topics: sink.topic,
    "connection.url": `jdbc:postgresql://${host}${pathname}?${session.toString()}`,
    "connection.username": decodeURIComponent(username),
    "connection.password": decodeURIComponent(password),
    "insert.mode": "upsert",
    "delete.enabled": "true",
    "primary.key.mode": "record_key",
    "schema.evolution": "none",
    "batch.size": "2000",
    "use.reduction.buffer": "true",
    "dialect.postgres.unnest.insert.enabled": "true",
    "collection.name.format": "${source.table}",
    "consumer.override.max.poll.records": "5000",
  };
}
