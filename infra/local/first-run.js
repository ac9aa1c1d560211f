/**
 * What every `npm run` of this repository goes through: installs what is missing, then runs a script with the repository's own Node 24.
 *
 *   node infra/local/first-run.js <script.ts> [argument…]
 *
 * A fresh clone has no node_modules, and its machine perhaps an old Node that cannot read TypeScript; both would end in an error that says
 * nothing about the cure. So this file and installation.js are JavaScript, import nothing that has to be installed, and run on Node 18 and
 * later. They write to stderr only: the script's stdout may be read by another program.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, resolve } from "node:path";
import { Installation, Refusal } from "./installation.js";

const installation = new Installation();

/**
 * Becomes the script, where Node can: then a signal to this process is a signal to the script. Elsewhere the script is a child in a group of
 * its own, so that a Ctrl-C, which the terminal sends to the whole group, reaches it once, through us.
 *
 * @param {string[]} args
 */
function runScript(args) {
  const { nodeProgram, programsFolder } = installation;
  const environment = {
    // A command's code is compiled once and not at each start, which halves what a start costs: the tests start hundreds of them.
    NODE_COMPILE_CACHE: resolve(installation.root, "node_modules", ".cache", "compiled"),
    ...process.env,
    PATH: `${programsFolder}${delimiter}${process.env["PATH"] ?? ""}`,
  };
  if (typeof process.execve === "function" && process.platform !== "win32") process.execve(nodeProgram, [nodeProgram, ...args], environment);
  const script = spawn(nodeProgram, args, { env: environment, stdio: "inherit", detached: process.platform !== "win32" });
  onSignal((name) => script.kill(name));
  script.on("error", (error) => end(1, `${nodeProgram} could not be started: ${error.message}. Delete node_modules and start again.`));
  script.on("exit", (code, signal) => end(signal === null ? (code ?? 1) : 128 + constants.signals[signal]));
}

/** @param {(name: NodeJS.Signals) => void} handle */
function onSignal(handle) {
  for (const name of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.removeAllListeners(name).on(name, handle);
}

/**
 * @param {number} code
 * @param {string} [message]
 */
function end(code, message) {
  if (message !== undefined) process.stderr.write(`${message}\n`);
  process.exit(code);
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) end(2, "usage: node infra/local/first-run.js <script.ts> [argument…]");
else {
  try {
    if (!installation.isComplete) {
      onSignal((name) => installation.interrupt(name));
      await installation.complete();
    }
    if (installation.interruptedBy === undefined) runScript([resolve(installation.root, script), ...args]);
    else end(128 + constants.signals[installation.interruptedBy]);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    end(1, error.message);
  }
}
