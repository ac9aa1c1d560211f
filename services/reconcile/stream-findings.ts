/**
 * What the stream check has found wrong and told already: a row that stays wrong changes on, and would be told again with each change.
 *
 * Pure.
 */
import type { Decided } from "./candidates.ts";
import type { Report, ReportedKey } from "./report.ts";
import { mismatchRate } from "./report.ts";

/** Keys of one table: of more, some are told again. */
const remembered = 10_000;

type Found = Pick<Report, "missing" | "extra" | "differing">;

export class StreamFindings {
  readonly #told = new Map<string, Set<string>>();

  /**
   * Forgets of them what is right by now.
   *
   * @param table schema.table of the source
   * @param keys those that were looked at
   * @returns what of it is new
   */
  fresh(table: string, keys: readonly ReportedKey[], decided: Decided): Found {
    const told = this.#of(table);
    const { missing, extra, differing, undecided } = decided;
    const found = { missing: [...missing.values()], extra: [...extra.values()], differing: [...differing.values()] };
    const isNew = ({ key }: { readonly key: ReportedKey }): boolean => !told.has(text(key));
    const fresh = { missing: found.missing.filter(isNew), extra: found.extra.filter(isNew), differing: found.differing.filter(isNew) };
    const open = new Set([...found.missing, ...found.extra, ...found.differing, ...undecided.values()].map(({ key }) => text(key)));
    for (const key of keys.map(text)) if (!open.has(key)) told.delete(key);
    return fresh;
  }

  /** It is recorded: only now, or what is found while the control database is away would be in no history for as long as it stays wrong. */
  recorded(table: string, { missing, extra, differing }: Found): void {
    const told = this.#of(table);
    if (told.size > remembered) told.clear();
    for (const { key } of [...missing, ...extra, ...differing]) told.add(text(key));
  }

  #of(table: string): Set<string> {
    const told = this.#told.get(table) ?? new Set<string>();
    this.#told.set(table, told);
    return told;
  }
}

function text(key: ReportedKey): string {
  return JSON.stringify(Object.entries(key).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A report of a look at some rows, as the history keeps it. */
export function streamReport(
  { service, table, startedAt }: Pick<Report, "service" | "table" | "startedAt">,
  rows: number,
  { parked, rounds }: Decided,
  found: Found,
): Report {
  const rate = mismatchRate({ ...found, undecided: [], reason: null, parked: 0, truncatedAt: null }, rows);
  const finishedAt = new Date().toISOString();
  return {
    service,
    table,
    level: "stream",
    startedAt,
    finishedAt,
    snapshot: { sourceLsn: null, appliedLsn: null },
    verdict: "mismatch",
    reason: null,
    totalSource: rows,
    totalTarget: rows,
    compared: rows,
    matchRate: 1 - rate,
    mismatchRate: rate,
    rowsPerSecond: 0,
    ...found,
    undecided: [],
    parked: parked.size,
    rounds,
    truncatedAt: null,
  };
}
