/** With one defence taken out of the product, the oracle has to find out: what it finds, by name. With all of them in their place it finds nothing. */
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { type Control, controls, whole } from "./controls.ts";
import { mutant } from "./mutant.ts";
import type { Findings } from "./ordeals.ts";

async function findingsOf({ patches, ordeal }: Control): Promise<Findings> {
  await using folder = await temporaryFolder();
  const servers = { source: inject("source"), target: inject("target"), kafka: inject("kafka"), registry: inject("registry") };
  const cli = patches.length === 0 ? undefined : await mutant(join(folder.path, "mutant"), patches);
  return await ordeal(servers, { folder: join(folder.path, "bank"), seed: 1, cli });
}

function found({ counts }: Findings): string[] {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name]) => name)
    .toSorted();
}

describe.concurrent("a defence is taken out", () => {
  test.each(controls)("$name", async (control) => {
    const findings = await findingsOf(control);
    process.stdout.write(`${control.name}: ${JSON.stringify(findings)}\n`);
    expect(findings.reads).toBeGreaterThan(0);
    expect(found(findings)).toEqual(expect.arrayContaining([...control.finds]));
    expect(control.stops.length === 0 || findings.stopped.some((code) => control.stops.includes(code))).toBe(true);
    expect(found(findings).length + findings.stopped.length).toBeGreaterThan(0);
  });
});

describe.concurrent("every defence is in its place", () => {
  test.each(whole)("$name", async (control) => {
    const findings = await findingsOf(control);
    process.stdout.write(`${control.name}: ${JSON.stringify(findings)}\n`);
    expect(findings.reads).toBeGreaterThan(0);
    expect(found(findings)).toEqual(expect.arrayContaining([...control.finds]));
    expect(found(findings).filter((name) => control.never?.some((count) => count === name))).toEqual([]);
    expect(findings.stopped).toEqual(control.stops);
  });
});
