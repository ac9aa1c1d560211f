/**
 * Holds what offtake.yaml says against its definition: which keys, which kinds of values.
 *
 * A person who has misspelled a key and forgotten a variable wants to hear of both. So besides the faults this gives the part of the file that
 * has none, and the checks that come later look at that part.
 *
 * Pure.
 */
import type { z } from "zod";
import { configurationSchema, type RawConfiguration, type WrittenConfiguration } from "../../schemas/configuration.ts";
import { foundText, keyText, pathText, type Fault, type Path } from "./configuration-fault.ts";
import { holdsSecret, keysAt, placesOf } from "./known-keys.ts";
import { isLater } from "./later-keys.ts";
import { nearestName } from "./nearest-name.ts";

/** A part of a value of type T: anything may be missing, what is there is of its type. */
export type Part<T> = T extends readonly (infer Item)[]
  ? readonly (Part<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Part<T[Key]> | undefined }
    : T;

export interface Shape {
  readonly faults: readonly Fault[];
  /** Everything in the file that is not at fault, as written. */
  readonly valid: Part<WrittenConfiguration>;
  /** The whole, with units parsed and defaults filled in; only where there are no faults. */
  readonly raw: RawConfiguration | undefined;
}

/** @param value the file as plain values */
export function checkShape(value: unknown): Shape {
  const result = configurationSchema.safeParse(value);
  const issues = flattened(result.error?.issues ?? [], []);
  const suggested = new Set<string>();
  const faults = issues.flatMap((issue) => faultsOf(issue, value, suggested));
  return {
    // A key that was misspelled is not missing as well.
    faults: faults.filter(({ path, at }) => !(at === "key" && suggested.has(pathText(path)))),
    valid: without(value, issues.flatMap(placesAtFault)),
    raw: result.data,
  };
}

type Issue = z.core.$ZodIssue;

/** Of a union, the issues of the one branch that takes the kind of value that was found; of none, the union's own. */
function flattened(issues: readonly Issue[], path: readonly PropertyKey[]): Issue[] {
  return issues.flatMap((issue) => {
    const full = [...path, ...issue.path];
    if (issue.code === "invalid_union") {
      const branch = issue.errors.find((each) => !each.some(({ code, path: [first] }) => code === "invalid_type" && first === undefined));
      if (branch !== undefined) return flattened(branch, full);
    }
    return [{ ...issue, path: full }];
  });
}

function faultsOf(issue: Issue, value: unknown, suggested: Set<string>): Fault[] {
  const path = pathOf(issue);
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => unknownKey(path, key, valueAt(value, [...path, key]), suggested));
  const found = valueAt(value, path);
  if (found === undefined) return [{ path, at: "key", message: `missing key \`${pathText(path)}\`: expected ${issue.message}` }];
  if (isLater(path, found))
    return [
      { path, at: "value", message: `${pathText(path)}: expected ${issue.message}; ${foundText(found, false)} is not in this version`, later: true },
    ];
  const message = `${pathText(path) || "the file"}: expected ${issue.message}, found ${foundText(found, holdsSecret(path))}${hint(issue, found)}`;
  return [{ path, at: "value", message }];
}

function hint(issue: Issue, found: unknown): string {
  if (issue.code !== "invalid_type") return "";
  if (issue.expected === "string") return typeof found === "number" || typeof found === "boolean" ? "; in quotes it is a text" : "";
  return typeof found === "string" && /^[\w-]+:(?!\/\/)\S/.test(found) ? "; a space is missing after the colon" : "";
}

function unknownKey(parent: Path, key: string, value: unknown, suggested: Set<string>): Fault {
  const path = [...parent, key];
  const place = parent.length === 0 ? "" : ` in ${pathText(parent)}`;
  if (isLater(path, value)) return { path, at: "key", message: `\`${keyText(key)}\`${place} is not in this version: remove it`, later: true };
  const known = keysAt(parent);
  const unknown = `unknown key \`${keyText(key)}\`${place}`;
  if (key.includes(":")) return { path, at: "key", message: `${unknown}: a space is missing after the colon` };
  const nearest = nearestName(key, known);
  if (nearest !== undefined) {
    suggested.add(pathText([...parent, nearest]));
    return { path, at: "key", message: `${unknown}: did you mean \`${nearest}\`?` };
  }
  const elsewhere = placesOf(key).map((each) => (each === "" ? "at the top" : `in \`${each}\``));
  if (elsewhere.length > 0) return { path, at: "key", message: `${unknown}: it belongs ${elsewhere.join(" or ")}; is the indentation right?` };
  return { path, at: "key", message: `${unknown}: known here are ${known.map((each) => `\`${each}\``).join(", ")}` };
}

function placesAtFault(issue: Issue): Path[] {
  const path = pathOf(issue);
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...path, key]) : [path];
}

/** Files have no symbols for keys. */
function pathOf({ path }: Issue): Path {
  return path.map((step) => (typeof step === "symbol" ? String(step) : step));
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((node, step) => (isBranch(node) && Object.hasOwn(node, step) ? node[step] : undefined), value);
}

/** A copy whose values at these paths are gone. What is left has passed the definition, apart from keys that are missing: hence the type. */
function without(value: unknown, paths: readonly Path[]): Part<WrittenConfiguration> {
  if (!isBranch(value) || paths.some((path) => path.length === 0)) return {};
  const copy = structuredClone(value);
  for (const path of paths) {
    const parent = valueAt(copy, path.slice(0, -1));
    const last = path.at(-1);
    if (isBranch(parent) && last !== undefined) parent[last] = undefined;
  }
  return copy;
}

function isBranch(value: unknown): value is Record<string | number, unknown> {
  return typeof value === "object" && value !== null;
}
