/** `offtake config`: the configuration as Offtake understands it, and the schema that editors check it with. */
import { parse, stringify } from "yaml";
import { z } from "zod";
import { configurationJsonSchema } from "../../schemas/configuration.ts";
import { newApiKey, type Role } from "../control/api-keys.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { redactedConfiguration } from "../runtime/redacted-configuration.ts";

export function printedConfiguration(configuration: Configuration): { object: Record<string, unknown>; text: string } {
  const text = redactedConfiguration(configuration);
  return { object: z.record(z.string(), z.unknown()).parse(parse(text)), text: text.trimEnd() };
}

export function configurationSchema(): Record<string, unknown> {
  return { ...configurationJsonSchema() };
}

/** A new key of the HTTP API. It is in no file: whoever made it gives it to its holder. */
export function apiKey(
  name: string,
  role: Role,
): { readonly object: { readonly name: string; readonly role: Role; readonly key: string; readonly hash: string }; readonly text: string } {
  const { key, hash } = newApiKey();
  const written = stringify({ http: { apiKeys: [{ name, role, hash }] } }).trimEnd();
  return { object: { name, role, key, hash }, text: `${key}\n\nIt is shown this once. Below http.apiKeys in offtake.yaml:\n\n${written}` };
}
