/**
 * Whether a service's target is the monolith's own database by another name: an alias, a proxy, another port. What the URLs say is judged with offtake.yaml
 * (services/runtime/configuration-targets.ts); here it is what the servers say. A table that goes to itself is changed by each of its own changes, for ever.
 *
 * Not by the system identifier: a service's database may have been made from a copy of the monolith's storage, and has the same.
 *
 * Source: PostgreSQL documentation, "System Information Functions", pg_postmaster_start_time.
 */
import type { ClientBase } from "pg";
import { OfftakeError } from "../runtime/errors.ts";
import { type Mapped, mappingOf } from "../runtime/table-mapping.ts";
import { fullName, type TableName } from "../runtime/table-pattern.ts";

/** @returns what no other database has: when its server was started, to the microsecond, and its name */
export async function databaseIdentity(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ identity: string }>(
    "SELECT extract(epoch FROM pg_postmaster_start_time()) || ' ' || current_database() AS identity",
  );
  return rows[0]!.identity;
}

/**
 * Pure.
 *
 * @param tables the service's
 * @param captured those of all services
 * @returns undefined where no table of the service goes to one of them
 */
export function ownTarget(
  service: Mapped & { readonly name: string },
  tables: readonly TableName[],
  captured: readonly TableName[],
): OfftakeError | undefined {
  const names = new Set(captured.map(fullName));
  const table = tables.find((each) => names.has(fullName(mappingOf(service, each))));
  if (table === undefined) return undefined;
  return new OfftakeError(
    "TARGET_TABLE_UNSUITABLE",
    `The target of ${service.name} is the monolith's own database, in which ${fullName(table)} goes to ${fullName(mappingOf(service, table))}: each change would bring about the next.`,
    { cure: "Mend target.url: give the service a database of its own." },
  );
}
