/** What stands on the command line, as the commands take it. What is not understood is refused, with what would have been. */
import { InvalidArgumentError } from "commander";
import type { RunKind } from "./run-units.ts";

export function runKind(text: string): RunKind {
  if (text === "connector" || text === "applier" || text === "reconciler" || text === "control" || text === "all") return text;
  throw new InvalidArgumentError("Expected connector, applier, reconciler, control or all.");
}

export function port(text: string): number {
  const value = wholeNumber(text);
  if (value !== undefined && value <= 65_535) return value;
  throw new InvalidArgumentError("Expected a number from 0 to 65535.");
}

export function positive(text: string): number {
  const value = wholeNumber(text);
  if (value !== undefined && value > 0) return value;
  throw new InvalidArgumentError("Expected a whole number above 0.");
}

/** Digits only: Number() takes an empty text, spaces and 0x10 as well. */
function wholeNumber(text: string): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}
