/**
 * What each process of Offtake says of its units, so that one place knows of all: whether a connector or an applier works, and why not. Told by the processes themselves,
 * since nobody knows their addresses; one that says nothing any more has ended, or cannot reach this database, and is shown with when it spoke last.
 *
 * Source: schemas/control-schema.ts.
 */
import type { Complaints } from "../runtime/complaints.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import type { Readiness } from "../runtime/health-server.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import type { ControlSession } from "./control-session.ts";

/** Names are public: the API has them. */
export interface UnitReport {
  /** Such as `connector trading`. */
  readonly unit: string;
  /** Host and number of the process. */
  readonly process: string;
  readonly ready: boolean;
  readonly reason: string;
  /** Seconds since it spoke last. */
  readonly ageSeconds: number;
}

const reportSql = `
  INSERT INTO offtake.unit_report (installation, process, unit, ready, reason)
  SELECT $1, $2, r.unit, r.ready, r.reason FROM unnest($3::text[], $4::boolean[], $5::text[]) AS r (unit, ready, reason)
      ON CONFLICT (installation, process, unit) DO UPDATE SET ready = excluded.ready, reason = excluded.reason, reported_at = clock_timestamp()`;

// Processes that were killed are remembered for a while, so that somebody can see since when.
const forgetSql = "DELETE FROM offtake.unit_report WHERE installation = $1 AND (process = $2 OR reported_at < clock_timestamp() - interval '1 day')";

const readSql = `
  SELECT unit, process, ready, reason, extract(epoch FROM clock_timestamp() - reported_at)::float8 AS age
    FROM offtake.unit_report WHERE installation = $1 ORDER BY unit, reported_at DESC`;

/** Milliseconds between two reports, and that the last one may take. */
const reportMs = 5000;
const farewellMs = 2000;

export interface UnitReporting {
  readonly installation: string;
  /** Host and number. */
  readonly process: string;
  readonly readiness: () => readonly Readiness[];
  readonly complaints: Complaints;
}

/** Says how the process's units are until it is stopped, and then that they are not missed. Never throws. */
export async function reportUnits(
  control: ControlSession,
  { installation, process, readiness, complaints }: UnitReporting,
  signal: AbortSignal,
): Promise<void> {
  const told = async (): Promise<void> => {
    const units = readiness();
    const values = [units.map(({ unit }) => unit), units.map(({ ready }) => ready), units.map(({ reason }) => reason ?? "")];
    await control.query(reportSql, [installation, process, ...values]);
  };
  do
    await told().catch((error: unknown) => {
      complaints.say(asOfftakeError(error), "the control database does not learn how this process's units are");
    });
  while ((await waitOrStop(reportMs, signal)) === "elapsed");
  const answered = new AbortController();
  const farewell = control.query(forgetSql, [installation, process]).then(
    () => answered.abort(),
    () => answered.abort(),
  );
  await Promise.race([farewell, waitOrStop(farewellMs, answered.signal)]);
}

/** Seconds after which a process that reports every five is missed. */
export const silentSeconds = 30;

/** Whether some process has it, and has said so lately; it need not be ready. */
export function isAtWork(units: readonly UnitReport[], unit: string): boolean {
  return units.some((each) => each.unit === unit && each.ageSeconds <= silentSeconds);
}

/** @returns by unit, that which spoke last first. @throws OfftakeError as ControlSession.query() */
export async function readUnitReports(control: ControlSession, installation: string): Promise<UnitReport[]> {
  const { rows } = await control.query<{ unit: string; process: string; ready: boolean; reason: string; age: number }>(readSql, [installation]);
  return rows.map(({ age, ...report }) => ({ ...report, ageSeconds: Math.max(Math.round(age), 0) }));
}
