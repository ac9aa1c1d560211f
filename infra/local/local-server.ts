/**
 * One server as a child process: start, stop, kill, start again.
 *
 * A start that only waits hides its cause: the reason stands in a log file that is deleted a moment later. So a start ends at once when the
 * process does, has a limit, and its error carries the last lines of the log.
 *
 * The process leads a group of its own: Ctrl-C in a terminal goes to the whole foreground group, and would kill the servers while the product
 * still drains.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { signal } from "./stack-processes.ts";
import type { UnprivilegedUser } from "./unprivileged-user.ts";

export interface ServerPlan {
  /** As progress lines and errors call it. */
  name: string;
  command: string;
  args: string[];
  workingFolder: string;
  environment?: NodeJS.ProcessEnv;
  user?: UnprivilegedUser | undefined;
  /** Gets stdout and stderr of every start. */
  logFile: string;
  /** Resolves when the server does its work; throws as long as it does not. */
  answers: () => Promise<void>;
  startLimitMs: number;
  /** Processes that belong to the server and may outlive its first one. */
  children?: () => number[];
}

export class LocalServer {
  readonly #plan: ServerPlan;
  #child: ChildProcess | undefined;

  constructor(plan: ServerPlan) {
    this.#plan = plan;
  }

  /** The process id. @throws when it is not running */
  get pid(): number {
    const pid = this.#running()?.pid;
    if (pid === undefined) throw new OfftakeError("STACK_SERVER_FAILED", `${this.#plan.name} is not running.`, { cure: "Call start() first." });
    return pid;
  }

  /** Starts it and waits until it answers. Does nothing when it is running. */
  async start(): Promise<void> {
    if (this.#running() !== undefined) return;
    const { command, args, workingFolder, environment, user, logFile } = this.#plan;
    const log = openSync(logFile, "a");
    try {
      this.#child = spawn(command, args, {
        cwd: workingFolder,
        env: environment ?? process.env,
        detached: true,
        stdio: ["ignore", log, log],
        ...user,
      });
    } finally {
      closeSync(log);
    }
    // An owner that forgets to stop its stack must be able to end; the keeper does the rest.
    this.#child.unref();
    await this.#untilItAnswers(this.#child);
  }

  /** Asks it to end and waits until it has; a server that has not within the limit is killed. */
  async stop(name: NodeJS.Signals, limitMs: number): Promise<void> {
    const child = this.#running();
    if (child?.pid !== undefined) {
      child.ref();
      const ended = once(child, "exit");
      signal(child.pid, name);
      const tooLate = setTimeout(() => child.kill("SIGKILL"), limitMs);
      await ended;
      clearTimeout(tooLate);
    }
    await this.#endChildren();
  }

  /** SIGKILL, to its children too, and waits until none of them is left. */
  async kill(): Promise<void> {
    await this.stop("SIGKILL", 10_000);
  }

  async #endChildren(): Promise<void> {
    for (let left = this.#plan.children?.() ?? []; left.length > 0; left = this.#plan.children?.() ?? []) {
      for (const pid of left) signal(pid, "SIGKILL");
      await pause(5);
    }
  }

  #running(): ChildProcess | undefined {
    const child = this.#child;
    return child?.pid === undefined || child.exitCode !== null || child.signalCode !== null ? undefined : child;
  }

  async #untilItAnswers(child: ChildProcess): Promise<void> {
    const { name, answers, startLimitMs } = this.#plan;
    let failedToSpawn: Error | undefined;
    child.once("error", (error) => (failedToSpawn = error));
    const limit = Date.now() + startLimitMs;
    for (;;) {
      try {
        await answers();
        return;
      } catch (error) {
        if (this.#running() === undefined) {
          await pause(0); // the error event of a failed spawn comes after this turn
          const how = failedToSpawn?.message ?? `it ended with ${child.signalCode ?? `code ${child.exitCode}`}`;
          throw await this.#failure(`${name} did not start: ${how}.`, error);
        }
        if (Date.now() > limit) throw await this.#failure(`${name} did not answer within ${startLimitMs / 1000} s: ${messageOf(error)}.`, error);
      }
      await pause(20);
    }
  }

  async #failure(message: string, cause: unknown): Promise<OfftakeError> {
    return new OfftakeError("STACK_SERVER_FAILED", `${message}${await lastLines(this.#plan.logFile)}`, { cause });
  }
}

/** The end of a log, to be put below a message. */
async function lastLines(logFile: string): Promise<string> {
  const log = await readFile(logFile, "utf8").catch(() => "");
  const lines = log.trimEnd().split("\n").slice(-15);
  return lines[0] === "" ? " Its log is empty." : ` Last lines of its log:\n  ${lines.join("\n  ")}`;
}
