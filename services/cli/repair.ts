/**
 * `offtake repair`: a pass, the rows that it found wrong published again, and a look at each of them afterwards. With --dry-run it says what it would publish again, and changes nothing.
 */
import { writeAudit } from "../control/audit.ts";
import { withControl } from "../control/control-session.ts";
import { recordPass } from "../control/pass-history.ts";
import { isAtWork, readUnitReports } from "../control/unit-reports.ts";
import type { Decided } from "../reconcile/candidates.ts";
import { isOfTable, ServicePasses } from "../reconcile/reconcile-service.ts";
import { splitKey } from "../reconcile/row-hashes.ts";
import { publishAgain } from "../reconcile/repair.ts";
import { type Differing, type Report, type ReportedKey, reportedKey, type Undecided } from "../reconcile/report.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import { fullName, type TableName } from "../runtime/table-pattern.ts";
import { exitOf } from "./reconcile.ts";
import { refusePaused } from "./refuse-paused.ts";
import { pipelineOf, tableNamed } from "./service-pipeline.ts";
import { ExitCode, type Terminal } from "./terminal.ts";

interface Wrong {
  readonly missing: readonly { readonly key: ReportedKey }[];
  readonly extra: readonly { readonly key: ReportedKey }[];
  readonly differing: readonly Differing[];
  readonly undecided: readonly Undecided[];
}

/** Names are public. */
export interface TableRepair {
  /** schema.table of the source. */
  readonly table: string;
  /** Of the pass before. */
  readonly verdict: Report["verdict"];
  readonly reason: string | null;
  readonly found: Wrong;
  /** What of it is wrong still, or undecided; null where nothing was published again. */
  readonly left: Wrong | null;
}

export interface RepairAnswer {
  readonly object: Readonly<Record<string, unknown>> & {
    readonly service: string;
    readonly dryRun: boolean;
    readonly tables: readonly TableRepair[];
  };
  readonly text: string;
  readonly exit: ExitCode;
}

export interface RepairOptions {
  readonly dryRun: boolean;
  /** Who asks for it, for the audit. */
  readonly who: string;
  /** Milliseconds without any progress. */
  readonly stallMs?: number;
}

/**
 * @param names of tables; empty for all of the service
 * @throws OfftakeError USAGE, RECONCILE_PAUSED, REPAIR_FAILED, INTERRUPTED, and of source, target and control database
 */
export async function repair(
  configuration: Configuration,
  name: string,
  names: readonly string[],
  { dryRun, who: requestedBy, stallMs = 60_000 }: RepairOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<RepairAnswer> {
  const { service, connector } = pipelineOf(configuration, name);
  const tables = names.map((each) => tableNamed(each, name));
  const repairs: TableRepair[] = [];
  const reports: Report[] = [];
  await withControl(configuration.control.url, "offtake repair", async (control) => {
    await refusePaused(control, connector);
    const passes = await ServicePasses.open({ configuration, service, connector, tables, level: "detailed", signal, stallMs });
    try {
      for (const each of passes.tables) {
        const table = fullName(each);
        const report = await passes.report(each);
        reports.push(report);
        await recordPass(control, connector.name, report);
        const found = wrongOf(report);
        const keys = [...found.missing, ...found.extra, ...found.differing].map(({ key }) => key);
        const tells = { table, verdict: report.verdict, reason: report.reason, found };
        if (dryRun || keys.length === 0) {
          repairs.push({ ...tells, left: null });
          continue;
        }
        terminal.progress(`${table}: ${keys.length} rows are published again`);
        const units = await readUnitReports(control, configuration.kafka.topicPrefix);
        const idle = [`connector ${connector.name}`, `applier ${name}`].filter((unit) => !isAtWork(units, unit));
        if (idle.length > 0)
          terminal.progress(`No process runs ${idle.join(", ")}: this waits ${stallMs / 1000} s for a sign of it; \`offtake run\` starts it`);
        await publishAgain(control, { connector: connector.name, service: name, table, keys, requestedBy, stallMs, signal });
        const left = await lookedAt(passes, each, keys);
        await writeAudit(control, { who: requestedBy, action: "repair", service: name, subject: table, before: found, after: left });
        repairs.push({ ...tells, left });
      }
    } finally {
      await passes.end();
    }
  });
  const text = repairs.map((each) => repairText(each, dryRun)).join("\n");
  return { object: { service: name, dryRun, tables: repairs }, text, exit: dryRun ? exitOf(reports) : exitOfRepairs(repairs) };
}

function wrongOf({ missing, extra, differing, undecided }: Wrong): Wrong {
  return { missing, extra, differing, undecided };
}

/** What cannot be looked at once it is published is not equal, and stands in the audit all the same. */
async function lookedAt(passes: ServicePasses, table: TableName, keys: readonly ReportedKey[]): Promise<Wrong> {
  const columns = Object.keys(keys[0]!);
  const asked = keys.map((key) => Object.values(key).map((value) => value ?? ""));
  try {
    return listed(await passes.again(table, asked, columns), columns);
  } catch (error) {
    const ours = asOfftakeError(error);
    if (!isOfTable(ours)) throw ours;
    return { missing: [], extra: [], differing: [], undecided: keys.map((key) => ({ key, waitsFor: ours.message })) };
  }
}

/** @param columns of the keys that were asked for. A row whose events were put aside meanwhile was not looked at, and is not equal. */
function listed({ missing, extra, differing, undecided, parked }: Decided, columns: readonly string[]): Wrong {
  const waitsFor = "its events among the dead letters (offtake dlq)";
  const waiting = [...parked].map((key) => ({ key: reportedKey(columns, splitKey(key)), waitsFor }));
  return {
    missing: [...missing.values()],
    extra: [...extra.values()],
    differing: [...differing.values()],
    undecided: [...undecided.values(), ...waiting],
  };
}

function count({ missing, extra, differing }: Wrong): number {
  return missing.length + extra.length + differing.length;
}

/** What was found is no longer what counts, where it was published again. */
function exitOfRepairs(repairs: readonly TableRepair[]): ExitCode {
  if (repairs.some(({ verdict, left }) => verdict === "too-divergent" || (left !== null && count(left) > 0))) return ExitCode.no;
  const isDone = ({ verdict, found, left }: TableRepair): boolean =>
    (verdict === "equal" || verdict === "mismatch") && (left ?? found).undecided.length === 0;
  return repairs.every(isDone) ? ExitCode.done : ExitCode.failed;
}

function parts({ differing, missing, extra }: Wrong): string {
  return `${differing.length} differing, ${missing.length} missing, ${extra.length} extra`;
}

function repairText({ table, verdict, reason, found, left }: TableRepair, dryRun: boolean): string {
  const why = reason === null ? "" : `: ${reason}`;
  if (verdict === "too-divergent") return `${table}: too divergent to be repaired row by row: copy it again`;
  if (count(found) === 0) return `${table}: ${verdict}, nothing to repair${why}`;
  if (dryRun) return `${table}: would publish ${count(found)} rows again: ${parts(found)}${why}`;
  const rest =
    left === null || count(left) + left.undecided.length === 0
      ? "all of them are equal now"
      : `left: ${parts(left)}, ${left.undecided.length} undecided`;
  return `${table}: published ${count(found)} rows again (${parts(found)}): ${rest}${why}`;
}
