/**
 * The product as its user starts it: processes of services/cli/main.ts with a configuration file, and nothing else. What they do wrong must show
 * as it would for a user, so none of their functions is called here.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { OfftakeError } from "../../services/runtime/errors.ts";

const program = fileURLToPath(new URL("../../services/cli/main.ts", import.meta.url));
const parentWatch = new URL("parent-watch.ts", import.meta.url).href;

/**
 * Runs a command with --json to its end, or until it is stopped.
 *
 * @param expected exit codes that are answers, not failures
 * @returns the object that it prints
 * @throws OfftakeError DEMO_FAILED with what it says on stderr
 */
export async function offtake(args: readonly string[], configFile: string, expected: readonly number[], signal: AbortSignal): Promise<unknown> {
  const child = spawn(process.execPath, ["--import", parentWatch, program, ...args, "--config", configFile, "--json"], {
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.on("error", () => undefined);
  const stop = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", stop);
  const [answer, said, [code, endedBy]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  signal.removeEventListener("abort", stop);
  const command = `\`offtake ${args.join(" ")}\``;
  if (!expected.includes(code))
    throw new OfftakeError("DEMO_FAILED", `${command} ended with ${endedBy ?? `exit code ${code}`}:\n${said.trimEnd()}\n`);
  const parsed: unknown = JSON.parse(answer.trimEnd().split("\n").at(-1) ?? "");
  return parsed;
}

/** `offtake run all`, until it is stopped. */
export class RunningOfftake {
  readonly logFile: string;
  /** Rejects when it ends before it was stopped. */
  readonly died: Promise<never>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  #stopping = false;

  /** @param logFile gets its stdout and stderr */
  constructor(configFile: string, logFile: string) {
    this.logFile = logFile;
    const log = openSync(logFile, "a");
    try {
      // A group of its own: a Ctrl-C in the terminal goes to the demo, which stops the load first.
      this.#child = spawn(process.execPath, ["--import", parentWatch, program, "run", "all", "--config", configFile], {
        detached: true,
        stdio: ["pipe", log, log],
      });
    } finally {
      closeSync(log);
    }
    this.#child.stdin?.on("error", () => undefined);
    this.#ended = once(this.#child, "exit").then(([code, signal]) => ({ code, signal }));
    this.died = this.#ended.then(async ({ code, signal }) => {
      // Stopped, it has ended as it should; then this is never heard.
      if (this.#stopping) return new Promise<never>(() => undefined);
      throw new OfftakeError("DEMO_FAILED", `\`offtake run all\` ended with ${signal ?? `exit code ${code}`}.`);
    });
    // Heard by whoever races with it.
    this.died.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /**
   * Stops it as its user would, and waits until it has drained.
   *
   * @throws OfftakeError DEMO_FAILED when it does not end well
   */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#child.kill("SIGTERM");
    const tooLate = setTimeout(() => this.#child.kill("SIGKILL"), stopLimitMs);
    const { code, signal } = await this.#ended;
    clearTimeout(tooLate);
    if (code !== 0) throw new OfftakeError("DEMO_FAILED", `\`offtake run all\` was asked to stop and ended with ${signal ?? `exit code ${code}`}.`);
  }

  /** Without regard to what it is doing. */
  async kill(): Promise<void> {
    this.#stopping = true;
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}

const stopLimitMs = 30_000;
