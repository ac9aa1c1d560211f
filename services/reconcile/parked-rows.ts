/**
 * Keys of a table whose events are put aside at the target (services/apply/parked-keys.ts). Their rows are known to be behind, and of each of them the position says nothing: to call
 * them wrong would be to call lag a mismatch.
 *
 * Source: schemas/target-schema.ts, offtake.parked.
 */
import type { ClientBase } from "pg";
import { settled } from "../apply/parked-keys.ts";
import type { KeyText } from "./key-range.ts";

const parkedSql = "SELECT key_columns, key FROM offtake.parked WHERE connector = $1 AND table_name = $2";

export class ParkedRows {
  readonly #keys: ReadonlySet<string>;

  private constructor(keys: ReadonlySet<string>) {
    this.#keys = keys;
  }

  /**
   * @param table schema.table of the source
   * @param columns of its key, by the source's names
   */
  static async read(target: ClientBase, connector: string, table: string, columns: readonly string[]): Promise<ParkedRows> {
    const { rows } = await target.query<{ key_columns: string[]; key: string[] }>(parkedSql, [connector, table]);
    return new ParkedRows(new Set(rows.map(({ key_columns: names, key }) => columns.map((name) => key[names.indexOf(name)]).join("\0"))));
  }

  has(key: KeyText): boolean {
    if (this.#keys.size === 0) return false;
    const text = key.map(settled);
    // A cast prints a boolean in full, and the type itself does not.
    return (
      this.#keys.has(text.join("\0")) || this.#keys.has(text.map((part) => (part === "true" || part === "false" ? part.charAt(0) : part)).join("\0"))
    );
  }
}
