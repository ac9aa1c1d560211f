/** A report as people and as spreadsheets read it. Pure. Source of the form: RFC 4180. */
import type { Report, ReportedKey } from "./report.ts";

/** Mismatches of a table that its text lists; JSON and CSV have all. */
const listed = 20;

export function reportText(report: Report): string {
  const { table, verdict, reason, compared, rowsPerSecond, missing, extra, differing, undecided, truncatedAt, parked } = report;
  const mismatches = [
    ...differing.map(
      ({ key, columns }) =>
        `differs: ${keyText(key)}: ${columns.map(({ name, source, target }) => `${name} ${shown(source)} is ${shown(target)}`).join(", ")}`,
    ),
    ...missing.map(({ key }) => `missing at the target: ${keyText(key)}`),
    ...extra.map(({ key }) => `only at the target: ${keyText(key)}`),
    ...undecided.map(({ key, waitsFor }) => `undecided: ${keyText(key)}: waits for ${waitsFor}`),
  ];
  const counts = [
    [differing.length, "differing"],
    [missing.length, "missing"],
    [extra.length, "extra"],
    [undecided.length, "undecided"],
    [parked, "parked"],
  ].flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`]));
  const head = [`${table}: ${verdict}`, `${compared} rows compared, ${rowsPerSecond}/s`, ...counts].join(", ");
  return [
    head,
    ...(reason === null ? [] : [`  ${reason}`]),
    ...(truncatedAt === null ? [] : [`  more than ${truncatedAt} rows differ: copy the table again`]),
    ...mismatches.slice(0, listed).map((line) => `  ${line}`),
    ...(mismatches.length > listed ? [`  and ${mismatches.length - listed} more: --format json has all`] : []),
  ].join("\n");
}

const header = ["service", "table", "verdict", "kind", "key", "column", "source", "target"];

/** One line for each differing column, each other mismatch or undecided key, and each table that has none. */
export function reportCsv(reports: readonly Report[]): string {
  const lines = reports.flatMap(({ service, table, verdict, missing, extra, differing, undecided, reason }) => {
    const line = (...rest: (string | null)[]): (string | null)[] => [service, table, verdict, ...rest];
    const found = [
      ...differing.flatMap(({ key, columns }) =>
        columns.map(({ name, source, target }) => line("differing", JSON.stringify(key), name, source, target)),
      ),
      ...missing.map(({ key }) => line("missing", JSON.stringify(key), "", "", "")),
      ...extra.map(({ key }) => line("extra", JSON.stringify(key), "", "", "")),
      ...undecided.map(({ key, waitsFor }) => line("undecided", JSON.stringify(key), "", waitsFor, "")),
    ];
    return found.length === 0 ? [line("", "", "", reason ?? "", "")] : found;
  });
  return [header, ...lines].map((line) => line.map(cell).join(",")).join("\r\n");
}

/** NULL is an empty cell, an empty text a quoted one. */
function cell(value: string | null): string {
  if (value === null) return "";
  return value === "" || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

function keyText(key: ReportedKey): string {
  return Object.entries(key)
    .map(([name, value]) => `${name}=${shown(value)}`)
    .join(" ");
}

function shown(value: string | null): string {
  return value === null ? "NULL" : JSON.stringify(value);
}
