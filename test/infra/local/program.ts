/**
 * Starts one of the programs beside the tests and reads what it prints, line by line.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

export interface Program {
  child: ChildProcess;
  /** The next line of stdout. @throws with stderr when it ended without one */
  line: () => Promise<string>;
  /** How it ended, when it has. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
}

/** @param file beside this one, or a path from there */
export function startProgram(file: string, args: string[], options: { env?: NodeJS.ProcessEnv; detached?: boolean } = {}): Program {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { env: options.env ?? process.env, detached: options.detached ?? false, stdio: "pipe" });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const stderr = text(child.stderr);
  const ended = once(child, "close").then(async ([code, signal]) => ({ code, signal, stderr: await stderr }));
  const line = async (): Promise<string> => {
    const next = await lines.next();
    if (next.done === true) throw new Error(`it ended without a further line: ${await stderr}`);
    return next.value;
  };
  return { child, line, ended };
}
