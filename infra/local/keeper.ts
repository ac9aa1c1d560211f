/**
 * Watches over one stack from a process of its own, and ends the stack when its owner is gone, however the owner went.
 *
 * A process that is killed with -9 runs no handler; what it has started stays, and holds ports, memory and disk until somebody notices. The
 * kernel, though, closes the dead process's end of a pipe. The keeper reads that pipe until it ends, in a session of its own, so that a Ctrl-C
 * in the terminal does not reach it. What is left when the keeper is killed too is removed at the next start (stack-folder.ts).
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { endStack } from "./stack-processes.ts";

const keepRunning = "keep";

export interface Keeper {
  /** Lets the keeper look after the stack now, and waits until it is done. */
  dismiss(): Promise<void>;
  /** Lets the keeper go and the stack run on without one. */
  release(): Promise<void>;
}

/** Starts the keeper of a stack of this process. */
export function startKeeper(stackFolder: string): Keeper {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), stackFolder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const ended = once(child, "exit");
  // A keeper that was killed takes the pipe's other end with it; that is no reason for its stack's owner to fail.
  child.stdin.on("error", () => undefined);
  const letGo = async (word: string): Promise<void> => {
    child.ref();
    child.stdin.end(word);
    await ended;
  };
  child.unref();
  return { dismiss: () => letGo(""), release: () => letGo(keepRunning) };
}

if (import.meta.main) {
  const stackFolder = process.argv[2];
  if (stackFolder === undefined) throw new Error("keeper.ts is started by startKeeper, with the folder of a stack");
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => undefined);
  if ((await text(process.stdin)) !== keepRunning) await endStack(stackFolder);
}
