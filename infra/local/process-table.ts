/**
 * The processes of this machine, as far as a clean-up needs them.
 *
 * A process id alone names nobody: a minute later it may belong to somebody's editor. So an owner is known by its id and its start time, and a
 * server by what only we can have written into its command line (see stack-processes.ts).
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

export interface RunningProcess {
  pid: number;
  /** Arguments joined by a space; for PostgreSQL's children the title that they give themselves. */
  command: string;
}

/** This process, as a name that can be given to a file or a folder: `<pid>-<start>`. */
export function ownName(): string {
  return `${process.pid}-${startOf(process.pid)}`;
}

/** Whether the process that was named so is still running. @param name begins with what ownName() gave */
export function isRunning(name: string): boolean {
  const [pid = "", start] = name.split("-");
  return /^\d+$/.test(pid) && start !== undefined && startOf(Number(pid)) === start;
}

/** Every process whose command line may be read, without kernel threads and without those that have ended but are not waited for. */
export function runningProcesses(): RunningProcess[] {
  if (process.platform !== "linux") return fromPs();
  const found: RunningProcess[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const command = readIfThere(`/proc/${name}/cmdline`).replaceAll("\0", " ").trimEnd();
    if (command !== "") found.push({ pid, command });
  }
  return found;
}

/** When the process started, as a word that no later process of the same id has; undefined when there is none (or it only waits to be reaped). */
function startOf(pid: number): string | undefined {
  if (process.platform !== "linux") {
    const line = ps(["-o", "stat=,lstart=", "-p", String(pid)]).trim();
    return line === "" || line.startsWith("Z") ? undefined : line.slice(line.indexOf(" ")).replaceAll(/\W+/g, "");
  }
  // pid (comm) state ppid …; comm may hold blanks and parentheses. Field 3 is the state, field 22 the start, in clock ticks after the boot.
  const stat = readIfThere(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "" || fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

function fromPs(): RunningProcess[] {
  const lines = ps(["-axww", "-o", "pid=,command="]).split("\n");
  return lines.flatMap((line) => {
    const parts = /^\s*(\d+)\s+(.*)$/.exec(line);
    return parts?.[1] === undefined || parts[2] === undefined ? [] : [{ pid: Number(parts[1]), command: parts[2] }];
  });
}

function ps(args: string[]): string {
  try {
    return execFileSync("ps", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 16 * 1024 * 1024 });
  } catch {
    return ""; // ps ends with 1 when no process matches
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it ended while we were looking, or belongs to somebody else
  }
}
