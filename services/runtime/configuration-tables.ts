/**
 * Entries of `tables` in offtake.yaml: each follows the grammar of table-pattern.ts, and no table is named twice.
 *
 * Two services that own one table both write it after a cutover. What patterns match is known only from the source's catalog: expand-tables.ts.
 *
 * Pure. Works on whatever part of the file is valid: what is not there was at fault before, and is not judged.
 */
import type { WrittenConfiguration } from "../../schemas/configuration.ts";
import { keyText, pathText, type Fault, type Path } from "./configuration-fault.ts";
import type { Part } from "./configuration-shape.ts";
import { isLiteral, parseTablePattern } from "./table-pattern.ts";

export function checkTables(valid: Part<WrittenConfiguration>): Fault[] {
  const faults: Fault[] = [];
  const owners = new Map<string, string>();
  for (const [service, { tables = [] } = {}] of Object.entries(valid.services ?? {})) {
    const list = Array.isArray(tables);
    const entries: [string | number, string | undefined, Mapping | null | undefined][] = list
      ? tables.map((entry, i) => [i, entry, undefined])
      : Object.entries(tables).map(([name, options]) => [name, name, options]);
    for (const [step, entry, options] of entries) {
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
      faults.push(...checkMapping(path, isLiteral(parsed), options ?? {}));
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

interface Mapping {
  readonly target?: string | undefined;
  readonly columns?: Readonly<Record<string, string | undefined>> | undefined;
  readonly exclude?: readonly (string | undefined)[] | undefined;
}

/** What a table is at the target: only of one table can anybody say that, and no two columns can be one. */
function checkMapping(path: Path, literal: boolean, { target, columns = {}, exclude = [] }: Mapping): Fault[] {
  const faults: Fault[] = [];
  const at = "value";
  const given = { target: target !== undefined, columns: Object.keys(columns).length > 0, exclude: exclude.length > 0 };
  if (!literal)
    for (const key of ["target", "columns", "exclude"] as const)
      if (given[key])
        faults.push({
          path: [...path, key],
          at: "key",
          message: `\`${key}\` is for one table, and \`${keyText(String(path.at(-1)))}\` may stand for many: name the table`,
        });
  const named = target === undefined ? undefined : parseTablePattern(target);
  if (target !== undefined && (named === undefined || !isLiteral(named)))
    faults.push({
      path: [...path, "target"],
      at,
      message: `${pathText([...path, "target"])}: expected table or schema.table, where a name with a dot stands in double quotes`,
    });
  const names = new Map<string, string>();
  for (const [column, name] of Object.entries(columns)) {
    if (name === undefined) continue;
    const where = [...path, "columns", column];
    const other = names.get(name);
    if (other !== undefined)
      faults.push({ path: where, at, message: `the columns \`${keyText(other)}\` and \`${keyText(column)}\` both become \`${keyText(name)}\`` });
    names.set(name, column);
    if (exclude.includes(column)) faults.push({ path: where, at, message: `the column \`${keyText(column)}\` is in \`exclude\` too` });
  }
  return faults;
}
