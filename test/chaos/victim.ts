/** A process of the CLI that is killed and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { waitFor } from "../support/wait-for.ts";

const cli = fileURLToPath(new URL("../../services/cli/main.ts", import.meta.url));
const parentWatch = new URL("../../infra/demo/parent-watch.ts", import.meta.url).href;

export interface VictimOptions {
  /** Default: that of this repository. */
  readonly cli?: string | undefined;
  /** Over those of this process. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/** What a test reads of a line of the log. */
export interface VictimLine {
  readonly level?: string;
  readonly msg?: string;
  /** Such as `applier trading`. */
  readonly unit?: string;
  /** A failpoint that has fired, and what it did. */
  readonly failpoint?: string;
  readonly action?: string;
  /** What it was armed with, from then on. */
  readonly armed?: string;
  readonly err?: { readonly code?: string; readonly message: string; readonly cure?: string };
  /** Of a conflict. */
  readonly kind?: string;
}

export class Victim {
  kills = 0;
  readonly #args: readonly string[];
  readonly #log: string;
  readonly #options: VictimOptions;
  #child: ChildProcess;

  /** @param args behind `offtake` @param log file that its stderr goes to */
  constructor(args: readonly string[], log: string, options: VictimOptions = {}) {
    this.#args = args;
    this.#log = log;
    this.#options = options;
    this.#child = this.#spawn();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What all of its lives have logged. */
  get lines(): VictimLine[] {
    const whole = readFileSync(this.#log, "utf8").split("\n").slice(0, -1);
    return whole.map((line): VictimLine => {
      // A process that was killed in the middle of a line, and what Node says before it dies, are no JSON.
      try {
        const parsed: VictimLine = JSON.parse(line);
        return parsed;
      } catch {
        return { msg: line };
      }
    });
  }

  /** SIGKILL: no handler runs, nothing is flushed. */
  async kill(): Promise<void> {
    this.kills += 1;
    await this.#end("SIGKILL");
  }

  restart(): void {
    this.#child = this.#spawn();
  }

  /** Where it is to fail, as in OFFTAKE_FAILPOINT; it must have been started with one. */
  arm(failpoint: string): void {
    // It may be dead already, by what it was armed with before.
    this.#child.send(failpoint, () => undefined);
  }

  /** As arm(); resolves once it is armed, or has died of what it was armed with before: what is done next does not pass the place before. */
  async armed(failpoint: string): Promise<void> {
    const times = (): number => this.lines.filter(({ armed }) => armed === failpoint).length;
    const before = times();
    this.arm(failpoint);
    await waitFor(() => times() > before || !this.isRunning, { what: `${failpoint} to be armed` });
  }

  /** Resolves when the process that runs now has ended, however. */
  async died(): Promise<void> {
    if (this.isRunning) await once(this.#child, "exit");
  }

  /** @returns its exit code */
  async stop(): Promise<number | null> {
    await this.#end("SIGTERM");
    return this.#child.exitCode;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }

  #spawn(): ChildProcess {
    const log = openSync(this.#log, "a");
    const env = { ...process.env, ...this.#options.environment };
    const channel = env["OFFTAKE_FAILPOINT"] === undefined ? ("ignore" as const) : ("ipc" as const);
    try {
      // It ends when this process does, whose end of its stdin is closed then.
      const child = spawn(process.execPath, ["--import", parentWatch, this.#options.cli ?? cli, ...this.#args], {
        stdio: ["pipe", "ignore", log, channel],
        env,
      });
      child.stdin?.on("error", () => undefined);
      return child;
    } finally {
      closeSync(log);
    }
  }
}
