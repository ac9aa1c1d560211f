/**
 * The `offtake` command as its user starts it, a process of its own: what it says on stdout and stderr, and how it ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { waitFor } from "../../support/wait-for.ts";

const program = fileURLToPath(new URL("../../../services/cli/main.ts", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  /** Besides those of the test's own process, without those of Offtake. */
  readonly env?: Readonly<Record<string, string>>;
}

/** `await using` ends it, whatever it does. */
export class CliProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  /** Once it has ended and all it said was read. */
  readonly ended: Promise<Ended>;

  constructor(args: readonly string[], { cwd, env }: CliOptions = {}) {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith("OFFTAKE_"));
    this.child = spawn(process.execPath, [program, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...Object.fromEntries(own), ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = once(this.child, "close").then(([code]) => ({ code, stdout: this.stdout, stderr: this.stderr }));
  }

  get isOver(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Waits until it has said something. @returns what matched */
  async says(pattern: RegExp, on: "stdout" | "stderr" = "stderr"): Promise<RegExpExecArray> {
    const found = await waitFor(() => pattern.exec(this[on]) ?? (this.isOver && "over"), { what: `it to say ${pattern} on ${on}`, timeout: 90_000 });
    const match = typeof found === "string" ? pattern.exec((await this.ended)[on]) : found;
    if (match === null) throw new Error(`it ended without saying ${pattern} on ${on}:\n${this.stdout}\n${this.stderr}`);
    return match;
  }

  /** Sends a signal and waits for the end. */
  async end(signal: "SIGTERM" | "SIGINT"): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** Runs it to its end. */
export async function offtake(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  await using command = new CliProcess(args, options);
  return await command.ended;
}

/** The object on the last line of stdout; everything else must be on stderr. */
export function lastObject(stdout: string): Readonly<Record<string, unknown>> {
  return JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
}
