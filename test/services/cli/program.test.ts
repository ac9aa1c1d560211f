import type { Argument, Command } from "commander";
import { describe, expect, test } from "vitest";
import { port, positive, runKind } from "../../../services/cli/arguments.ts";
import { createProgram } from "../../../services/cli/program.ts";
import { ExitCode } from "../../../services/cli/terminal.ts";
import { documentedTable, quoted } from "./documentation.ts";

const program = createProgram();

/** Those that do something, as they are typed. */
function leaves(command: Command, path: readonly string[] = []): { typed: string; command: Command }[] {
  return command.commands.flatMap((each) => {
    const name = [...path, each.name()];
    if (each.commands.length > 0) return leaves(each, name);
    const taken = each.registeredArguments.map((argument) => humanReadableArgName(argument));
    return [{ typed: [...name, ...taken].join(" "), command: each }];
  });
}

/** As help shows it. */
function humanReadableArgName(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

function flags(command: Command): string[] {
  return command.options.filter(({ hidden }) => !hidden).map(({ flags: each }) => each);
}

const present = leaves(program);

describe("docs/cli.md", () => {
  test("names each command with its arguments and options, and no other", () => {
    const documented = documentedTable("command").map(([command = "", options = ""]) => [quoted(command), quoted(options)]);
    expect(documented).toEqual(present.map(({ typed, command }) => [[typed], flags(command)]));
  });

  test("names the options that all commands take", () => {
    expect(documentedTable("option").map(([option = ""]) => quoted(option)[0])).toEqual(flags(program));
  });

  test("names the exit codes", () => {
    expect(documentedTable("code").map(([code]) => Number(code))).toEqual(Object.values(ExitCode));
  });
});

describe("arguments", () => {
  test.each([[""], [" 1"], ["-1"], ["65536"], ["0x10"], ["1.5"], ["many"]])("port %j is none", (text) => {
    expect(() => port(text)).toThrow("Expected a number from 0 to 65535.");
  });

  test.each([["0"], [""], ["1e3"], ["99999999999999999999"]])("%j is no count", (text) => {
    expect(() => positive(text)).toThrow("Expected a whole number above 0.");
  });

  test("are understood", () => {
    expect([port("0"), port("65535"), positive("1"), runKind("connector"), runKind("applier"), runKind("all")]).toEqual([
      0,
      65_535,
      1,
      "connector",
      "applier",
      "all",
    ]);
    expect(() => runKind("everything")).toThrow("Expected connector, applier, reconciler, control or all.");
  });
});

describe("help", () => {
  test("tells of every command and option what it is for", () => {
    for (const { command } of present) {
      expect([command.name(), command.description()]).toEqual([command.name(), expect.stringMatching(/^\S.{3,}/)]);
      const undescribed = command.options.filter(({ hidden, description }) => !hidden && !/^\S.{2,}/.test(description));
      expect(undescribed.map(({ flags: each }) => each)).toEqual([]);
      expect(command.helpInformation()).toContain("--config <file>");
    }
  });
});
