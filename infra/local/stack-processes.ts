/**
 * Finds and ends the processes of a stack, and removes its folder.
 *
 * Whoever starts a server cannot be trusted to note its process id: it may be killed between the two. So every server carries the folder of
 * its stack in its command line, where no other program has it, and is found by that: nothing of a stack is missed, and nothing that merely
 * has its old process id is killed.
 *
 * PostgreSQL's children lead sessions of their own, so that no signal to a process group reaches them; their titles begin with the server's
 * cluster_name. They end by themselves after their postmaster, but only when they next look.
 */
import { existsSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type RunningProcess, runningProcesses } from "./process-table.ts";
import { releaseSharedMemory } from "./shared-memory.ts";

/** For PostgreSQL's programs: a setting without meaning, which its command line shows. */
export function postgresMark(stackFolder: string): string[] {
  return ["-c", `offtake.stack=${stackFolder}`];
}

/** For Java. */
export function javaMark(stackFolder: string): string {
  return `-Dofftake.stack=${stackFolder}`;
}

/** cluster_name of a PostgreSQL server of the stack; at most 63 characters. */
export function clusterName(stackFolder: string, server: string): string {
  return `offtake ${basename(stackFolder)} ${server}`;
}

/** The server's children, also those that have outlived it. */
export function postgresChildren(cluster: string): number[] {
  return runningProcesses().flatMap(({ pid, command }) => (command.startsWith(`postgres: ${cluster}: `) ? [pid] : []));
}

/** Ends every server of the stack, without regard to its data, and removes the stack's folder. Nothing of the stack need be there any more. */
export async function endStack(stackFolder: string): Promise<void> {
  // Immediate shutdown rather than SIGKILL: only a postmaster that ends by itself gives its shared memory segment back to the system.
  for (const { pid, command } of processesOf(stackFolder)) signal(pid, command.includes(postgresMark(stackFolder).join(" ")) ? "SIGQUIT" : "SIGKILL");
  const patience = Date.now() + 5000;
  for (let left = processesOf(stackFolder); left.length > 0; left = processesOf(stackFolder)) {
    if (Date.now() > patience) for (const { pid } of left) signal(pid, "SIGKILL");
    await pause(20);
  }
  for (const server of existsSync(stackFolder) ? readdirSync(stackFolder) : []) releaseSharedMemory(join(stackFolder, server, "data"));
  await rm(stackFolder, { recursive: true, force: true, maxRetries: 10 });
}

/** Whether a server of the stack is running. */
export function hasProcesses(stackFolder: string): boolean {
  return processesOf(stackFolder).length > 0;
}

function processesOf(stackFolder: string): RunningProcess[] {
  // An initdb before 16 takes no settings, so that it is found by its password file.
  const marks = [`${postgresMark(stackFolder).join(" ")} `, `${javaMark(stackFolder)} `, ` --pwfile=${stackFolder}/`];
  const title = `postgres: offtake ${basename(stackFolder)} `;
  return runningProcesses().filter(({ command }) => command.startsWith(title) || marks.some((mark) => `${command} `.includes(mark)));
}

/** Sends a signal to a process that may have ended. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
