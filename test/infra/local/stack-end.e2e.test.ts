import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { runningProcesses } from "../../../infra/local/process-table.ts";
import { startLocalStack } from "../../../infra/local/stack.ts";
import { endAbandonedStacks, stackFolders } from "../../../infra/local/stack-folder.ts";
import { hasProcesses } from "../../../infra/local/stack-processes.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startProgram } from "./program.ts";

const quiet = (): void => undefined;

function folderOf(line: string): string {
  return z.object({ folder: z.string() }).parse(JSON.parse(line)).folder;
}

function isGone(folder: string): boolean {
  return !existsSync(folder) && !hasProcesses(folder);
}

function keeperOf(folder: string): number | undefined {
  return runningProcesses().find(({ command }) => command.includes("keeper") && command.endsWith(folder))?.pid;
}

test("stop() leaves no process, no folder and no keeper, and may be called twice", async () => {
  const stack = await startLocalStack({ servers: ["source", "target"], progress: quiet });
  expect(hasProcesses(stack.folder)).toBe(true);
  await stack.stop();
  await stack.stop();
  expect(isGone(stack.folder)).toBe(true);
  expect(keeperOf(stack.folder)).toBeUndefined();
});

test("kill -9 of the owner: its keeper ends all four servers and removes their folder", async () => {
  const owner = startProgram("stack-owner.ts", ["source", "target", "kafka", "registry"]);
  const folder = folderOf(await owner.line());
  expect(await readdir(folder)).toEqual(expect.arrayContaining(["source", "target", "kafka", "registry"]));
  owner.child.kill("SIGKILL");
  await waitFor(() => isGone(folder), { what: "the keeper to end the stack" });
  await waitFor(() => keeperOf(folder) === undefined, { what: "the keeper to end" });
});

test("kill -9 of the owner in the middle of a start", async () => {
  const owner = startProgram("stack-owner.ts", ["source", "target", "kafka", "registry"]);
  await once(owner.child.stderr ?? owner.child, "data"); // the first of the servers answers, the others are on their way
  const folder = (await stackFolders()).find((path) => basename(path).startsWith(`${owner.child.pid}-`)) ?? "";
  expect(hasProcesses(folder)).toBe(true);
  owner.child.kill("SIGKILL");
  await waitFor(() => isGone(folder) && keeperOf(folder) === undefined, { what: "the keeper to end the stack" });
});

test("kill -9 of the owner and of its keeper: the next start ends the servers and removes their folder", async () => {
  const owner = startProgram("stack-owner.ts", ["source"]);
  const folder = folderOf(await owner.line());
  const keeper = await waitFor(() => keeperOf(folder), { what: "the keeper" });
  process.kill(keeper, "SIGKILL");
  owner.child.kill("SIGKILL");
  await owner.ended;
  await endAbandonedStacks(quiet);
  expect(isGone(folder)).toBe(true);
});

test("a stack whose owner is alive is not abandoned", async () => {
  await using stack = await startLocalStack({ servers: ["source"], progress: quiet });
  await endAbandonedStacks(quiet);
  expect(hasProcesses(stack.folder)).toBe(true);
  expect(existsSync(stack.folder)).toBe(true);
});

test("Ctrl-C, which goes to the owner's whole process group, leaves the servers to the owner", async () => {
  const owner = startProgram("stack-owner.ts", ["source"], { detached: true });
  const folder = folderOf(await owner.line());
  process.kill(-(owner.child.pid ?? Number.NaN), "SIGINT");
  expect(await owner.line()).toBe("answered");
  owner.child.kill("SIGTERM");
  await waitFor(() => isGone(folder), { what: "the keeper to end the stack" });
});

test("a start that fails ends what it had started, and says what the server's log says", async () => {
  const settings = { target: { no_such_setting: "1" } };
  const failing = startLocalStack({ servers: ["source", "target"], progress: quiet, settings });
  await expect(failing).rejects.toMatchObject({
    code: "STACK_SERVER_FAILED",
    message: expect.stringMatching(/^target did not start: it ended with code 1\.[^]*unrecognized configuration parameter "no_such_setting"/),
  });
  await using stack = await startLocalStack({ servers: ["source"], progress: quiet });
  const own = (await readdir(dirname(stack.folder))).filter((name) => name.startsWith(`${process.pid}-`));
  expect(own).toEqual([stack.folder.slice(dirname(stack.folder).length + 1)]);
});
