/**
 * Secrets of offtake.yaml: references to a variable or a file, and what they stand for.
 *
 *     env:NAME    an environment variable
 *     file:path   a file, relative to the folder of offtake.yaml; one newline at its end is not part of it, since editors put it there
 *     …           the value itself, in `mode: development` only
 *
 * A reference that cannot be resolved is a fault of the configuration like any other, found at start: not when the connection is first needed.
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { unreadable } from "./unreadable-file.ts";
import { Secret } from "./secret.ts";

/** The value, or what is wrong, as a sentence without the value. */
export type Resolved = { readonly secret: Secret } | { readonly fault: string };

export class References {
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;
  /** So that what was checked is what is used, even if a file changes in between. */
  readonly #resolved = new Map<string, Resolved>();

  /** @param folder of offtake.yaml */
  constructor(env: NodeJS.ProcessEnv, folder: string) {
    this.#env = env;
    this.#folder = folder;
  }

  resolve(text: string): Resolved {
    const known = this.#resolved.get(text);
    if (known !== undefined) return known;
    const resolved = this.#read(text);
    this.#resolved.set(text, resolved);
    return resolved;
  }

  #read(text: string): Resolved {
    if (text.startsWith("env:")) {
      const name = text.slice("env:".length);
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return { fault: "env: needs the name of an environment variable, such as env:OFFTAKE_SOURCE_URL" };
      const value = this.#env[name];
      if (value === undefined) return { fault: `the environment variable ${name} is not set` };
      return value === "" ? { fault: `the environment variable ${name} is empty` } : { secret: new Secret(value) };
    }
    if (text.startsWith("file:")) {
      const path = resolve(this.#folder, text.slice("file:".length));
      try {
        const value = readFileSync(path, "utf8").replace(/\r?\n$/, "");
        return value === "" ? { fault: `the file ${path} is empty` } : { secret: new Secret(value) };
      } catch (error) {
        return { fault: unreadable(path, error) };
      }
    }
    return { secret: new Secret(text) };
  }
}

/** Whether the text stands for itself. */
export function isLiteral(text: string): boolean {
  return !text.startsWith("env:") && !text.startsWith("file:");
}
