/**
 * Slots that outlive the server: a standby that synchronises them has them when it is promoted, and the connector goes on there. Without, a promoted standby
 * has the rows and no slot, and what was committed since the topic's tail is in no stream: the service's tables have to be copied again.
 *
 * Source: PostgreSQL documentation, "Logical Decoding", Replication Slot Synchronization; "Streaming Replication Protocol", ALTER_REPLICATION_SLOT.
 */
import { escapeIdentifier, type ClientBase } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { endSession, openSession, sessionError } from "./session.ts";
import type { Slot } from "./slot.ts";

/** The first version that has them. */
export const failoverSince = 17;

/** @throws OfftakeError SOURCE_UNSUITABLE */
export async function refuseWithoutFailover(source: ClientBase, slot: string): Promise<void> {
  const { rows } = await source.query<{ version: string }>("SELECT current_setting('server_version') AS version");
  const version = rows[0]!.version;
  if (!(Number.parseInt(version, 10) < failoverSince)) return;
  throw new OfftakeError("SOURCE_UNSUITABLE", `The slot ${slot} is to survive a failover, and the source is PostgreSQL ${version}.`, {
    cure: `Failover slots came with PostgreSQL ${failoverSince}: take \`failover\` out of offtake.yaml, or upgrade the source.`,
  });
}

/**
 * Makes a failover slot of one that is none yet. It keeps its place.
 *
 * @throws OfftakeError SLOT_IN_USE while somebody reads it: the server would wait for that without end; SOURCE_UNSUITABLE, SOURCE_UNREACHABLE, SOURCE_REFUSED
 */
export async function makeFailoverSlot(url: Secret, { name, failover, activePid }: Slot): Promise<void> {
  if (failover) return;
  const client = await openSession(url, { side: "source", applicationName: "offtake up", statementTimeoutMs: 10_000, replication: true });
  try {
    await refuseWithoutFailover(client, name);
    if (activePid !== undefined)
      throw new OfftakeError(
        "SLOT_IN_USE",
        `The slot ${name} is no failover slot yet, and cannot become one while the process ${activePid} reads it.`,
        {
          cure: "Stop its connector, run `offtake up`, and start the connector again: nothing is lost.",
        },
      );
    await client.query(`ALTER_REPLICATION_SLOT ${escapeIdentifier(name)} (FAILOVER true)`);
  } catch (error) {
    throw sessionError(error, "source", url);
  } finally {
    await endSession(client);
  }
}
