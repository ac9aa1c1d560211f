/**
 * One line of the log for people, from one line of JSON.
 *
 *     12:34:56.789 WARN  what happened  service=orchestrator  CODE: message cure <- cause
 *
 * Values come from the databases: one with control characters in it could rewrite the terminal it is shown on, so they are escaped.
 *
 * Pure.
 */
import type { LoggedError } from "./logged-error.ts";

interface Entry {
  readonly level: string;
  readonly time: string;
  readonly msg?: string;
  readonly err?: LoggedError;
  readonly [key: string]: unknown;
}

const colours: Readonly<Record<string, string>> = { trace: "90", debug: "90", info: "32", warn: "33", error: "31", fatal: "31" };

/** Not told to people: they know which process they look at. */
const hidden = new Set(["level", "time", "pid", "msg", "err"]);

/**
 * @param json a line that log.ts has made
 * @returns a line with its newline; only an INTERNAL error has more, its stack, which a report of it needs
 */
export function logLine(json: string, colour: boolean): string {
  const entry: Entry = JSON.parse(json);
  const level = entry.level.toUpperCase().padEnd(5);
  const painted = colour ? `\u001b[${colours[entry.level] ?? "0"}m${level}\u001b[0m` : level;
  const { msg, err } = entry;
  const fields = Object.entries(entry)
    .filter(([key]) => !hidden.has(key))
    .map(([key, value]) => `${key}=${typeof value === "string" && /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value)}`);
  const parts = [
    // Without words of its own an entry repeats the error's message.
    ...(msg === undefined || msg === err?.message ? [] : [msg]),
    ...(fields.length === 0 ? [] : [fields.join(" ")]),
    ...(err === undefined ? [] : [errorText(err)]),
  ];
  const stack = err?.code === "INTERNAL" ? `${stackOf(err)}\n` : "";
  return `${entry.time.slice(11, 23)} ${painted} ${printable(parts.join("  "))}\n${stack}`;
}

function errorText({ code, message, cure, cause }: LoggedError): string {
  const own = `${code === undefined ? "" : `${code}: `}${message}${cure === undefined ? "" : ` ${cure}`}`;
  return cause === undefined || cause.message === message ? own : `${own} <- ${errorText(cause)}`;
}

/** The stack of the error that was wrapped, where there is one: that is where it happened. */
function stackOf({ stack = "", cause }: LoggedError): string {
  return (cause?.stack ?? stack).split("\n").map(printable).join("\n");
}

/** Control characters, those that change the direction of text included, as JSON escapes them. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    if (character === "\n") return "\\n";
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`;
  });
}
