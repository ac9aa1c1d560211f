/**
 * Reads rows by their keys, each with the transaction that made it: what the sandwich judges (sandwich.ts). Found by the key's own equality, and told apart by their
 * place in the list of keys that were asked for: the text of an equal key may be another (1.0 and 1.00, citext).
 */
import type { ClientBase } from "pg";
import type { SideTable } from "./compared-table.ts";
import type { KeyText } from "./key-range.ts";
import { hashOfRow, rowImage, shownValue } from "./row-hash.ts";
import { wantedKeys } from "./wanted-keys.ts";
import type { RowVersion } from "./sandwich.ts";

/**
 * @param redacted for each compared column whether its values must not be seen
 * @returns for each key its row; undefined where there is none
 */
export async function readKeyRows(
  client: ClientBase,
  table: SideTable,
  redacted: readonly boolean[],
  keys: readonly KeyText[],
): Promise<(RowVersion | undefined)[]> {
  const found: (RowVersion | undefined)[] = keys.map(() => undefined);
  if (keys.length === 0) return found;
  const wanted = wantedKeys(table, keys);
  const keyTexts = table.key.map(({ name }) => `t.${name}::text`);
  const values = table.columns.map((column, i) => shownValue(`t.${column}`, redacted[i]!));
  const image = rowImage(
    "value",
    table.hashed.map((column) => `t.${column}`),
  );
  const hash = table.hashing === "value" ? hashOfRow("value", image) : "NULL";
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT (w.place - 1)::text, t.xmin::text, ${[hash, ...keyTexts, ...values].join(", ")}
             FROM ${wanted.from}
            ORDER BY w.place, t.ctid`,
    values: [...wanted.values],
    rowMode: "array",
  });
  for (const [place, xmin, rowHash, ...texts] of rows) {
    const other = found[Number(place)];
    const key = texts.slice(0, table.key.length).map((text) => text!);
    const row = texts.slice(table.key.length);
    // Nothing keeps the key unique: rows of one key are judged as one.
    found[Number(place)] =
      other === undefined
        ? { xmin: xmin!, key, values: row, ...(typeof rowHash === "string" ? { hash: rowHash } : {}) }
        : { xmin: `${other.xmin} ${xmin!}`, key, values: [...other.values, ...row] };
  }
  return found;
}
