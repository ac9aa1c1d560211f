/**
 * The demo as its user starts it, for tests that read what it says and end it at moments of their choosing.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { runningProcesses } from "../../../infra/local/process-table.ts";
import { stackFolders } from "../../../infra/local/stack-folder.ts";
import { waitFor } from "../../support/wait-for.ts";

/** services/cli/main.ts */
export const program = fileURLToPath(new URL("../../../services/cli/main.ts", import.meta.url));

export class DemoProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  stdout = "";
  stderr = "";
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, [program, "demo", ...args], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text));
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text));
    this.ended = once(this.child, "close").then(([code, signal]) => ({ code, signal }));
  }

  /** Waits until it has said something on stderr. */
  async untilItSays(pattern: RegExp): Promise<void> {
    const isOver = (): boolean => this.child.exitCode !== null || this.child.signalCode !== null;
    await waitFor(() => pattern.test(this.stderr) || isOver(), { what: `it to say ${pattern}`, timeout: 90_000 });
    if (!pattern.test(this.stderr)) throw new Error(`it ended without saying ${pattern}:\n${this.stderr}`);
  }

  /** The folder of its stack, when it has one. Its name says whose it is. */
  async stackFolder(): Promise<string | undefined> {
    return (await stackFolders()).find((folder) => basename(folder).startsWith(`${this.child.pid}-`));
  }

  /** The process of `offtake run all`; undefined when there is none. */
  async product(): Promise<number | undefined> {
    const folder = await this.stackFolder();
    return runningProcesses().find(({ command }) => command.includes(`run all --config ${folder}/`))?.pid;
  }

  /** Whether nothing of it is left: no folder of a stack, no process that names one. */
  async isGone(): Promise<boolean> {
    return (await this.stackFolder()) === undefined && !runningProcesses().some(({ command }) => command.includes(`/${this.child.pid}-`));
  }

  /** What a test has left is ended: the demo here, what it has started by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}
