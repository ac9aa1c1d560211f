/** Walks the keys of a table at one side, in the order of its own index. */
import type { Client } from "pg";
import type { SideTable } from "./compared-table.ts";
import type { KeyRange, KeyText } from "./key-range.ts";
import { findRangeEnd } from "./range-end.ts";
import type { RangeSize } from "./range-size.ts";

/**
 * Ranges of the whole table, the last one open above. Each is taken until the next is asked for, which is how its size is found.
 *
 * @param read a read of that side
 */
export async function* walk(
  read: (work: (client: Client) => Promise<KeyText | undefined>) => Promise<KeyText | undefined>,
  table: SideTable,
  size: RangeSize,
): AsyncGenerator<KeyRange, void> {
  for (let after: KeyText | undefined; ;) {
    const started = performance.now();
    const from = after;
    const upTo = await read(async (client) => findRangeEnd(client, table, from, size.rows));
    yield { after, upTo };
    if (upTo === undefined) return;
    size.took(performance.now() - started);
    after = upTo;
  }
}
