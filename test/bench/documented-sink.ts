/**
 * The sink's configuration as docs/consumers.md has it: what is run is what is documented, so the page cannot be wrong for long.
 */
import { readFileSync } from "node:fs";

const page = new URL("../../docs/consumers.md", import.meta.url);

/**
 * @param values of what stands in angle brackets there, by the text between them
 * @throws where the page has one that is not given, or lacks one that is
 */
export function documentedSink(values: Readonly<Record<string, string>>): Record<string, string> {
  const block = /```properties\n([\s\S]*?)```/.exec(readFileSync(page, "utf8"))?.[1];
  if (block === undefined) throw new Error("docs/consumers.md has no block of properties");
  const used = new Set<string>();
  const filled = block.replace(/<([^<>]+)>/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`docs/consumers.md: there is no value for <${name}>`);
    used.add(name);
    return value;
  });
  const missing = Object.keys(values).filter((name) => !used.has(name));
  if (missing.length > 0) throw new Error(`docs/consumers.md has no <${missing.join(">, <")}>`);
  const lines = filled.split("\n").filter((line) => line !== "");
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}
