/**
 * The applier's session with its target. Triggers and foreign keys stay asleep where the role may say so (replica role): the rows have passed the
 * monolith's own, and a trigger that fires twice has written twice. Plans are pinned: for an array of 5000 keys the planner took a hash join over the
 * whole table (25 us a row instead of 16).
 *
 * All settings are start-up parameters (connectors/postgres/session.ts). A pooler that drops them in silence is found out by asking for them.
 *
 * Source: PostgreSQL documentation, "session_replication_role", "Query Planning".
 */
import type { Client } from "pg";
import { endSession, openSession, sessionError, sqlState } from "../../connectors/postgres/session.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";

export interface TargetSession {
  readonly client: Client;
  /** Whether triggers and foreign keys are asleep. */
  readonly replica: boolean;
}

/** Milliseconds. A batch takes tenths of a second; a minute means a lock or a server in trouble. */
const statementTimeoutMs = 120_000;
const lockTimeoutMs = 30_000;
const idleTimeoutMs = 300_000;

// Among them what a role or a database may have set for its applications, and what would make another value of a text, or an error of a batch.
const settings: Readonly<Record<string, string>> = {
  default_transaction_isolation: "read committed",
  default_transaction_read_only: "off",
  // A row that a policy hides would look like one that is missing: an error is better.
  row_security: "off",
  array_nulls: "on",
  idle_session_timeout: "0",
  plan_cache_mode: "force_generic_plan",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  enable_seqscan: "off",
  jit: "off",
  lock_timeout: String(lockTimeoutMs),
  idle_in_transaction_session_timeout: String(idleTimeoutMs),
};

/** @throws OfftakeError TARGET_UNREACHABLE, TARGET_REFUSED, TARGET_POOLED */
export async function openTargetSession(service: ServiceConfiguration): Promise<TargetSession> {
  try {
    return { client: await open(service, { ...settings, session_replication_role: "replica" }), replica: true };
  } catch (error) {
    // The role may not set it. Rows are then applied with triggers and foreign keys awake.
    if (!(error instanceof OfftakeError) || sqlState(error.cause) !== "42501") throw error;
    return { client: await open(service, settings), replica: false };
  }
}

async function open(service: ServiceConfiguration, base: Readonly<Record<string, string>>): Promise<Client> {
  const wanted: Readonly<Record<string, string>> = {
    ...base,
    synchronous_commit: service.apply.synchronousCommit ? "on" : "off",
    // Operators and functions of the target's own types and triggers are found; a name without schema is still PostgreSQL's own first.
    search_path: `pg_catalog,"${service.target.schema.replaceAll('"', '""')}",public`,
  };
  const options = { side: "target", applicationName: `offtake ${service.name}`, statementTimeoutMs, settings: wanted, pipeline: true } as const;
  const client = await openSession(service.target.url, options);
  try {
    await refusePooler(client, wanted, service);
    // PostgreSQL 17 and later; an older server would refuse it as a start-up parameter.
    await client.query("SELECT set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout'");
    return client;
  } catch (error) {
    await endSession(client);
    throw sessionError(error, "target", service.target.url);
  }
}

async function refusePooler(client: Client, wanted: Readonly<Record<string, string>>, service: ServiceConfiguration): Promise<void> {
  const { rows } = await client.query<{ name: string; setting: string }>("SELECT name, setting FROM pg_catalog.pg_settings WHERE name = ANY ($1)", [
    ["plan_cache_mode", "session_replication_role"],
  ]);
  const dropped = rows.find(({ name, setting }) => wanted[name] !== undefined && wanted[name] !== setting);
  if (dropped === undefined) return;
  throw new OfftakeError(
    "TARGET_POOLED",
    `The target at ${service.target.url.describe()} ignores the setting ${dropped.name} of Offtake's session.`,
    {
      cure: "A pooler in between drops it: give target.url the address of the server itself.",
    },
  );
}
