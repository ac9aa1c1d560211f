/** `offtake reconcile`: one pass now. Lag makes it take longer, and is never a mismatch. */
import { type ControlSession, withControl } from "../control/control-session.ts";
import { recordPass } from "../control/pass-history.ts";
import { reconcileService } from "../reconcile/reconcile-service.ts";
import type { Format, Level, Report } from "../reconcile/report.ts";
import type { Hashing } from "../reconcile/row-hash.ts";
import { reportCsv, reportText } from "../reconcile/report-text.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import { refusePaused } from "./refuse-paused.ts";
import { pipelineOf, tableNamed } from "./service-pipeline.ts";
import { ExitCode, type Terminal } from "./terminal.ts";

export interface ReconcileAnswer {
  readonly object: Readonly<Record<string, unknown>> & { readonly service: string; readonly reports: readonly Report[] };
  readonly text: string;
  readonly exit: ExitCode;
}

/** Milliseconds between two lines that say how far it is. */
const everyMs = 2000;

/**
 * @param names of tables; empty for all of the service
 * @throws OfftakeError USAGE, RECONCILE_PAUSED, and of source and target
 */
export async function reconcile(
  configuration: Configuration,
  name: string,
  names: readonly string[],
  { level, format, hash }: { readonly level: Level; readonly format: Format; readonly hash?: Hashing | undefined },
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ReconcileAnswer> {
  const { service, connector } = pipelineOf(configuration, name);
  const tables = names.map((each) => tableNamed(each, name));
  let told = performance.now();
  const progress = (table: string, rows: number): void => {
    if (performance.now() - told < everyMs) return;
    told = performance.now();
    terminal.progress(`${table}: ${rows} rows compared`);
  };
  const reports: Report[] = [];
  await withControl(configuration.control.url, "offtake reconcile", async (control) => {
    await refusePaused(control, connector);
    for await (const report of reconcileService({ configuration, service, connector, tables, level, hashing: hash, signal, progress })) {
      reports.push(report);
      await record(control, connector.name, report, terminal);
    }
  });
  const text = format === "csv" ? reportCsv(reports) : reports.map(reportText).join("\n");
  return { object: { service: name, reports }, text: reports.length === 0 ? `${name} has no tables.` : text, exit: exitOf(reports) };
}

/** What was found is said all the same where it cannot be written down. */
async function record(control: ControlSession, connector: string, report: Report, terminal: Terminal): Promise<void> {
  try {
    await recordPass(control, connector, report);
  } catch (error) {
    terminal.progress(`The pass over ${report.table} is not in the history: ${asOfftakeError(error).line}`);
  }
}

/** 3 for what is wrong, 1 for what could not be compared. */
export function exitOf(reports: readonly Report[]): ExitCode {
  const verdicts = reports.map(({ verdict }) => verdict);
  if (verdicts.some((verdict) => verdict === "mismatch" || verdict === "too-divergent")) return ExitCode.no;
  return verdicts.every((verdict) => verdict === "equal") ? ExitCode.done : ExitCode.failed;
}
