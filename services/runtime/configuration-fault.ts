/**
 * One thing that is wrong with offtake.yaml, and how a list of them is shown.
 *
 * Whoever mends a configuration file wants every fault at once, each as a line that an editor can jump to. A fault that quotes what it found
 * may quote a password, so values are shown only where the schema says that they may be.
 */
import { OfftakeError } from "./errors.ts";

/** Keys from the top of the file, and indexes of lists. */
export type Path = readonly (string | number)[];

/** A fault at a key or value, before it has a line. */
export interface Fault {
  readonly path: Path;
  /** Whether the key is wrong or what it holds. Of a key that is missing: where it would be. */
  readonly at: "key" | "value";
  readonly message: string;
  /** Of a later version, and nothing else is wrong with it. */
  readonly later?: boolean;
}

/** A fault at its place in the file; lines and columns from 1. */
export interface LocatedFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly later: boolean;
}

/** `services.trading.tables[0]`; a key that is not a plain name stands in quotes. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    const name = /^[\w-]+$/.test(step) ? step : `"${keyText(step)}"`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}

/** A key of the file without control characters. Of `password:hunter2`, where a space is missing, only what is before the colon. */
export function keyText(key: string): string {
  const colon = key.indexOf(":");
  return JSON.stringify(colon === -1 ? shortened(key) : `${shortened(key.slice(0, colon))}:…`).slice(1, -1);
}

/**
 * What was found, as the end of a sentence.
 *
 * @param secret whether the value must not be shown
 */
export function foundText(value: unknown, secret: boolean): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object") return Object.keys(value).length === 0 ? "an empty mapping" : "a mapping";
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") return secret ? "a number" : `the number ${value}`;
  // A URL with a password may stand where nobody expects one.
  if (secret || typeof value !== "string" || (value.includes("://") && value.includes("@"))) return "a text";
  return `the text ${JSON.stringify(shortened(value))}`;
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

/** All faults as one error: NOT_IN_THIS_VERSION when nothing else is wrong, else CONFIG_INVALID. */
export function configurationError(file: string, faults: readonly LocatedFault[]): OfftakeError {
  const lines = faults
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, message }) => `  ${file}:${line}:${column}: ${message}`);
  const onlyLater = faults.every(({ later }) => later);
  const count = faults.length === 1 ? "a fault" : `${faults.length} faults`;
  const summary = onlyLater ? `The configuration ${file} asks for what this version does not have:` : `The configuration ${file} has ${count}:`;
  return new OfftakeError(onlyLater ? "NOT_IN_THIS_VERSION" : "CONFIG_INVALID", `${summary}\n${lines.join("\n")}`);
}
