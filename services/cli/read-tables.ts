/** Asks the three databases that know something of a service's tables, each for itself: one that is away hides nothing of the others. */
import { readRowEstimates } from "../../connectors/postgres/row-estimates.ts";
import { serviceTables } from "../../connectors/postgres/service-tables.ts";
import { sessionError } from "../../connectors/postgres/session.ts";
import { countMismatches } from "../control/pass-reports.ts";
import type { ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";
import { asOfftakeError, type OfftakeError } from "../runtime/errors.ts";
import { fullName } from "../runtime/table-pattern.ts";
import { readTarget, type StatusSources } from "./service-status.ts";
import type { KnownTables } from "./shown-tables.ts";

export interface ReadTables {
  readonly known: KnownTables;
  readonly errors: readonly OfftakeError[];
}

/** Never throws. */
export async function readTables(
  sources: Pick<StatusSources, "configuration" | "source" | "control">,
  connector: ConnectorConfiguration,
  service: ServiceConfiguration,
): Promise<ReadTables> {
  const errors: OfftakeError[] = [];
  const or = async <T>(read: Promise<T>): Promise<T | undefined> =>
    read.catch((error: unknown) => {
      errors.push(asOfftakeError(error));
      return undefined;
    });
  const [rows, target, mismatches] = await Promise.all([
    or(readRows(sources, service)),
    or(readTarget(connector, service)),
    or(countMismatches(sources.control, connector.name, service.name)),
  ]);
  return { known: { rows, target, mismatches }, errors };
}

async function readRows(
  { configuration, source }: Pick<StatusSources, "configuration" | "source">,
  service: ServiceConfiguration,
): Promise<ReadonlyMap<string, number | null>> {
  try {
    const client = await source.client();
    const tables = (await serviceTables(client, configuration.services)).get(service.name) ?? [];
    const estimates = await readRowEstimates(client, tables);
    return new Map(tables.map(fullName).map((table) => [table, estimates.get(table) ?? null]));
  } catch (error) {
    throw sessionError(error, "source", configuration.source.url);
  }
}
