/** The service and the table that a command line names. A name with a slip in it is refused with those that there are. */
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { fullName, isLiteral, parseTablePattern } from "../runtime/table-pattern.ts";

export interface ServicePipeline {
  readonly service: ServiceConfiguration;
  readonly connector: ConnectorConfiguration;
}

/** @throws OfftakeError USAGE */
export function pipelineOf({ services, connectors, file }: Configuration, name: string): ServicePipeline {
  const service = services.find((each) => each.name === name);
  const connector = connectors.find((each) => each.service === name);
  if (service !== undefined && connector !== undefined) return { service, connector };
  throw new OfftakeError("USAGE", `There is no service ${name} in ${file}.`, { cure: `It has ${services.map((each) => each.name).join(", ")}.` });
}

/** @returns schema.table of what was typed. @throws OfftakeError USAGE */
export function tableNamed(text: string, service: string): string {
  const table = parseTablePattern(text);
  if (table !== undefined && isLiteral(table)) return fullName(table);
  throw new OfftakeError("USAGE", `${text} is not the name of a table of ${service}.`, { cure: "Expected table or schema.table." });
}
