/**
 * Memory and handles of processes while they run, as the kernel counts them: what grows with a backlog, or with the hours, shows in the samples' second half.
 *
 * Source: proc(5), /proc/pid/status VmRSS, /proc/pid/fd.
 */
import { readdirSync, readFileSync } from "node:fs";

/** The processes of two services that share both of them. */
export const watched = ["connectors", "appliers"] as const;

export interface Resident {
  /** Seconds since the first sample. */
  readonly at: number;
  readonly rssMb: number;
  /** Files, sockets and pipes that are open. */
  readonly handles: number;
}

const everyMs = 250;

export class Residents {
  readonly #began = performance.now();
  readonly #pids: Readonly<Record<string, () => number>>;
  readonly #samples = new Map<string, Resident[]>();
  readonly #timer: NodeJS.Timeout;

  /** @param pids by name, asked for at each sample: a process may be another by then */
  constructor(pids: Readonly<Record<(typeof watched)[number], () => number>>) {
    this.#pids = pids;
    this.#timer = setInterval(() => this.#sample(), everyMs);
  }

  /** @returns since the last call, by name */
  take(): Map<string, Resident[]> {
    const samples = new Map(this.#samples);
    this.#samples.clear();
    return samples;
  }

  /** Of each process the newest resident memory since the last take(), MB. */
  newest(): [name: string, rssMb: number][] {
    return [...this.#samples].map(([name, samples]) => [name, Math.round(samples.at(-1)!.rssMb)]);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const at = (performance.now() - this.#began) / 1000;
    for (const [name, pid] of Object.entries(this.#pids)) {
      const found = residentOf(pid());
      if (found === undefined) continue;
      const samples = this.#samples.get(name) ?? [];
      samples.push({ at, ...found });
      this.#samples.set(name, samples);
    }
  }
}

/** @returns undefined for a process that is gone, and where there is no /proc */
function residentOf(pid: number): Omit<Resident, "at"> | undefined {
  try {
    const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kilobytes === undefined ? undefined : { rssMb: Number(kilobytes) / 1024, handles: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}
