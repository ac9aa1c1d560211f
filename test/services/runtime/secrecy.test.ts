/**
 * No secret in anything that Offtake shows: whatever the secret is, wherever it stands, however the file around it is at fault.
 */
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { parseConfiguration, type Configuration } from "../../../services/runtime/configuration.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { redactedConfiguration } from "../../../services/runtime/redacted-configuration.ts";

const specials = [...":/?#@%&=+ !*|>'\"\\{}[],-~$Zq7".split(""), "é", "\u{1F511}"];

/** Long enough to be found by chance nowhere, with every character that means something to YAML, URLs or JSON. */
const password = fc.array(fc.constantFrom(...specials), { minLength: 0, maxLength: 12 }).map((noise) => `xK9v${noise.join("")}Wj3b`);

/** The two ends of every password; whoever shows a piece of one shows one of these. */
const ends = ["xK9v", "Wj3b"];

/** A file with one password in five places. */
function file(secret: string): Record<string, unknown> {
  const encoded = encodeURIComponent(secret);
  return {
    mode: "development",
    source: { url: `postgres://me:${encoded}@monolith/shop` },
    kafka: { brokers: ["kafka:9092"], sasl: { mechanism: "plain", username: "me", password: secret } },
    registry: { url: `http://me:${encoded}@registry/` },
    control: { url: `postgres://me:${encoded}@control/offtake` },
    services: { api: { target: { url: `postgres://host/db?password=${encoded}` }, tables: ["users"] } },
  };
}

function renderings(subject: Configuration | OfftakeError): string[] {
  const lines: string[] = [];
  for (const terminal of [true, false]) {
    const log = createLog({ env: { OFFTAKE_LOG_LEVEL: "trace" }, terminal, write: (line) => lines.push(line) });
    if (subject instanceof OfftakeError) {
      log.error(subject);
      log.error({ err: new OfftakeError("INTERNAL", "wrapped", { cause: subject }) }, "it failed");
    } else {
      log.info({ configuration: subject, url: subject.source.url }, `with ${String(subject.source.url)} at ${subject.source.url.describe()}`);
      log.error(new Error(`in ${String(subject.source.url)}`, { cause: subject.kafka.sasl }));
    }
  }
  const own =
    subject instanceof OfftakeError ? [subject.message, subject.line, subject.stack ?? "", String(subject)] : [redactedConfiguration(subject)];
  return [...lines, ...own, JSON.stringify(subject), inspect(subject, { depth: 20, showHidden: true })];
}

function shownEnds(texts: readonly string[]): string[] {
  return ends.filter((end) => texts.some((text) => text.includes(end)));
}

function parsed(text: string): Configuration | OfftakeError {
  try {
    return parseConfiguration(text, "offtake.yaml", {});
  } catch (error) {
    if (error instanceof OfftakeError) return error;
    throw error;
  }
}

describe("no secret is shown", () => {
  test("by a configuration that is valid", () => {
    fc.assert(
      fc.property(password, (secret) => {
        const configuration = parsed(stringify(file(secret)));
        if (configuration instanceof OfftakeError) throw configuration;
        expect(configuration.kafka.sasl?.password?.reveal()).toBe(secret);
        expect(shownEnds(renderings(configuration))).toEqual([]);
      }),
    );
  });

  test("by the faults of URLs in which the password was not escaped", () => {
    fc.assert(
      fc.property(password, (secret) => {
        const text = stringify({
          ...file(secret),
          source: { url: `postgres://me:${secret}@monolith/shop` },
          registry: { url: `http://me:${secret}@registry/` },
          control: { url: `postgres://me:${secret}@control/offtake` },
        });
        expect(shownEnds(renderings(parsed(text)))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test("by the faults of a file that lost or gained a few characters", () => {
    const slip = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.nat(3),
      add: fc.constantFrom("", "", " ", "\t", "\n", ":", "'", '"', "*", "&a ", "!t ", "- ", "[", "}", "#", "---\n", "%", ">"),
    });
    fc.assert(
      fc.property(
        password,
        fc.array(slip, { minLength: 1, maxLength: 3 }),
        fc.constantFrom("PLAIN", "QUOTE_DOUBLE", "QUOTE_SINGLE"),
        (secret, slips, quotes) => {
          let text = stringify(file(secret), { defaultStringType: quotes === "PLAIN" ? "PLAIN" : quotes, defaultKeyType: "PLAIN" });
          for (const { at, remove, add } of slips) {
            const offset = Math.floor(at * text.length);
            text = text.slice(0, offset) + add + text.slice(offset + remove);
          }
          const result = parsed(text);
          // What is valid still may show a URL's user, and a slip can turn a password into one.
          expect(result instanceof OfftakeError ? shownEnds(renderings(result)) : []).toEqual([]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test.each([
    ["a mapping that is the password itself", (secret: string) => ({ ...file(secret), kafka: { brokers: ["kafka:9092"], sasl: secret } })],
    ["a URL where a mapping is expected", (secret: string) => ({ ...file(""), source: `postgres://me:${secret}@monolith/shop` })],
    [
      "a password under a misspelled key",
      (secret: string) => ({ ...file(""), kafka: { brokers: ["kafka:9092"], sasl: { mechanism: "plain", username: "me", passwort: secret } } }),
    ],
    [
      "a password of a list",
      (secret: string) => ({ ...file(""), kafka: { brokers: ["kafka:9092"], sasl: { mechanism: "plain", username: "me", password: [secret] } } }),
    ],
    ["a URL among the brokers", (secret: string) => ({ ...file(""), kafka: { brokers: [`postgres://me:${secret}@kafka:9092`] } })],
    [
      "a key that swallowed the password",
      (secret: string) => ({
        ...file(""),
        kafka: { brokers: ["kafka:9092"], sasl: { mechanism: "plain", username: "me", [`password:${secret}`]: null } },
      }),
    ],
  ])("by %s", (_, make) => {
    fc.assert(
      fc.property(password, (secret) => {
        const result = parsed(stringify(make(secret)));
        expect(result).toBeInstanceOf(OfftakeError);
        expect(shownEnds(renderings(result))).toEqual([]);
      }),
    );
  });

  test("by an error of Node that carries the URL it could not parse", () => {
    const lines: string[] = [];
    const log = createLog({ env: {}, terminal: false, write: (line) => lines.push(line) });
    try {
      log.info(new URL("postgres://me:xK9v Wj3b@ho st:x/").href);
    } catch (error) {
      log.error(error);
      log.error({ err: new OfftakeError("INTERNAL", "wrapped", { cause: error }) });
    }
    expect(lines).toHaveLength(2);
    expect(shownEnds(lines)).toEqual([]);
  });
});
