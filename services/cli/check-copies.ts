/**
 * What `offtake check` says of tables that can be followed, and not be copied: their rows from before the stream never come by themselves. Who hears of it only from the
 * failed copy has the stream running already.
 */
import type { ClientBase } from "pg";
import { readSnapshotTable } from "../../connectors/postgres/snapshot-table.ts";
import { OfftakeError } from "../runtime/errors.ts";
import type { TableName } from "../runtime/table-pattern.ts";
import type { Finding } from "./finding.ts";

/** @param publication of the connector */
export async function checkCopies(source: ClientBase, where: string, tables: readonly TableName[], publication: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const table of tables) {
    try {
      await readSnapshotTable(source, table, publication);
    } catch (error) {
      if (!(error instanceof OfftakeError) || error.code !== "SNAPSHOT_TABLE_UNSUITABLE") throw error;
      findings.push({ level: "note", where, what: error.message, cure: error.cure });
    }
  }
  return findings;
}
