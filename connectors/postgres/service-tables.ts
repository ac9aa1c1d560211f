/**
 * The tables of the services as the monolith has them now. Read in one place: two readers that disagree about what a pattern matches would publish
 * one list, capture another and watch a third.
 */
import type { ClientBase } from "pg";
import { expandTables } from "../../services/runtime/expand-tables.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import { listPartitions, listTables } from "./catalog-tables.ts";

/** @throws OfftakeError as expandTables */
export async function serviceTables(
  source: ClientBase,
  services: Parameters<typeof expandTables>[0],
): Promise<ReadonlyMap<string, readonly TableName[]>> {
  return expandTables(services, await listTables(source), await listPartitions(source));
}
