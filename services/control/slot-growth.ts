/**
 * How fast the WAL that a slot retains grows at present, and when it is lost at that rate: whoever is told three hours may finish what they are at, whoever is told four minutes may not.
 *
 * What a slot retains goes up and down where all is well, since the server moves the place from which it keeps WAL only now and then. So it is the troughs that are compared, of the older half of
 * the last minutes and of the newer: a saw-tooth on level ground does not grow, and one that climbs does.
 *
 * Pure.
 */
import type { History } from "./lag-history.ts";

/** Seconds that are looked at, and of which there have to be samples before anything is said. */
const windowSeconds = 120;
const leastSeconds = 60;

interface Trough {
  readonly at: number;
  readonly bytes: number;
}

/**
 * @param history of one service, the newest sample last
 * @returns bytes a second, 0 where it does not grow; null where nobody can tell
 */
export function slotGrowth({ times, retainedBytes }: Pick<History, "times" | "retainedBytes">): number | null {
  const newest = times.at(-1) ?? 0;
  const known = times.flatMap((at, i): Trough[] => {
    const bytes = retainedBytes[i] ?? null;
    return bytes === null || newest - at > windowSeconds ? [] : [{ at, bytes }];
  });
  const first = known[0]?.at ?? newest;
  if (newest - first < leastSeconds) return null;
  const middle = (first + newest) / 2;
  const older = trough(known.filter(({ at }) => at < middle));
  const newer = trough(known.filter(({ at }) => at >= middle));
  // A source that could not be asked for half of the time has said nothing of it.
  if (older === undefined || newer === undefined) return null;
  return Math.max((newer.bytes - older.bytes) / (newer.at - older.at), 0);
}

/** The lowest, and of several the newest. */
function trough(samples: readonly Trough[]): Trough | undefined {
  let lowest: Trough | undefined;
  for (const sample of samples) if (lowest === undefined || sample.bytes <= lowest.bytes) lowest = sample;
  return lowest;
}

/**
 * @param safeBytes that can still be written before the slot is lost; null for no limit
 * @param growth of slotGrowth()
 * @returns null where it is never lost at this rate, or nobody can tell
 */
export function secondsToLoss(safeBytes: number | null, growth: number | null): number | null {
  if (safeBytes === null || growth === null || growth === 0) return null;
  return Math.max(Math.round(safeBytes / growth), 0);
}
