/**
 * What becomes of a key that there was no row of: it is deleted at the target, as long as no row came meanwhile that equals it, whatever its text.
 *
 * Pure.
 */
import { mayEqual } from "./equal-keys.ts";
import type { WalkColumn } from "./snapshot-table.ts";
import type { Visibility } from "./snapshot-visibility.ts";
import type { ChunkWindow, Fate } from "./table-watch.ts";

/**
 * @param walk columns of the table's key, in any order
 * @param columns their names, in the order of a key's values
 */
export function absentFate(
  window: ChunkWindow,
  visibility: Visibility,
  walk: readonly WalkColumn[],
  columns: readonly string[],
): (key: string) => Fate {
  const equals = mayEqual(
    columns.map((name) => walk.find((column) => column.name === name)!),
    window.unseenKeys(visibility),
  );
  return (key) => {
    const fate = window.fate(key, visibility);
    return fate === "publish" && equals(key) ? "again" : fate;
  };
}
