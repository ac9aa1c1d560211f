import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { completionScript } from "../../../services/cli/completion.ts";
import { createProgram } from "../../../services/cli/program.ts";

const program = createProgram();

/** What bash offers at the end of a line. */
function offered(...line: string[]): string[] {
  const words = line.map((word) => `'${word}'`).join(" ");
  const script = `${completionScript(program, "bash")}\nCOMP_WORDS=(${words}); COMP_CWORD=${line.length - 1}; _offtake; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8" }).split("\n").filter(Boolean);
}

test("bash is offered the commands, those below one, and their options", () => {
  expect(offered("offtake", "s")).toEqual(["status", "snapshot", "stack"]);
  expect(offered("offtake", "snapshot", "st")).toEqual(["start", "status"]);
  expect(offered("offtake", "--json", "snapshot", "status", "trading", "--w")).toEqual(["--watch"]);
  expect(offered("offtake", "reconcile", "trading", "--level", "")).toEqual(["basic", "detailed", "strict"]);
  expect(offered("offtake", "completion", "")).toEqual(expect.arrayContaining(["bash", "zsh", "fish"]));
  expect(offered("offtake", "dlq", "skip", "--")).toEqual(["--all", "--reason", "--config", "--json", "--version"]);
});

test.each(["zsh", "fish"] as const)("%s is told of every command that a user sees, with what it is for, and of no other", (shell) => {
  const script = completionScript(program, shell);
  for (const command of program
    .createHelp()
    .visibleCommands(program)
    .filter((each) => each.name() !== "help")) {
    expect(script).toContain(
      shell === "zsh"
        ? `'${command.name()}:${zshText(command.summary() || command.description())}'`
        : `-a ${command.name()} -d '${zshText(command.summary() || command.description())}'`,
    );
  }
  expect(script).toContain(shell === "zsh" ? '"reconcile --level") words_here=(basic detailed strict)' : "-l level -x -a 'basic detailed strict'");
  expect(script).not.toContain("help");
});

function zshText(text: string): string {
  return text.replaceAll("'", `'"'"'`);
}
