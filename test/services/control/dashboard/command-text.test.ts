import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../../../services/cli/program.ts";
import * as commands from "../../../../services/control/dashboard/command-text.ts";

/** What the command line understands of a text. */
function understood(text: string): { command: string; args: readonly unknown[]; options: object } | undefined {
  let found: ReturnType<typeof understood>;
  const visit = (command: Command, path: readonly string[]): void => {
    for (const each of command.commands) visit(each, [...path, each.name()]);
    if (command.commands.length === 0)
      command.action(() => void (found = { command: path.join(" "), args: command.processedArgs, options: command.opts() }));
  };
  const program = createProgram();
  visit(program, []);
  program.parse(["node", ...text.split(" ")]);
  return found;
}

describe("a command is one that the command line knows, and does the same", () => {
  const job = { id: "c7", service: "billing", tables: ["public.a"] };
  test.each([
    [commands.pauseCommand("billing"), { command: "pause", args: ["billing"] }],
    [commands.resumeCommand("billing"), { command: "resume", args: ["billing"] }],
    [commands.reconcileCommand("billing", []), { command: "reconcile", args: ["billing", []], options: { level: "detailed" } }],
    [commands.reconcileCommand("billing", ["public.a", "b"], "strict"), { args: ["billing", ["public.a", "b"]], options: { level: "strict" } }],
    [commands.snapshotCommand("billing", ["public.a"]), { command: "snapshot start", args: ["billing", ["public.a"]] }],
    [commands.repairCommand("billing", ["public.a"], true), { command: "repair", args: ["billing", ["public.a"]], options: { dryRun: true } }],
    [commands.repairCommand("billing", [], false), { command: "repair", args: ["billing", []], options: {} }],
    [commands.replayCommand("billing", "billing:7"), { command: "dlq replay", args: ["billing", ["7"]] }],
    [commands.replayCommand("billing", undefined), { command: "dlq replay", args: ["billing", []] }],
    [commands.skipCommand("billing", "billing:7", false), { command: "dlq skip", args: ["billing", "7"], options: { all: false } }],
    [commands.skipCommand("billing", "billing:7", true), { command: "dlq skip", args: ["billing", "7"], options: { all: true } }],
    [commands.cancelCommand(job, "http://localhost"), { command: "snapshot cancel", args: ["billing", ["public.a"]] }],
  ])("%s", (text, expected) => {
    expect(understood(text)).toMatchObject(expected);
  });
});

test("names that a shell would take apart are quoted", () => {
  expect(commands.reconcileCommand("billing", ["public.order lines", "public.it's", "public.$(x)"])).toBe(
    String.raw`offtake reconcile billing 'public.order lines' 'public.it'\''s' 'public.$(x)'`,
  );
});

test("a pass is called off by the API, which has no command", () => {
  expect(commands.cancelCommand({ id: "j7", service: "billing", tables: [] }, "http://localhost:8086")).toBe(
    'curl -X POST -H "Authorization: Bearer $OFFTAKE_API_KEY" http://localhost:8086/api/v1/jobs/j7/cancel',
  );
});
