/**
 * The npm dependencies and Node 24 in node_modules: whether they are there, and how they get there.
 *
 * What is installed is compared with package-lock.json by a hash in node_modules, so that the second run costs a few milliseconds. A hash that
 * were written before everything is installed would make every later run fail for what is missing: it is written last, and npm ci deletes it
 * first.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { InstallLock, readIfThere } from "./install-lock.js";
import { NpmOutput } from "./npm-output.js";

/** Somebody has to do something; the message says what. */
export class Refusal extends Error {}

export class Installation {
  root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
  #modules = join(this.root, "node_modules");
  #packageFile = join(this.root, "package.json");
  #lockFile = join(this.root, "package-lock.json");
  #stampFile = join(this.#modules, ".offtake-installed");
  /** Node 24. */
  nodeProgram = join(this.#modules, "node", "bin", "node");
  programsFolder = join(this.#modules, ".bin");
  /** The signal that has ended an installation. @type {NodeJS.Signals | undefined} */
  interruptedBy;
  /** @type {import("node:child_process").ChildProcess | undefined} */
  #child;

  get isComplete() {
    return existsSync(this.nodeProgram) && readIfThere(this.#stampFile) === this.#wantedStamp();
  }

  /** Installs what is missing, and says so. Returns early when it is interrupted. @throws {Refusal} */
  async complete() {
    const lock = new InstallLock(join(this.root, ".offtake"));
    const waiting = (/** @type {string} */ holder) =>
      say(`Process ${holder} is installing into this folder; waiting for it (if it is not there, delete ${lock.file})`);
    while (this.interruptedBy === undefined && !(await lock.take(waiting)));
    try {
      if (this.interruptedBy !== undefined || this.isComplete) return;
      if (!this.#npmAgrees()) await this.#installDependencies(lock);
      if (this.interruptedBy === undefined) await this.#installNode();
      if (this.interruptedBy === undefined) writeFileSync(this.#stampFile, this.#wantedStamp());
    } finally {
      lock.release();
    }
  }

  /** @param {NodeJS.Signals} signal */
  interrupt(signal) {
    this.interruptedBy ??= signal;
    this.#child?.kill(signal);
  }

  /** Other dependencies, another platform or processor need another installation. */
  #wantedStamp() {
    const hash = createHash("sha256").update(readFileSync(this.#packageFile)).update(readFileSync(this.#lockFile)).digest("hex");
    return `${hash} ${process.platform}-${process.arch}`;
  }

  /**
   * Whether npm's own record of node_modules agrees with the lock file, and that with package.json: somebody has run npm by hand, and need
   * not wait for it again; or what has changed is not a dependency.
   * npm writes that record last, so that an installation that was interrupted has none.
   */
  #npmAgrees() {
    const record = readIfThere(join(this.#modules, ".package-lock.json"));
    if (record === "") return false;
    const wanted = JSON.parse(readFileSync(this.#lockFile, "utf8")).packages;
    const installed = JSON.parse(record).packages;
    const declared = JSON.parse(readFileSync(this.#packageFile, "utf8"));
    const differs = ["dependencies", "devDependencies", "optionalDependencies"].some((kind) => !isDeepStrictEqual(declared[kind], wanted[""][kind]));
    if (differs) return false;
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === "") return true;
      const found = installed[path];
      return found === undefined ? entry.optional === true : found.version === entry.version;
    });
  }

  /** @param {InstallLock} lock */
  async #installDependencies(lock) {
    const [command, ...before] = npmCommand();
    const output = new NpmOutput();
    const began = Date.now();
    const npm = async (/** @type {string} */ name) => {
      say(`Installing the npm dependencies: npm ${name}`);
      const args = [...before, name, "--no-audit", "--no-fund", "--loglevel=http"];
      return this.#run(command, args, this.root, (line) => output.isWorthShowing(line) && say(`  ${line}`), lock);
    };
    const ticking = setInterval(() => say(`  npm: ${output.packages} packages fetched, ${seconds(began)}`), 3000);
    try {
      let failure = await npm("ci");
      if (failure !== "" && this.interruptedBy === undefined && output.errors.includes("EUSAGE")) {
        say("npm ci refuses, since package.json and package-lock.json differ");
        failure = await npm("install");
      }
      if (this.interruptedBy !== undefined) return;
      if (failure !== "") throw new Refusal(`npm could not install the dependencies: it ${failure}. ${output.cure(this.root)}`);
    } finally {
      clearInterval(ticking);
    }
    say(`Installed the npm dependencies: ${megabytes(this.#modules)} MB in ${seconds(began)}`);
  }

  /**
   * Node 24 comes as a package whose install script fetches the program. Where npm was told not to run such scripts, it is run here: without
   * it there is nothing to run.
   */
  async #installNode() {
    const folder = join(this.#modules, "node");
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if ((await this.#nodeVersion()) !== `v${version}`) {
      say(`Installing Node ${version}, whose install script npm has not run`);
      const output = new NpmOutput();
      const failure = await this.#run(
        process.execPath,
        ["installArchSpecificPackage.js"],
        folder,
        (line) => output.isWorthShowing(line) && say(`  ${line}`),
      );
      if (this.interruptedBy !== undefined) return;
      if (failure !== "" || (await this.#nodeVersion()) !== `v${version}`) {
        throw new Refusal(
          `Node ${version} could not be installed. Run \`node installArchSpecificPackage.js\` in ${folder} to see why. ${output.cure(this.root)}`,
        );
      }
    }
    // npm links no program that was not there when it linked; `npm run` finds Node 24 by this link.
    const link = join(this.programsFolder, "node");
    if (!existsSync(link) && process.platform !== "win32") symlinkSync(join("..", "node", "bin", "node"), link);
  }

  /** What the installed Node says it is; "" when it is missing or does not run on this machine. */
  async #nodeVersion() {
    let version = "";
    if (existsSync(this.nodeProgram)) await this.#run(this.nodeProgram, ["--version"], this.root, (line) => (version = line.trim()));
    return version;
  }

  /**
   * @param {string} command
   * @param {string[]} args
   * @param {string} folder
   * @param {(line: string) => void} take gets stdout and stderr, line by line
   * @param {InstallLock} [lock] held from then on by the child, which may outlive this process
   * @returns {Promise<string>} "" when it ended with 0, else how it ended
   */
  #run(command, args, folder, take, lock) {
    return new Promise((done) => {
      const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
      this.#child = child;
      if (child.pid !== undefined) lock?.handTo(child.pid);
      for (const stream of [child.stdout, child.stderr]) {
        let rest = "";
        stream.setEncoding("utf8");
        stream.on("data", (text) => {
          const lines = (rest + text).split("\n");
          rest = lines.pop() ?? "";
          lines.forEach(take);
        });
        stream.on("end", () => rest !== "" && take(rest));
      }
      child.on("error", (error) => done(`could not be started (${error.message})`));
      child.on("close", (code, signal) => {
        this.#child = undefined;
        lock?.handTo(process.pid);
        done(code === 0 ? "" : `ended with ${signal ?? `code ${code}`}`);
      });
    });
  }
}

/**
 * npm as the command that starts it: the one that runs this script, else the one on the PATH.
 *
 * @returns {[string, ...string[]]}
 */
function npmCommand() {
  const running = process.env["npm_execpath"] ?? "";
  if (running.endsWith("npm-cli.js") && existsSync(running)) return [process.env["npm_node_execpath"] ?? process.execPath, running];
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  if (folders.some((folder) => folder !== "" && existsSync(join(folder, "npm")))) return ["npm"];
  throw new Refusal(
    "npm, which installs the dependencies, was not found. Install Node.js with npm (https://nodejs.org; Debian, Ubuntu: apt install npm).",
  );
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}

/** @param {number} began */
function seconds(began) {
  return `${((Date.now() - began) / 1000).toFixed(0)} s`;
}

/** @param {string} folder */
function megabytes(folder) {
  let bytes = 0;
  const pending = [folder];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      if (entry.isDirectory()) pending.push(join(at, entry.name));
      else bytes += sizeOf(join(at, entry.name));
    }
  }
  return (bytes / 1e6).toFixed(0);
}

/**
 * A file with several names is counted once.
 *
 * @param {string} file
 */
function sizeOf(file) {
  const { size, nlink } = lstatSync(file);
  return size / nlink;
}
