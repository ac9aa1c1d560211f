/** `offtake config`: the configuration as Offtake understands it, and the schema that editors check it with. */
import { parse } from "yaml";
import { z } from "zod";
import { configurationJsonSchema } from "../../schemas/configuration.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { redactedConfiguration } from "../runtime/redacted-configuration.ts";

export function printedConfiguration(configuration: Configuration): { object: Record<string, unknown>; text: string } {
  const text = redactedConfiguration(configuration);
  return { object: z.record(z.string(), z.unknown()).parse(parse(text)), text: text.trimEnd() };
}

export function configurationSchema(): Record<string, unknown> {
  return { ...configurationJsonSchema() };
}
