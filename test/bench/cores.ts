/**
 * The monolith on some cores and everything else on the others: as near as one machine comes to what a deployment is. Where both share the cores, a load beside a
 * copy shows how long its sessions wait for a core that broker, applier and target have, and not what the copy does to the monolith.
 *
 * The disk is still the same.
 *
 * Source: taskset(1).
 */
import { execFileSync } from "node:child_process";
import { cpus } from "node:os";
import { clusterName, postgresChildren } from "../../infra/local/stack-processes.ts";
import type { LocalStack } from "../../infra/local/stack.ts";
import { pidsOf } from "./process-figures.ts";

export type Side = "monolith" | "everything else";

/** The first half of the cores, and the second. Of all of the machine: what is left to a process that is pinned itself is another number. */
function coresOf(side: Side): string {
  const all = cpus().length;
  const half = Math.floor(all / 2);
  return side === "monolith" ? `0-${half - 1}` : `${half}-${all - 1}`;
}

/** What a process starts from then on is there, too. */
export function pin(pid: number, side: Side): void {
  execFileSync("taskset", ["-a", "-c", "-p", coresOf(side), String(pid)], { stdio: "ignore" });
}

/** This process, and all servers of the stack. */
export function keepApart({ folder }: LocalStack): void {
  const servers = pidsOf(folder).filter((pid) => pid !== process.pid);
  const source = [...servers.filter((pid) => pidsOf(`${folder}/source`).includes(pid)), ...postgresChildren(clusterName(folder, "source"))];
  const all = [...servers, ...postgresChildren(clusterName(folder, "target"))].filter((pid) => !source.includes(pid));
  for (const pid of source) pin(pid, "monolith");
  for (const pid of [process.pid, ...all]) pin(pid, "everything else");
}
