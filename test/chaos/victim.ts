/** A process of the CLI that is killed and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { fileURLToPath } from "node:url";

const cli = fileURLToPath(new URL("../../services/cli/main.ts", import.meta.url));

export class Victim {
  kills = 0;
  readonly #args: readonly string[];
  readonly #log: string;
  #child: ChildProcess;

  /** @param args behind `offtake` @param log file that its stderr goes to */
  constructor(args: readonly string[], log: string) {
    this.#args = args;
    this.#log = log;
    this.#child = this.#spawn();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** SIGKILL: no handler runs, nothing is flushed. */
  async kill(): Promise<void> {
    this.kills += 1;
    await this.#end("SIGKILL");
  }

  restart(): void {
    this.#child = this.#spawn();
  }

  /** @returns its exit code */
  async stop(): Promise<number | null> {
    await this.#end("SIGTERM");
    return this.#child.exitCode;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill(signal);
    await exited;
  }

  #spawn(): ChildProcess {
    return spawn(process.execPath, [cli, ...this.#args], { stdio: ["ignore", "ignore", openSync(this.#log, "a")] });
  }
}
