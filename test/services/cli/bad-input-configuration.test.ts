/** Bad input: offtake.yaml itself. Files, since that is what its user has; no server is needed to find any of it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect } from "vitest";
import { findConfiguration } from "../../../services/runtime/configuration-file.ts";
import { loadConfiguration } from "../../../services/runtime/configuration.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { changed, env, sample } from "../runtime/sample-configuration.ts";
import { type BadInputs, describeBadInput } from "./bad-input.ts";

const folder = mkdtempSync(join(tmpdir(), "offtake-bad-input-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** What the command says of the file before it does anything. */
function refusal(file: string, variables: NodeJS.ProcessEnv): OfftakeError | undefined {
  try {
    loadConfiguration(findConfiguration(file, variables), variables);
  } catch (error) {
    if (error instanceof OfftakeError) return error;
    throw error;
  }
  return undefined;
}

/**
 * A file of this content is refused with these words; what was wrong is mended, and it is read.
 *
 * @param words line, column and what is expected there
 */
function wrongFile(content: string | Buffer, words: string, code = "CONFIG_INVALID", variables: NodeJS.ProcessEnv = env) {
  return {
    codes: [code],
    run: async (): Promise<string[]> => {
      const path = join(folder, "offtake.yaml");
      writeFileSync(path, content);
      const error = refusal(path, variables);
      expect(error?.message).toContain(words);
      expect(error?.message).toContain(path);
      // No secret, no stack.
      expect(error?.line).not.toMatch(/hidden|node:internal| at .*\.ts:/);
      writeFileSync(path, sample);
      expect(refusal(path, env)).toBeUndefined();
      return error === undefined ? [] : [error.code];
    },
  };
}

const cases: BadInputs = {
  "The file does not exist": {
    codes: ["CONFIG_MISSING"],
    run: async () => {
      const error = refusal(join(folder, "none.yaml"), env);
      expect(error?.message).toContain(`${folder}/none.yaml that --config names does not exist`);
      return [error?.code ?? "none"];
    },
  },
  "The file is a folder": {
    codes: ["CONFIG_MISSING"],
    run: async () => {
      mkdirSync(join(folder, "folder"));
      const error = refusal(join(folder, "folder"), env);
      expect(error?.message).toContain(`${folder}/folder is a folder`);
      return [error?.code ?? "none"];
    },
  },
  "The file is empty": wrongFile(
    "",
    "offtake.yaml:1:1: the file: expected a mapping with `mode`, `source`, `kafka`, `registry`, `control` and `services`, found nothing",
  ),
  "The file is not YAML": wrongFile(changed(["source:", "source"]), "offtake.yaml:2:1: not `key: value`"),
  "The file is binary": wrongFile(Buffer.from([0x1f, 0x8b, 0xff, 0x00]), "is not text in UTF-8"),
  "A key is unknown": wrongFile(changed(["registry:", "registri:"]), "offtake.yaml:6:1: unknown key `registri`: did you mean `registry`?"),
  "A key belongs to a later version": wrongFile(
    changed(["      users:\n", "      users: { conflict: { strategy: manual } }\n"]),
    'offtake.yaml:15:38: services.api.tables.users.conflict.strategy: expected source-wins; the text "manual" is not in this version',
    "NOT_IN_THIS_VERSION",
  ),
  "A value has a wrong type": wrongFile(
    changed(["[127.0.0.1:19092]", "127.0.0.1:19092"]),
    "offtake.yaml:5:12: kafka.brokers: expected a list of host:port, found the text",
  ),
  "A key is there twice": wrongFile(
    changed(["registry:", "mode: production\nregistry:"]),
    "offtake.yaml:6:1: the key `mode` is here twice: first in line 1",
  ),
  "An environment variable is not set": wrongFile(
    sample,
    "offtake.yaml:3:8: source.url: the environment variable SOURCE is not set",
    "CONFIG_INVALID",
    {
      TRADING: env.TRADING,
      API: env.API,
    },
  ),
  "A secret's file is not there": wrongFile(changed(["env:SOURCE", "file:secret"]), "offtake.yaml:3:8: source.url: the file"),
  "A URL is of another server": wrongFile(
    changed(["env:SOURCE", "http://monolith/shop"]),
    "offtake.yaml:3:8: source.url: expected a URL such as postgres://user@host:port/database",
  ),
  "A broker is given as a URL": wrongFile(
    changed(["[127.0.0.1:19092]", '["http://127.0.0.1:19092"]']),
    "offtake.yaml:5:13: kafka.brokers[0]: expected host:port",
  ),
  "The certificate authority's file is not there": wrongFile(
    sample,
    "offtake.yaml:3:8: source.url: sslrootcert: the file /nowhere/ca.pem does not exist",
    "CONFIG_INVALID",
    { ...env, SOURCE: `${env.SOURCE}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem` },
  ),
  "A service is called `__proto__`": wrongFile(changed(["  api:", "  __proto__:"]), "offtake.yaml:11:3: the key `__proto__` cannot be used"),
  "A name has a space": wrongFile(
    changed(["  api:", "  my api:"]),
    "offtake.yaml:11:3: services: expected a name of letters, digits, hyphens, underscores and dots",
  ),
  "Two services own one table": wrongFile(
    changed(["      users:", "      trades:"]),
    "offtake.yaml:15:7: the table `trades` is in services.trading-engine.tables already",
  ),
  "A service's target is the monolith's own database": wrongFile(
    sample,
    "offtake.yaml:9:20: services.trading-engine.target.url: this is the monolith's own database, in which `trades` goes to a table of the monolith",
    "CONFIG_INVALID",
    { ...env, TRADING: env.SOURCE },
  ),
  "The control database is the monolith's own": wrongFile(
    sample,
    "offtake.yaml:16:17: control.url: this is the monolith's own database",
    "CONFIG_INVALID",
    { ...env, CONTROL: env.SOURCE },
  ),
};

describeBadInput("Configuration", cases);
