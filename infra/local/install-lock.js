/**
 * Lets one process at a time install into node_modules: npm ci begins by deleting what another one has just unpacked.
 *
 * The lock names the process that works, npm's while npm runs: npm goes on when the process that started it is killed.
 */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class InstallLock {
  /** @type {string} */
  file;
  #isOurs = false;
  #hasSaid = false;

  /** @param {string} folder not below node_modules */
  constructor(folder) {
    mkdirSync(folder, { recursive: true });
    this.file = join(folder, "installing");
  }

  /**
   * Tries to take it, and waits a moment when another process has it.
   *
   * @param {(holder: string) => void} waiting called once, with that process's id
   */
  async take(waiting) {
    // Linked, not created: a lock that is there for a moment without its holder would be taken for a dead one's.
    const own = `${this.file}.${process.pid}`;
    writeFileSync(own, String(process.pid));
    try {
      linkSync(own, this.file);
      this.#isOurs = true;
      return true;
    } catch {
      const holder = readIfThere(this.file);
      if (holder !== "" && !isAlive(Number(holder))) {
        rmSync(this.file, { force: true });
        return false;
      }
      if (!this.#hasSaid) waiting(holder);
      this.#hasSaid = true;
      await new Promise((done) => setTimeout(done, 200));
      return false;
    } finally {
      rmSync(own, { force: true });
    }
  }

  /** @param {number} pid */
  handTo(pid) {
    writeFileSync(this.file, String(pid));
  }

  release() {
    if (this.#isOurs) rmSync(this.file, { force: true });
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * @param {string} file
 * @returns "" where there is none
 */
export function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
