/**
 * A value that must never be seen: a password, a token, or a URL that carries one.
 *
 * Secrets leak where nobody meant to print them: a configuration object in a debug line, an error that quotes its input, JSON of a whole state.
 * So the value stands in a private field that no serializer reaches, every way of turning it into text gives `[redacted]`, and the one way to
 * get it is a call that can be searched for: `reveal()`.
 */
import { inspect } from "node:util";
import { rememberSecret } from "./known-secrets.ts";

const redacted = "[redacted]";

/** Schemes whose URLs may be shown without their password. Any text with a colon parses as a URL of some scheme. */
const describable = new Set(["postgres:", "postgresql:", "http:", "https:"]);

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
    for (const part of secretParts(value)) rememberSecret(part);
  }

  /** The value itself, for the call that needs it. Never for a message. */
  reveal(): string {
    return this.#value;
  }

  /**
   * What a message may show: of a URL its scheme, user, host, port and path; of anything else `[redacted]`. The query is left out since
   * libpq takes passwords there too.
   */
  describe(): string {
    const url = URL.parse(this.#value);
    if (url === null || !describable.has(url.protocol) || !this.#value.includes("://")) return redacted;
    // A slash, question mark or hash in an unescaped password ends the host early: what follows, up to the real @, is password.
    if (`${url.pathname}${url.search}${url.hash}`.includes("@")) return redacted;
    const user = url.username === "" ? "" : `${url.username}@`;
    return `${url.protocol}//${user}${url.host}${url.pathname}`;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [inspect.custom](): string {
    return redacted;
  }
}

/** Of a URL what nobody may see of it, as it is and as a header has it; anything else is one as a whole. */
function secretParts(value: string): string[] {
  const url = URL.parse(value);
  if (url === null || !describable.has(url.protocol)) return [value];
  const [user, password] = [decoded(url.username), decoded(url.password)];
  const queried = url.searchParams.getAll("password");
  return [...(password === "" ? [] : [url.password, password, `${user}:${password}`]), ...queried].filter((part) => part !== "");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A % that begins nothing.
  }
}

/**
 * A line of JSON without the passwords of the URLs in it: those that libraries write into the messages of their errors. The last line of
 * defence, not the first: our own messages use `describe()`.
 *
 * Takes out too much rather than too little: of each run of characters after `://`, what is between its first colon and its last @.
 */
export function withoutPasswords(json: string): string {
  let result = "";
  let from = 0;
  for (let scheme = json.indexOf("://"); scheme !== -1; scheme = json.indexOf("://", from)) {
    const start = scheme + "://".length;
    const end = endOfRun(json, start);
    const run = json.slice(start, end);
    const [colon, at] = [run.indexOf(":"), run.lastIndexOf("@")];
    const shown = colon === -1 || colon > at ? run : `${run.slice(0, colon + 1)}${redacted}${run.slice(at)}`;
    result += json.slice(from, start) + shown;
    from = end;
  }
  return result + json.slice(from);
}

/** Where white space or the end of the JSON text comes; what a backslash escapes is neither. */
function endOfRun(json: string, start: number): number {
  let end = start;
  while (end < json.length && !/[\s"]/.test(json.charAt(end))) end += json.charAt(end) === "\\" ? 2 : 1;
  return Math.min(end, json.length);
}
