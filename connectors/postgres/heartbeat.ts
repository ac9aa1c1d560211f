/**
 * A heartbeat: a transaction of the WAL with nothing in it but a message. It moves the slots of connectors whose tables are quiet, keeps a tail in
 * their topics, and carries the source's clock through the pipeline. Every connector of the database sees it, so one heartbeat serves all.
 *
 * Source: PostgreSQL documentation, "Replication Management Functions", pg_logical_emit_message.
 */
import type { ClientBase } from "pg";
import { type Lsn, parseLsn } from "./lsn.ts";

const sql = `
  SELECT pg_catalog.pg_logical_emit_message(true, 'offtake',
           json_build_object('kind', 'heartbeat', 'at', (extract(epoch FROM clock_timestamp()) * 1000000)::int8)::text)::text AS lsn`;

/** @returns where it is in the WAL: behind all that was committed before */
export async function emitHeartbeat(source: ClientBase): Promise<Lsn> {
  const { rows } = await source.query<{ lsn: string }>(sql);
  return parseLsn(rows[0]!.lsn);
}
