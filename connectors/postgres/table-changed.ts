/** A table that is not any more what it was when its rows were asked for: what is read of it now would be put behind rows of another. */
import { OfftakeError } from "../../services/runtime/errors.ts";
import { fullName, type TableName } from "../../services/runtime/table-pattern.ts";

/** @param how as the end of a sentence about the table */
export function tableChanged(name: TableName, how: string): OfftakeError {
  return new OfftakeError("SNAPSHOT_TABLE_CHANGED", `The table ${fullName(name)} ${how}.`, {
    cure: "What was copied of it stays. Start the copy, or the repair, again: `offtake snapshot start`.",
  });
}
