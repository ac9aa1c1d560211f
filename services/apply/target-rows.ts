/**
 * Which tables of a target have rows before its service's slot begins. Where the monolith has none of them, nothing in the stream will ever take them away:
 * a target that was filled from another source, or by an earlier topic, would keep them and look whole.
 */
import type { ClientBase } from "pg";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { mappingOf } from "../runtime/table-mapping.ts";
import { quotedName, type TableName } from "../runtime/table-pattern.ts";

/** @param tables of the source @returns those of them whose table at the target is there and has rows */
export async function tablesWithTargetRows(target: ClientBase, service: ServiceConfiguration, tables: readonly TableName[]): Promise<TableName[]> {
  const found: TableName[] = [];
  for (const table of tables) {
    const quoted = quotedName(mappingOf(service, table));
    const { rows: there } = await target.query<{ there: boolean }>("SELECT to_regclass($1) IS NOT NULL AS there", [quoted]);
    if (there[0]?.there !== true) continue;
    const { rows } = await target.query<{ some: boolean }>(`SELECT EXISTS (SELECT FROM ${quoted}) AS some`);
    if (rows[0]?.some === true) found.push(table);
  }
  return found;
}
