/** What is not well in an installation, in the words of its own status. Pure. */
import { silentSeconds, type UnitReport } from "../control/unit-reports.ts";
import type { InstallationStatus } from "./control-board.ts";

export interface Trouble {
  readonly kind: "slot" | "error" | "unit";
  readonly where: string;
  readonly what: string;
  /** Of an error. */
  readonly code?: string;
}

export function troublesOf({ services, units }: InstallationStatus): Trouble[] {
  const slots = services.flatMap(({ service, slot, errors }) => [
    ...(slot.page ? [{ kind: "slot" as const, where: service, what: `slot ${slot.name}: ${slot.word}: ${slot.reason}` }] : []),
    ...errors.map(({ code, message }) => ({ kind: "error" as const, where: service, what: `${code}: ${message}`, code })),
  ]);
  return [...slots, ...unitTroubles(units ?? [])];
}

export function unitTroubles(units: readonly UnitReport[]): Trouble[] {
  // Each unit's newest word alone: a standby, or a process from before, says nothing of whether the work is done.
  const newest = [...new Map(units.toReversed().map((each) => [each.unit, each])).values()];
  return newest.flatMap(({ unit, ready, reason, ageSeconds, process }) => {
    if (ageSeconds > silentSeconds) return [{ kind: "unit" as const, where: unit, what: `${process} has said nothing for ${ageSeconds} s` }];
    return ready || units.some((other) => other.unit === unit && other.ready && other.ageSeconds <= silentSeconds)
      ? []
      : [{ kind: "unit" as const, where: unit, what: reason }];
  });
}
