/**
 * The command that does what a button does, to be copied into a shell, an incident's log, or a message to whoever has a shell. A name that a shell would take apart is quoted. Pure.
 *
 * Source: docs/cli.md.
 */
export function pauseCommand(service: string): string {
  return command("pause", service);
}

export function resumeCommand(service: string): string {
  return command("resume", service);
}

export function reconcileCommand(service: string, tables: readonly string[], level = "detailed"): string {
  return command("reconcile", service, ...tables, ...(level === "detailed" ? [] : ["--level", level]));
}

export function snapshotCommand(service: string, tables: readonly string[]): string {
  return command("snapshot", "start", service, ...tables);
}

export function repairCommand(service: string, tables: readonly string[], dryRun: boolean): string {
  return command("repair", service, ...tables, ...(dryRun ? ["--dry-run"] : []));
}

/** @param letter as the API has it, `service:number`; undefined for all of the service */
export function replayCommand(service: string, letter: string | undefined): string {
  return command("dlq", "replay", service, ...(letter === undefined ? [] : [letterNumber(letter)]));
}

export function skipCommand(service: string, letter: string, all: boolean): string {
  return command("dlq", "skip", service, letterNumber(letter), ...(all ? ["--all"] : []));
}

/**
 * Copies have a command; passes and repairs are called off by the API alone.
 *
 * @param origin of this page
 */
export function cancelCommand(job: { readonly id: string; readonly service: string; readonly tables: readonly string[] }, origin: string): string {
  if (job.id.startsWith("c")) return command("snapshot", "cancel", job.service, ...job.tables);
  return `curl -X POST -H "Authorization: Bearer $OFFTAKE_API_KEY" ${origin}/api/v1/jobs/${job.id}/cancel`;
}

function letterNumber(letter: string): string {
  return letter.slice(letter.lastIndexOf(":") + 1);
}

function command(...words: readonly string[]): string {
  return ["offtake", ...words].map(quoted).join(" ");
}

/** Source: POSIX Shell Command Language, "Quoting". */
function quoted(word: string): string {
  return /^[\w./:@%+,=-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
