/** Slots by how soon the monolith, or what is behind the slot, is in danger. Pure. */
import { type Health, levels } from "./health.ts";
import { secondsText } from "./measures.ts";
import type { ShownService, ShownSlot } from "./shown-status.ts";

export function slotHealth({ word, reason, page }: ShownSlot): Health {
  return { word, reason, level: word === "ok" ? "ok" : page ? "page" : "warning" };
}

/** By level, then by the share of the budget that is kept: largest first. */
export function slotsWorstFirst(services: readonly ShownService[]): ShownService[] {
  return services.toSorted((a, b) => rank(a) - rank(b) || tenths(b) - tenths(a) || (a.slot.name < b.slot.name ? -1 : 1));
}

function rank({ slot }: ShownService): number {
  return levels.indexOf(slotHealth(slot).level);
}

/** In steps: slots that change places at each look cannot be read. */
function tenths({ slot: { retainedBytes, budgetBytes } }: ShownService): number {
  return retainedBytes === null ? 0 : Math.floor((retainedBytes / budgetBytes) * 10);
}

/** What is said of a slot that is no more, in place of figures: there is no WAL that is kept for it, and none of that means that there is room. Undefined for one that there is. */
export function goneText({ word }: Pick<ShownSlot, "word">): string | undefined {
  if (word === "missing") return "nothing: there is no slot";
  return word === "lost" ? "nothing: the slot is lost" : undefined;
}

/** When the slot is lost at the present rate, or why there is no such time. */
export function lossText({ safeBytes, growthBytesPerSecond, secondsToLoss, retainedBytes, word }: ShownSlot): string {
  if (goneText({ word }) !== undefined) return "lost";
  if (retainedBytes === null) return "unknown";
  if (safeBytes === null) return "never: the disk fills first";
  if (growthBytesPerSecond === 0) return "does not grow";
  return secondsText(secondsToLoss);
}
