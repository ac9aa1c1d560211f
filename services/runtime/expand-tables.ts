/**
 * Which tables of the monolith each service owns.
 *
 * Two services that both take a table would both write it after a cutover; a name with a slip in it would be a table that nobody moves and
 * nobody misses until the monolith is switched off; two tables that go to one of the target would write over each other there. All are found here,
 * against the catalog, before anything is created.
 *
 * A partitioned table stands for all below it: rows of its partitions come as its own. So a partition of one that is owned is nobody's table, and
 * one that somebody names all the same would have to come twice.
 *
 * Pure.
 */
import { OfftakeError } from "./errors.ts";
import { nearestName } from "./nearest-name.ts";
import { type Addressed, sharedTargets } from "./shared-targets.ts";
import { fullName, isLiteral, matchesTable, type TableName } from "./table-pattern.ts";

/** A table with the partitioned ones above it, the nearest first. */
export interface Partition extends TableName {
  readonly ancestors: readonly TableName[];
}

/**
 * @param catalog every ordinary and partitioned table of the source that is not PostgreSQL's own
 * @param partitions those of the catalog that are partitions
 * @returns the tables of each service by its name, in the catalog's order; a table that several entries of one service match is there once
 * @throws OfftakeError TABLES_UNRESOLVED with all faults: an entry that matches nothing, a table that two services own, two tables that go to one, a
 *   partition beside its root
 */
export function expandTables(
  services: readonly Addressed[],
  catalog: readonly TableName[],
  partitions: readonly Partition[] = [],
): ReadonlyMap<string, readonly TableName[]> {
  const faults: string[] = [];
  const owned = new Map<string, TableName[]>(services.map((service) => [service.name, []]));
  for (const service of services) {
    for (const entry of service.tables) {
      if (!catalog.some((table) => matchesTable(entry, table)))
        faults.push(`services.${service.name}.tables: ${nothingMatches(entry.pattern, isLiteral(entry), catalog)}`);
    }
  }
  const ancestorsOf = new Map(partitions.map((partition) => [fullName(partition), partition.ancestors]));
  for (const table of catalog) {
    const entries = matching(services, table);
    const [owner] = entries;
    if (owner === undefined) continue;
    const above = (ancestorsOf.get(fullName(table)) ?? []).flatMap((root) => matching(services, root).map((entry) => ({ ...entry, root })));
    const [standing] = above;
    if (entries.length > 1)
      faults.push(
        `the table ${fullName(table)} has two owners: ${entries.map(({ service, pattern }) => `\`${pattern}\` of services.${service}.tables`).join(" and ")}`,
      );
    else if (standing === undefined) owned.get(owner.service)?.push(table);
    else if (owner.literal || above.some(({ service }) => service !== owner.service))
      faults.push(
        `the table ${fullName(table)} of services.${owner.service}.tables is a partition of ${fullName(standing.root)} of services.${standing.service}.tables, which stands for all of its partitions: name the one or the other`,
      );
  }
  faults.push(...sharedTargets(services, owned));
  if (faults.length === 0) return owned;
  throw new OfftakeError(
    "TABLES_UNRESOLVED",
    `The tables of the configuration do not fit the source:\n${faults.map((fault) => `  ${fault}`).join("\n")}`,
    {
      cure: "Mend `tables` in the configuration, or create the tables in the source.",
    },
  );
}

/** The services that take the table, each with the entry that does: one that names it exactly before a pattern. */
function matching(services: readonly Addressed[], table: TableName): { service: string; pattern: string; literal: boolean }[] {
  return services.flatMap(({ name, tables }) => {
    const entries = tables.filter((each) => matchesTable(each, table));
    const entry = entries.find(isLiteral) ?? entries[0];
    return entry === undefined ? [] : [{ service: name, pattern: entry.pattern, literal: isLiteral(entry) }];
  });
}

function nothingMatches(pattern: string, literal: boolean, catalog: readonly TableName[]): string {
  if (!literal) return `\`${pattern}\` matches no table of the source`;
  // Named as the entry is: with its schema, or without where that is public.
  const nearest = nearestName(
    pattern,
    catalog.flatMap((table) => (table.schema === "public" ? [table.table, fullName(table)] : [fullName(table)])),
  );
  return `the source has no table \`${pattern}\`${nearest === undefined ? "" : `: did you mean \`${nearest}\`?`}`;
}
