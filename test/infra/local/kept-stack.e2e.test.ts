import { existsSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { fetchedJars } from "../../../infra/local/jars.ts";
import { runningProcesses } from "../../../infra/local/process-table.ts";
import { hasProcesses } from "../../../infra/local/stack-processes.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { waitFor } from "../../support/wait-for.ts";
import { startProgram } from "./program.ts";

const kept = z.object({ folder: z.string(), addresses: z.record(z.string(), z.string()), alreadyUp: z.boolean() });
const status = z.object({ up: z.boolean(), servers: z.array(z.object({ name: z.string(), answers: z.boolean(), reason: z.string() })) });

test("up, up again, status, a server that dies, down", async () => {
  await using cache = await temporaryFolder();
  // A cache of its own, so as not to meet a stack that somebody keeps on this machine; what has been fetched is shared.
  const jars = dirname(fetchedJars()?.kafka ?? "");
  await mkdir(cache.path, { recursive: true });
  await symlink(jars, join(cache.path, basename(jars)));
  const command = async (name: string): Promise<unknown> => {
    const program = startProgram("kept-stack-command.ts", [name], { env: { ...process.env, OFFTAKE_CACHE: cache.path } });
    const line: unknown = JSON.parse(await program.line());
    expect(await program.ended).toMatchObject({ code: 0 });
    return line;
  };

  const namesThatDoNotAnswer = async (): Promise<string[]> =>
    status.parse(await command("status")).servers.flatMap(({ name, answers, reason }) => (answers || reason === "" ? [] : [name]));

  expect(await command("status")).toEqual({ up: false, folder: "", startedAt: "", servers: [] });
  const first = kept.parse(await command("up"));
  try {
    expect(first.alreadyUp).toBe(false);
    expect(kept.parse(await command("up"))).toEqual({ ...first, alreadyUp: true });
    const servers = ["source", "target", "kafka", "registry"].map((name) => ({ name, answers: true, reason: "" }));
    expect(status.parse(await command("status"))).toEqual({ up: true, servers });

    const registry = runningProcesses().find((running) => running.command.includes(first.folder) && running.command.includes("-runner.jar"));
    process.kill(registry?.pid ?? Number.NaN, "SIGKILL");
    await waitFor(async () => (await namesThatDoNotAnswer()).join() === "registry", { what: "the registry to be reported" });
  } finally {
    expect(await command("down")).toEqual({ stopped: true });
  }
  expect(existsSync(first.folder)).toBe(false);
  expect(hasProcesses(first.folder)).toBe(false);
  expect(await command("down")).toEqual({ stopped: false });
});
