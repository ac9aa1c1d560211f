/**
 * Asks the source what the decision about a changed shape needs beside the two shapes: whether partitions that were attached brought rows along.
 */
import type { ClientBase } from "pg";
import type { ServiceConfiguration } from "../../services/runtime/configuration.ts";
import { mappingOf } from "../../services/runtime/table-mapping.ts";
import { fullName, quotedName, type TableName } from "../../services/runtime/table-pattern.ts";
import { partitionsWithRows, readCapturedShapes } from "./captured-shape.ts";
import type { CapturedTable, JudgeShape } from "./captured-tables.ts";
import { type PartitionedTable, partitionFaults } from "./partition-faults.ts";
import { attachedPartitions, shapeChange, type ShapeSurroundings } from "./shape-change.ts";

/**
 * With what each of the tables looks like now. Changes of a partition that is not as it must be may be missing from the moment when it was made.
 *
 * @param partitioned those of the tables that are
 */
export async function withShapes(
  source: ClientBase,
  captured: readonly CapturedTable[],
  tables: readonly TableName[],
  partitioned: readonly PartitionedTable[],
): Promise<CapturedTable[]> {
  const shapes = await readCapturedShapes(source, tables);
  return captured.map((table) => {
    const faults = partitioned.filter((each) => fullName(each) === table.name).flatMap(partitionFaults);
    return { ...table, shape: shapes.get(table.name), doubts: faults.map(({ what }) => `it ${what}: changes of its rows may be missing`) };
  });
}

/** @param stream what the connector's stream has shown of TRUNCATE, and whether the last look was a moment ago */
export function judgeShapes(
  source: ClientBase,
  service: ServiceConfiguration,
  tables: readonly TableName[],
  stream: Pick<ShapeSurroundings, "recently"> & { readonly truncatedIn: (oid: number, transaction: string) => boolean | undefined },
): JudgeShape {
  return async ({ name }, before, now) => {
    const mapping = mappingOf(
      service,
      tables.find((table) => fullName(table) === name)!,
    );
    return shapeChange(before, now, {
      target: { sql: quotedName(mapping), renamed: mapping.columns.size > 0 },
      withRows: await partitionsWithRows(source, attachedPartitions(before, now)),
      recently: stream.recently,
      truncatedIn: (transaction) => stream.truncatedIn(now.oid, transaction),
    });
  };
}
