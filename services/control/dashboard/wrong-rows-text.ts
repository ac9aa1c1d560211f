/** How many rows of a table the newest pass has found wrong. Of a table that is too divergent none was looked at, and the 0 that were found stood there as if it were equal. Pure. */
import type { TableRow } from "./api-answers.ts";
import { countText } from "./measures.ts";

export function wrongRowsText({ pass, mismatches }: Pick<TableRow, "pass" | "mismatches">): { readonly text: string; readonly isBad: boolean } {
  if (pass === null) return { text: "unknown", isBad: false };
  if (pass.verdict === "too-divergent") return { text: "too many", isBad: true };
  const kinds = mismatches === null ? "" : ` (${mismatches.differing} differing, ${mismatches.missing} missing, ${mismatches.extra} extra)`;
  return { text: `${countText(pass.mismatches)}${pass.mismatches > 0 ? kinds : ""}`, isBad: pass.mismatches > 0 };
}
