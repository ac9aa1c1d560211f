import type { Command } from "commander";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { port, positive, runKind } from "../../../services/cli/arguments.ts";
import { commandTable, leavesOf } from "../../../services/cli/command-page.ts";
import { createProgram } from "../../../services/cli/program.ts";
import { ExitCode } from "../../../services/cli/terminal.ts";
import { documentedTable, quoted } from "./documentation.ts";

const program = createProgram();

function flags(command: Command): string[] {
  return command.options.filter(({ hidden }) => !hidden).map(({ flags: each }) => each);
}

const present = leavesOf(program);

describe("docs/cli.md", () => {
  test("has the commands as they are (`npx vitest run test/services/cli/program.test.ts --update` writes it)", async () => {
    const page = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");
    const [table = ""] = /^\| command \|(?:.*\n)(?:\|.*\n)+/m.exec(page) ?? [];
    expect(table).not.toBe("");
    await expect(page.replace(table, () => `${commandTable(program)}\n`)).toMatchFileSnapshot("../../../docs/cli.md");
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
      for (const text of [command.summary(), command.description()])
        expect([command.name(), text]).toEqual([command.name(), expect.stringMatching(/^\S.{3,}/)]);
      const undescribed = command.options.filter(({ hidden, description }) => !hidden && !/^\S.{2,}/.test(description));
      expect(undescribed.map(({ flags: each }) => each)).toEqual([]);
      expect(command.helpInformation()).toContain("--config <file>");
    }
  });
});
