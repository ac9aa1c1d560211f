/**
 * `npm test`: format, lint, types and unused code, then the tests. `npm test -- <arguments>`: only the tests, with vitest's arguments.
 *
 * One command that says yes only when everything holds: a check that has to be remembered is one that is forgotten.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

const checks: [name: string, program: string, args: string[]][] = [
  ["format", "prettier", ["--check", "--log-level", "warn", "."]],
  ["lint", "oxlint", ["--type-aware", "--deny-warnings"]],
  ["types", "tsc", ["--noEmit"]],
  ["types of the dashboard", "tsc", ["--noEmit", "-p", "services/control/dashboard"]],
  ["unused code", "knip", []],
];

/** Runs one check and prints its name, its seconds and, when it fails, what it said. */
async function passes([name, program, args]: (typeof checks)[number]): Promise<boolean> {
  const began = performance.now();
  const child = spawn(`${root}node_modules/.bin/${program}`, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const [said, saidAsError, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  const passed = code === 0;
  say(`${name}: ${passed ? "ok" : "FAILED"}, ${((performance.now() - began) / 1000).toFixed(1)} s (${[program, ...args].join(" ")})`);
  if (!passed) say(`${said}${saidAsError}`.trimEnd());
  return passed;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const vitestArguments = process.argv.slice(2);
if (vitestArguments.length > 0) say("format, lint, types and unused code are not checked, since there are arguments");
else {
  say("checking format, lint, types and unused code");
  const passed = await Promise.all(checks.map(passes));
  if (passed.includes(false)) {
    say("the tests were not run: mend these first (`npm run fix` mends format and some of lint)");
    process.exit(1);
  }
}
say(`tests: vitest ${["run", ...vitestArguments].join(" ")}`);
const vitest = [process.execPath, `${root}node_modules/vitest/vitest.mjs`, "run", ...vitestArguments];
// Becomes vitest rather than its parent: a Ctrl-C is then one signal to one process.
if (process.execve === undefined) throw new Error("this Node has no process.execve: Windows? Run it in WSL.");
process.execve(process.execPath, vitest, process.env);
