/** What `status` says of the reconciler's passes and alerts. Pure. */
import type { Alert } from "../reconcile/alert-decision.ts";
import type { TablePasses } from "../control/pass-history.ts";

/** A line for tables that were found equal by their newest pass, and one for each other. */
export function passesText(service: string, passes: readonly TablePasses[]): string[] {
  const equal = passes.filter(({ verdict }) => verdict === "equal");
  const oldest = equal.map(({ finishedAt }) => finishedAt).toSorted()[0];
  return [
    ...(oldest === undefined ? [] : [`${service}: found equal, the oldest at ${oldest}: ${equal.map(({ table }) => table).join(", ")}`]),
    ...passes.filter(({ verdict }) => verdict !== "equal").map((pass) => `${service}: ${pass.table}: ${wrongText(service, pass)}`),
  ];
}

export function alertsText(service: string, alerts: readonly Omit<Alert, "clearedAt">[]): string[] {
  return alerts.map(({ table, kind, detail, raisedAt }) => `${service}: ${table}: alert (${kind}) since ${raisedAt}: ${detail}`);
}

function wrongText(service: string, { verdict, mismatches, finishedAt, lastCleanAt }: TablePasses): string {
  const last = lastCleanAt === null ? "never found equal" : `last equal at ${lastCleanAt}`;
  if (verdict === "mismatch") return `${mismatches} rows wrong at ${finishedAt}, ${last}: offtake repair ${service}`;
  return `${verdict} at ${finishedAt}, ${last}: offtake reconcile ${service}`;
}
