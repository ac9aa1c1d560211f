/**
 * Gives back the shared memory segment of a PostgreSQL server that was killed.
 *
 * A postmaster holds a segment of a few bytes as the mark that its data folder is in use, and removes it when it ends, or when it starts again.
 * One that is killed and never started again leaves it until the machine is restarted; after some thousand of them (kernel.shmmni) no server
 * can be started any more.
 *
 * Source: postmaster.pid, line 7: key and id of the segment. /proc/sysvipc/shm: key shmid perms size cpid lpid nattch …
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** @param dataFolder of a server whose processes have all ended; does nothing when it has shut down in order, or where there is no /proc */
export function releaseSharedMemory(dataFolder: string): void {
  const pidFile = join(dataFolder, "postmaster.pid");
  const segments = "/proc/sysvipc/shm";
  if (!existsSync(pidFile) || !existsSync(segments)) return;
  const [key, id] = readFileSync(pidFile, "utf8").split("\n")[6]?.trim().split(/\s+/) ?? [];
  for (const line of readFileSync(segments, "utf8").split("\n")) {
    const field = line.trim().split(/\s+/);
    if (id === undefined || field[0] !== key || field[1] !== id || field[6] !== "0") continue;
    try {
      execFileSync("ipcrm", ["-m", id], { stdio: "ignore" });
    } catch {
      return; // no ipcrm on this machine: the segment stays, and costs 56 bytes
    }
  }
}
