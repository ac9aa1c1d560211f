/**
 * Which PostgreSQL is at the other end of a session, and whether Offtake can use it.
 *
 * A server that is too old has most of what is asked of it, and fails in the middle of a statement about something that it never heard of: with a
 * column that does not exist, or an option that is not recognized. So it is refused by its version before anything is asked.
 *
 * Source: PostgreSQL documentation, "Message Formats", ParameterStatus; "Versioning Policy".
 */
import { EventEmitter } from "node:events";
import type { Client } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";

/** The oldest whose publications, catalogs and pgoutput options are used. */
const oldestMajor = 15;

/**
 * Listens for the version that the server tells while a session begins: no question has to be asked, and a replication session tells it too.
 *
 * @param client not yet connected
 * @returns what it is once it is connected, as `SHOW server_version` prints it; empty where nothing was told
 */
export function listenForVersion(client: Client): () => string {
  let version = "";
  const connection: unknown = Reflect.get(client, "connection");
  if (!(connection instanceof EventEmitter)) throw new OfftakeError("INTERNAL", "pg no longer has its connection where it was.");
  connection.on("parameterStatus", (message: { parameterName?: unknown; parameterValue?: unknown }) => {
    if (message.parameterName === "server_version") version = String(message.parameterValue);
  });
  return () => version;
}

/**
 * @param version such as `14.23`, `19beta1`, `15.18 (Debian 15.18-1)`; what is no version is let through
 * @param where names the server, for the message
 * @throws OfftakeError SERVER_TOO_OLD
 */
export function refuseOldServer(version: string, where: string): void {
  const major = Number.parseInt(version, 10);
  if (!(major < oldestMajor)) return;
  throw new OfftakeError("SERVER_TOO_OLD", `${where} is PostgreSQL ${version}: Offtake needs ${oldestMajor} or later.`, {
    cure: `Upgrade it to PostgreSQL ${oldestMajor} or later (pg_upgrade, or a standby by logical replication), or give Offtake the address of one that is.`,
  });
}
