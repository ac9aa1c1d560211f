/** The rules as Prometheus reads them: promtool's own tests, and that it finds a rule that does not do what they say. */
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { promtool } from "./promtool.ts";

const folder = fileURLToPath(new URL("../../../infra/prometheus/", import.meta.url));
let program: string;

beforeAll(async () => {
  program = await promtool();
});

function run(...args: string[]): string {
  return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

test("the rules are rules, and do what their tests say", () => {
  expect(run("check", "rules", join(folder, "offtake.rules.yml"))).toContain("SUCCESS");
  expect(run("test", "rules", join(folder, "offtake.rules.test.yml"))).toContain("SUCCESS");
});

test.each([
  ["lag that is paused counts", " unless on (service) offtake_apply_paused == 1", ""],
  ["a lost slot is taken for well", 'code=~"SLOT_LOST|', 'code=~"'],
  ["a unit that starts again wakes somebody", "expr: offtake_unit_ready == 0\n        for: 5m", "expr: offtake_unit_ready == 0\n        for: 0m"],
])("its tests fail where %s", async (_, rule, changed) => {
  await using copy = await temporaryFolder();
  cpSync(folder, copy.path, { recursive: true });
  const file = join(copy.path, "offtake.rules.yml");
  const text = readFileSync(file, "utf8");
  expect(text).toContain(rule);
  writeFileSync(file, text.replaceAll(rule, changed));
  expect(() => run("test", "rules", join(copy.path, "offtake.rules.test.yml"))).toThrow(/FAILED/);
});
