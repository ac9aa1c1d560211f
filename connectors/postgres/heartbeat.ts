/**
 * A heartbeat: a transaction of the WAL with nothing in it but a message. It moves the slots of connectors whose tables are quiet, keeps a tail in
 * their topics, and carries the source's clock through the pipeline. Every connector of the database sees it, so one heartbeat serves all.
 *
 * Source: PostgreSQL documentation, "Replication Management Functions", pg_logical_emit_message.
 */
import type { ClientBase } from "pg";

const sql = `
  SELECT pg_catalog.pg_logical_emit_message(true, 'offtake',
           json_build_object('kind', 'heartbeat', 'at', (extract(epoch FROM clock_timestamp()) * 1000000)::int8)::text)`;

export async function emitHeartbeat(source: ClientBase): Promise<void> {
  await source.query(sql);
}
