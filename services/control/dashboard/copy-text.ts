/** How far the copy of a table is, in a sentence. What is not known is said to be unknown. Pure. */
import { counted, countText, rateText, secondsText } from "./measures.ts";
import type { ShownCopy } from "./shown-status.ts";

export function copyText({ state, rows, estimatedRows, rowsPerSecond, secondsLeft, waitsFor, error, verifiedAt }: ShownCopy): string {
  if (state === "failed") return `failed: ${error ?? "nobody knows why"}`;
  if (state === "copied") return verifiedAt === null ? "copied, not yet verified" : "copied and verified";
  if (state !== "copying") return state;
  const of = estimatedRows === null ? "an unknown number of" : `about ${countText(estimatedRows)}`;
  // Where the copy has passed what was believed, nobody knows how many there are.
  const done = estimatedRows !== null && estimatedRows < rows ? counted(rows, "row") : `${countText(rows)} of ${of} rows`;
  const held = waitsFor === null ? "" : `, ${waitsFor}`;
  return `copying: ${done}, ${rateText(rowsPerSecond)}, time left ${secondsText(secondsLeft)}${held}`;
}
