import { expect, test } from "vitest";
import type { InstallationStatus } from "../../../services/cli/control-board.ts";
import { troublesOf } from "../../../services/cli/installation-health.ts";

type Unit = NonNullable<InstallationStatus["units"]>[number];

function told(...units: readonly Partial<Unit>[]): string[] {
  const whole = units.map((each): Unit => ({ unit: "applier api", process: "host 1", ready: true, reason: "working", ageSeconds: 1, ...each }));
  return troublesOf({ at: "", services: [], units: whole, validation: null }).map(({ kind, where, what }) => `${kind} ${where}: ${what}`);
}

test.each<[string, readonly Partial<Unit>[], readonly string[]]>([
  ["works", [{}], []],
  ["is paused", [{ reason: "paused by ada" }], []],
  ["does not work", [{ ready: false, reason: "TARGET_UNREACHABLE" }], ["unit applier api: TARGET_UNREACHABLE"]],
  ["has a standby that waits", [{ process: "host 2", ready: false, reason: "APPLIER_IN_USE" }, {}], []],
  ["says nothing any more", [{ ageSeconds: 31 }], ["unit applier api: host 1 has said nothing for 31 s"]],
  ["was taken over from a process that was killed", [{}, { process: "host 2", ageSeconds: 3000 }], []],
])("a unit that %s", (_, units, expected) => {
  expect(told(...units)).toEqual(expected);
});
