/** A pass over one table, and its report. */
import { formatLsn, type Lsn } from "../../connectors/postgres/lsn.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import { fullName } from "../runtime/table-pattern.ts";
import { Pass, type PassOptions } from "./pass.ts";
import { mismatchRate, type Report, verdictOf } from "./report.ts";

/** @throws OfftakeError of the two sides but RECONCILE_STALLED, which makes the pass incomplete */
export async function reconcileTable(service: string, options: PassOptions): Promise<Report> {
  const pass = new Pass(options);
  const startedAt = new Date().toISOString();
  const started = performance.now();
  let reason: string | null = null;
  try {
    await pass.run();
  } catch (error) {
    const ours = asOfftakeError(error);
    if (ours.code !== "RECONCILE_STALLED") throw ours;
    reason = ours.message;
  }
  const { decided, totalSource, totalTarget, truncatedAt } = pass;
  const found = {
    missing: [...decided.missing.values()],
    extra: [...decided.extra.values()],
    differing: [...decided.differing.values()],
    undecided: [...decided.undecided.values()],
  };
  const parked = decided.parked.size;
  const findings = { ...found, reason, parked, truncatedAt };
  const compared = totalSource + found.extra.length;
  const rate = mismatchRate(findings, compared);
  return {
    service,
    table: fullName(options.table.name),
    level: options.level,
    startedAt,
    finishedAt: new Date().toISOString(),
    snapshot: { sourceLsn: shown(pass.passed), appliedLsn: shown(pass.applied) },
    verdict: verdictOf(findings),
    reason,
    totalSource,
    totalTarget,
    compared,
    matchRate: 1 - rate,
    mismatchRate: rate,
    rowsPerSecond: Math.round((compared * 1000) / Math.max(performance.now() - started, 1)),
    ...found,
    parked,
    rounds: decided.rounds,
    truncatedAt,
  };
}

function shown(lsn: Lsn | undefined): string | null {
  return lsn === undefined ? null : formatLsn(lsn);
}
