/**
 * Keys and values of offtake.yaml that a later version brings.
 *
 * They are documented, so people write them. Ignoring one would be the worst answer: `notifications` that notify nobody. "Unknown key" would be the
 * second worst: they would look for a slip that is not there. The change that brings a key removes its row here, and nothing else.
 */
import type { Path } from "./configuration-fault.ts";

interface LaterKey {
  /** `*` stands for any name. */
  readonly path: string;
  /** Only these values are of a later version; without it the key is. */
  readonly values?: readonly string[];
}

export const laterKeys: readonly LaterKey[] = [
  { path: "services.*.values" },
  { path: "services.*.tables.*.conflict.timestampField" },
  { path: "services.*.tables.*.conflict.alert" },
  { path: "services.*.tables.*.conflict.strategy", values: ["last-write-wins", "manual"] },
];

/** Whether a later version knows this key, or this value of it. */
export function isLater(path: Path, value: unknown): boolean {
  return laterKeys.some((later) => {
    const steps = later.path.split(".");
    if (steps.length !== path.length || !steps.every((step, index) => step === "*" || step === path[index])) return false;
    return later.values === undefined || later.values.some((each) => each === value);
  });
}
