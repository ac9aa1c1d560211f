/**
 * Tables of the monolith that go to one table of a target, of one service or of two. Their rows write over each other there wherever two keys are equal, and
 * a truncate of one empties the other: no server finds anything wrong with that.
 *
 * Pure.
 */
import type { ServiceConfiguration } from "./configuration.ts";
import { databaseAddress } from "./database-address.ts";
import type { Secret } from "./secret.ts";
import { type Mapped, mappingOf } from "./table-mapping.ts";
import { fullName, type TableName } from "./table-pattern.ts";

/** The part of a service that says where its tables go; without a URL its target is nobody else's. */
export type Addressed = Pick<ServiceConfiguration, "name"> & Mapped & { readonly target: { readonly url?: Secret } };

/**
 * @param owned the tables of each service
 * @returns what is wrong, a sentence for each table that goes where another one goes already
 */
export function sharedTargets(services: readonly Addressed[], owned: ReadonlyMap<string, readonly TableName[]>): string[] {
  const taken = new Map<string, { readonly service: string; readonly table: TableName }>();
  const faults: string[] = [];
  for (const service of services) {
    const database = service.target.url === undefined ? service.name : databaseAddress(service.target.url.reveal());
    for (const table of owned.get(service.name) ?? []) {
      const target = fullName(mappingOf(service, table));
      const key = JSON.stringify([database, target]);
      const other = taken.get(key);
      if (other === undefined) taken.set(key, { service: service.name, table });
      else if (other.service === service.name)
        faults.push(
          `the tables ${fullName(other.table)} and ${fullName(table)} of services.${service.name} both go to ${target} of its target: give one of them another \`target\`, or target.schema another name, or leave one of them out`,
        );
      else
        faults.push(
          `the table ${fullName(other.table)} of services.${other.service} and the table ${fullName(table)} of services.${service.name} both go to ${target} of the database ${database}: give one of the services a database or a target.schema of its own, or one of the tables another \`target\``,
        );
    }
  }
  return faults;
}
