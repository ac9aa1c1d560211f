/**
 * No secret in anything that Offtake shows, where every server repeats the one it was sent: what `check` finds, what commands end with, the log of a process, /readyz, /metrics,
 * the configuration that is printed, the list of processes.
 */
import fc from "fast-check";
import { afterAll, describe, expect, inject, test } from "vitest";
import { stringify } from "yaml";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runningProcesses } from "../../infra/local/process-table.ts";
import { check, checkText } from "../../services/cli/check.ts";
import { printedConfiguration } from "../../services/cli/config.ts";
import { up } from "../../services/cli/up.ts";
import { createLog } from "../../services/runtime/log.ts";
import { parseConfiguration } from "../../services/runtime/configuration.ts";
import { CliProcess, offtake } from "../services/cli/cli-process.ts";
import { httpServer, postgresThatRepeatsPasswords } from "../support/answering-server.ts";
import { errorOf } from "../support/error-of.ts";
import { running } from "../support/running-all.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const repeating = await postgresThatRepeatsPasswords();
const registry = await httpServer((request, response) => {
  const { authorization = "" } = request.headers;
  const secret = Buffer.from(authorization.replace("Basic ", ""), "base64").toString();
  const message = `${authorization} is ${secret}, as in http://${secret}@registry, and may not ${request.method} ${request.url}`;
  response.writeHead(401, { "content-type": "application/json" }).end(JSON.stringify({ error_code: 401, message }));
});
const folder = await temporaryFolder();
afterAll(async () => {
  await repeating[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

/** With what means something to URLs, JSON, YAML, shells and patterns; no NUL, which ends a password of PostgreSQL. */
const specials = [...":/?#@%&=+ !*|>'\"\\{}[],-~$;\n\t".split(""), "$&", "é", "\u{1F511}", "%41", "env:", "://"];
const secret = fc.array(fc.constantFrom(...specials), { minLength: 1, maxLength: 8 }).map((noise) => `xK9v${noise.join("")}Wj3b`);

/** Whoever shows a piece of a secret shows one of its ends, in one of the ways of writing it. */
function shown(texts: readonly string[], value: string): string[] {
  const header = Buffer.from(`me:${value}`).toString("base64");
  const ends = ["xK9v", "Wj3b", header.slice(3, 12), header.slice(-12, -4)];
  return texts.filter((text) => ends.some((end) => text.includes(end)));
}

/** Every secret a reference: as production has it. */
function fileOf(value: string): { text: string; env: Record<string, string> } {
  const database = `postgres://me:${encodeURIComponent(value)}@127.0.0.1:${repeating.port}`;
  const env = {
    MONOLITH: `${database}/shop`,
    CONTROL: `postgres://me@127.0.0.1:${repeating.port}/state?password=${encodeURIComponent(value)}`,
    TARGET: `${database}/trading`,
    REGISTRY: `http://me:${encodeURIComponent(value)}@127.0.0.1:${registry.port}`,
    KAFKA: value,
  };
  const text = stringify({
    mode: "development",
    source: { url: "env:MONOLITH" },
    kafka: { brokers: inject("kafka"), sasl: { mechanism: "plain", username: "me", password: "env:KAFKA" } },
    registry: { url: "env:REGISTRY" },
    control: { url: "env:CONTROL" },
    services: { trading: { target: { url: "env:TARGET" }, tables: ["trades"] } },
  });
  return { text, env };
}

describe("where every server repeats the secret that it was sent", () => {
  test("nothing that is shown has one, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(secret, async (value) => {
        const { text, env } = fileOf(value);
        const configuration = parseConfiguration(text, "offtake.yaml", env);
        const findings = await check(configuration);
        // They have repeated it: without that the rest would prove nothing.
        expect(findings.map(({ code, what }) => `${code} ${what.includes("[redacted]")}`)).toEqual([
          "SOURCE_REFUSED true",
          "REGISTRY_REFUSED true",
          "CONTROL_REFUSED true",
          "KAFKA_REFUSED false",
          "TARGET_REFUSED true",
        ]);
        const terminal = { json: true, progress: () => {}, answer: () => {} };
        const error = await errorOf(up(configuration, { createTables: true, recover: undefined }, terminal, new AbortController().signal));
        const lines: string[] = [];
        for (const people of [true, false]) createLog({ env: {}, terminal: people, write: (line) => lines.push(line) }).error(error);
        await using all = await running(configuration);
        const { reasons } = await waitFor(
          async () => {
            const answer = await all.readyz();
            return Object.values(answer.reasons).every((reason) => reason.includes("_REFUSED")) && answer;
          },
          { what: "both units to be refused" },
        );
        const address = String(all.log.find(({ http }) => http !== undefined)?.["http"]);
        const metrics = await (await fetch(`${address}/metrics`)).text();
        const printed = printedConfiguration(configuration);
        const everything = [
          JSON.stringify(findings),
          checkText(findings),
          String(error?.stack),
          JSON.stringify(error),
          ...lines,
          JSON.stringify(all.log),
          JSON.stringify(reasons),
          metrics,
          printed.text,
          JSON.stringify(printed.object),
        ];
        expect(shown(everything, value)).toEqual([]);
      }),
      { numRuns: 8 },
    );
  });

  test("processes of the command line show none, on stdout, on stderr or in the list of processes", async () => {
    const value = "xK9v: 'p@ss/w%rd\\#\"Wj3b";
    const { text, env } = fileOf(value);
    const file = join(folder.path, "offtake.yaml");
    await writeFile(file, text);
    const ended = [await offtake(["check", "--config", file], { env }), await offtake(["up", "--json", "--config", file], { env })];
    await using command = new CliProcess(["run", "all", "--http-port", "0", "--config", file], { env });
    await command.says(/TARGET_REFUSED/);
    await command.says(/SOURCE_REFUSED/);
    const listed = runningProcesses().find(({ pid }) => pid === command.child.pid)?.command ?? "";
    expect(listed).toContain(file);
    ended.push(await command.end("SIGTERM"));
    expect(ended.map(({ stdout, stderr }) => `${stdout}${stderr}`.includes("[redacted]"))).toEqual([true, true, true]);
    expect(shown([listed, ...ended.flatMap(({ stdout, stderr }) => [stdout, stderr])], value)).toEqual([]);
  });
});
