/** The table t (id), as one side has it. */
import type { SideTable } from "../../../services/reconcile/compared-table.ts";

/** @param key empty where nothing walks it */
export function sideTable(key: SideTable["key"]): SideTable {
  return {
    oid: 0,
    name: '"public"."t"',
    from: 'ONLY "public"."t"',
    columns: ['"id"'],
    hashed: ['"id"'],
    hashing: "representation",
    key,
  };
}
