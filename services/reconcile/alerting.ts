/**
 * Raises and clears alerts: the one place where an alert becomes something that others see, in the log, in the metrics and in the control database, from where `status` shows it. What is
 * to be raised is decided elsewhere (alert-decision.ts).
 */
import { clearAlert, readAlerts, recordAlert } from "../control/alert-history.ts";
import type { ControlSession } from "../control/control-session.ts";
import type { ErrorCode } from "../runtime/error-codes.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { alertKinds, type AlertKind, type Condition, transitions } from "./alert-decision.ts";
import type { ReconcilerContext } from "./reconciler.ts";

const codes: Readonly<Record<AlertKind, ErrorCode>> = {
  mismatch: "RECONCILE_MISMATCHES",
  overdue: "RECONCILE_OVERDUE",
  lag: "RECONCILE_LAGGING",
};

/** @throws OfftakeError of the control database */
export async function alert(
  { connector, service, log, metrics }: Pick<ReconcilerContext, "connector" | "service" | "log" | "metrics">,
  control: ControlSession,
  conditions: readonly Condition[],
): Promise<void> {
  const known = await readAlerts(control, connector.name);
  const { raise, clear } = transitions(known, conditions, Date.now());
  for (const condition of raise) {
    const { table, kind, detail } = condition;
    await recordAlert(control, connector.name, service.name, condition);
    const cure = kind === "lag" ? "See `offtake status`." : `See \`offtake reconcile ${service.name}\`.`;
    log.warn({ err: new OfftakeError(codes[kind], `${table}: ${detail}`, { cure }), table, kind }, "alert");
  }
  for (const { table, kind, raisedAt } of clear) {
    await clearAlert(control, connector.name, { table, kind });
    log.info({ table, kind, raisedAt, code: codes[kind] }, "the alert is over");
  }
  const lasting = new Set(
    [...known.filter((each) => each.clearedAt === null && !clear.includes(each)), ...raise].map(({ table, kind }) => `${kind} ${table}`),
  );
  const tables = new Set([...conditions, ...clear].map(({ table }) => table));
  for (const table of tables)
    for (const kind of alertKinds) metrics.reconcileAlert.set({ service: service.name, table, kind }, lasting.has(`${kind} ${table}`) ? 1 : 0);
}
