/**
 * A value that must never be seen: a password, a token, or a URL that carries one.
 *
 * Secrets leak where nobody meant to print them: a configuration object in a debug line, an error that quotes its input, JSON of a whole state.
 * So the value stands in a private field that no serializer reaches, every way of turning it into text gives `[redacted]`, and the one way to
 * get it is a call that can be searched for: `reveal()`.
 */
import { inspect } from "node:util";

const redacted = "[redacted]";

/** Schemes whose URLs may be shown without their password. Any text with a colon parses as a URL of some scheme. */
const describable = new Set(["postgres:", "postgresql:", "http:", "https:"]);

export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
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

/**
 * A text of somebody else's making (an error of a library, a value found where it should not be) without the passwords of the URLs in it. The
 * last line of defence, not the first: our own messages use `describe()`. The text may be raw or JSON. The bounds keep the time linear.
 */
export function withoutPasswords(text: string): string {
  return text.replaceAll(/([a-z][a-z0-9+.-]{0,30}:\/\/(?:\\.|[^\s"\\:/?#@]){0,256}):(?:\\.|[^\s"\\]){0,4096}@/gi, `$1:${redacted}@`);
}
