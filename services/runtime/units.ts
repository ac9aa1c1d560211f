/**
 * Durations and sizes as people write them in offtake.yaml, and back.
 *
 * A unit read wrongly is a limit off by a factor of a thousand that nobody notices until a disk is full, so there is one spelling per unit, no
 * fractions, no number without a unit, and no rounding: what cannot be said exactly is not a duration or a size. Decimal units (MB) are refused
 * since half of the world means MiB by them.
 *
 * Pure. The limits of a setting stand where the setting is defined, in schemas/configuration.ts.
 */

const durationUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const sizeUnits = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3, TiB: 1024 ** 4 } as const;

/** What a duration looks like; JSON Schema shows it to editors. */
export const durationPattern = /^(0|[1-9][0-9]*)(ms|s|m|h)$/;
/** What a size looks like. */
export const sizePattern = /^(0|[1-9][0-9]*)(B|KiB|MiB|GiB|TiB)$/;

/** Milliseconds of `250ms`, `5s`, `10m`, `24h`; undefined when it is not a duration or too large to be exact. */
export function parseDuration(text: string): number | undefined {
  return parseUnits(text, durationPattern, durationUnits);
}

/** Bytes of `512B`, `64KiB`, `10MiB`, `10GiB`; undefined when it is not a size or too large to be exact. */
export function parseSize(text: string): number | undefined {
  return parseUnits(text, sizePattern, sizeUnits);
}

/** The shortest exact spelling: 90000 is `90s`, 3600000 is `1h`. */
export function formatDuration(milliseconds: number): string {
  return formatUnits(milliseconds, durationUnits);
}

/** The shortest exact spelling: 1536 is `1536B`, 65536 is `64KiB`. */
export function formatSize(bytes: number): string {
  return formatUnits(bytes, sizeUnits);
}

function parseUnits(text: string, pattern: RegExp, units: Record<string, number>): number | undefined {
  const match = pattern.exec(text);
  const factor = match?.[2] === undefined ? undefined : units[match[2]];
  if (match?.[1] === undefined || factor === undefined) return undefined;
  const value = BigInt(match[1]) * BigInt(factor);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined;
}

function formatUnits(value: number, units: Record<string, number>): string {
  const [name, factor] = Object.entries(units).findLast(([, each]) => value !== 0 && value % each === 0) ?? Object.entries(units)[0] ?? ["", 1];
  return `${value / factor}${name}`;
}
