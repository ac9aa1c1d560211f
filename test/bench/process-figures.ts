/**
 * CPU seconds and memory of processes that are not ours, as the kernel counts them.
 *
 * Source: proc(5), /proc/pid/stat fields 14 and 15, /proc/pid/status VmHWM.
 */
import { readdirSync, readFileSync } from "node:fs";

/** _SC_CLK_TCK is 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** User and system time since the process began; 0 for one that is gone. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  } catch {
    return 0;
  }
}

/** The largest resident set so far, in MB. */
export function peakMegabytes(pid: number): number {
  try {
    const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return Math.round(Number(line?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** The processes whose command line holds all of these texts. */
export function pidsOf(...texts: readonly string[]): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
        return texts.every((text) => commandLine.includes(text));
      } catch {
        return false;
      }
    })
    .map(Number);
}
