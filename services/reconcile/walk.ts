/** Walks the keys of a table at one side, in the order of its own index. */
import type { Client } from "pg";
import type { SideTable } from "./compared-table.ts";
import type { KeyRange, KeyText } from "./key-range.ts";
import { findRangeEnd } from "./range-end.ts";
import type { RangeSize } from "./range-size.ts";

/** The whole table. */
const everything: KeyRange = { after: undefined, upTo: undefined };

/**
 * Ranges that follow one another, from the beginning of `within` to its end. Each is taken until the next is asked for, which is how its size is found.
 *
 * @param read a read of that side
 */
export async function* walk(
  read: (work: (client: Client) => Promise<KeyText | undefined>) => Promise<KeyText | undefined>,
  table: SideTable,
  size: RangeSize,
  within: KeyRange = everything,
): AsyncGenerator<KeyRange, void> {
  for (let after = within.after; ;) {
    const started = performance.now();
    const rest = { after, upTo: within.upTo };
    const upTo = await read(async (client) => findRangeEnd(client, table, rest, size.rows));
    if (upTo === undefined) {
      yield rest;
      return;
    }
    yield { after, upTo };
    size.took(performance.now() - started);
    after = upTo;
  }
}
