/**
 * Whether a source is a primary. In a failover its address may lead to the standby for a while before that is promoted: it has the rows and perhaps the slot, refuses
 * to give the slot away, and looks like a server on which the slot was lost; starting over for that would throw away what the promotion keeps.
 *
 * Source: PostgreSQL documentation, "Recovery Information Functions".
 */
import type { ClientBase } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";

/** @throws OfftakeError SOURCE_IN_RECOVERY */
export async function refuseStandby(source: ClientBase, url: Secret): Promise<void> {
  const { rows } = await source.query<{ standby: boolean }>("SELECT pg_is_in_recovery() AS standby");
  if (rows[0]?.standby !== true) return;
  throw new OfftakeError("SOURCE_IN_RECOVERY", `The source at ${url.describe()} is a standby, and has not been promoted.`, {
    cure: "Offtake reads from the primary: give source.url its address, or promote this one; it goes on by itself.",
  });
}
