/**
 * A list of keys as a statement joins it to its table: found by the key's own equality, and told apart by their place in the list, since the text of an equal key may be
 * another (1.0 and 1.00, citext).
 */
import type { SideTable } from "./compared-table.ts";
import type { KeyText } from "./key-range.ts";

export interface WantedKeys {
  /** FROM: the list as `w`, with `place` from 1 on, and the rows that it has as `t`. */
  readonly from: string;
  readonly values: readonly (readonly string[])[];
}

export function wantedKeys(table: SideTable, keys: readonly KeyText[]): WantedKeys {
  const lists = table.key.map((_, i) => `$${i + 1}::text[]`);
  const names = table.key.map((_, i) => `k${i}`);
  const matches = table.key.map(({ name, cast, operators }, i) => `t.${name} OPERATOR(${operators}.=) w.k${i}::${cast}`);
  return {
    from: `unnest(${lists.join(", ")}) WITH ORDINALITY AS w (${names.join(", ")}, place) JOIN ${table.from} AS t ON ${matches.join(" AND ")}`,
    values: table.key.map((_, i) => keys.map((key) => key[i]!)),
  };
}
