/** What connector and applier have to say when a run does not come to its end. */
import type { BankPipeline } from "./bank-pipeline.ts";
import type { Victim } from "./victim.ts";

export function lastWords({ connector, applier }: BankPipeline): string {
  return `the connector's last error is ${lastError(connector)}; the applier's ${lastError(applier)}`;
}

function lastError(victim: Victim): string {
  const line = victim.lines.findLast(({ err }) => err !== undefined);
  return line?.err === undefined ? "nothing" : `${line.err.code ?? ""}: ${line.err.message}`;
}

/** Codes of the errors that waited for a person; what is waited out by itself is a warning. */
export function operatorErrors(victim: Victim): string[] {
  return victim.lines.flatMap(({ level, err }) => (level === "error" ? [err?.code ?? "unknown"] : []));
}
