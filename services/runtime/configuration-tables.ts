/**
 * Entries of `tables` in offtake.yaml: each follows the grammar of table-pattern.ts, and no table is named twice.
 *
 * Two services that own one table both write it after a cutover. What patterns match is known only from the source's catalog: expand-tables.ts.
 *
 * Pure. Works on whatever part of the file is valid: what is not there was at fault before, and is not judged.
 */
import type { WrittenConfiguration } from "../../schemas/configuration.ts";
import { keyText, pathText, type Fault } from "./configuration-fault.ts";
import type { Part } from "./configuration-shape.ts";
import { isLiteral, parseTablePattern } from "./table-pattern.ts";

export function checkTables(valid: Part<WrittenConfiguration>): Fault[] {
  const faults: Fault[] = [];
  const owners = new Map<string, string>();
  for (const [service, { tables = [] } = {}] of Object.entries(valid.services ?? {})) {
    const list = Array.isArray(tables);
    const entries: [string | number, string][] = list ? [...tables.entries()] : Object.keys(tables).map((name) => [name, name]);
    for (const [step, entry] of entries) {
      if (typeof entry !== "string") continue;
      const path = ["services", service, "tables", step];
      const at = list ? "value" : "key";
      const parsed = parseTablePattern(entry);
      if (parsed === undefined) {
        faults.push({
          path,
          at,
          message: `${pathText(path)}: expected table or schema.table, where a name with a dot stands in double quotes, found \`${keyText(entry)}\``,
        });
        continue;
      }
      if (!isLiteral(parsed)) continue;
      const table = JSON.stringify([parsed.schema, parsed.table]);
      const owner = owners.get(table);
      if (owner === undefined) owners.set(table, service);
      else if (owner === service) faults.push({ path, at, message: `the table \`${keyText(entry)}\` is in this list twice` });
      else
        faults.push({
          path,
          at,
          message: `the table \`${keyText(entry)}\` is in ${pathText(["services", owner, "tables"])} already; a table has one owner`,
        });
    }
  }
  return faults;
}
