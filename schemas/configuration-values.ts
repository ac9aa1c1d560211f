/**
 * The kinds of values that offtake.yaml holds, with what each says of a value that is none: "expected a duration from 100ms to 1h, such as …".
 *
 * Pure.
 */
import { z } from "zod";
import { durationPattern, parseDuration, parseSize, sizePattern } from "../services/runtime/units.ts";

export const text = (expected: string) => z.string({ error: expected }).min(1, { error: expected });

/** A reference, resolved at start. `writeOnly` is JSON Schema's word for a value that is never shown; messages obey it. */
export const secret = (description: string) =>
  text("env:NAME or file:path").meta({ writeOnly: true, description: `${description} Given as env:NAME or file:path.` });

export const wholeNumber = (from: number, to: number) => {
  const error = `a whole number from ${from} to ${to}`;
  return z.int({ error }).min(from, { error }).max(to, { error });
};

/** Parsed to milliseconds. */
export const duration = (from: string, to: string) =>
  withUnit(durationPattern, parseDuration, from, to, `a duration from ${from} to ${to}, such as 250ms, 5s, 10m or 24h`);

/** Parsed to bytes. */
export const size = (from: string, to: string) =>
  withUnit(sizePattern, parseSize, from, to, `a size from ${from} to ${to}, such as 64KiB, 10MiB or 10GiB`);

export const notEmpty = (mapping: object) => Object.keys(mapping).length > 0;

function withUnit(pattern: RegExp, parse: (text: string) => number | undefined, from: string, to: string, error: string) {
  const [smallest = 0, largest = 0] = [parse(from), parse(to)];
  return z
    .string({ error })
    .regex(pattern, { error })
    .transform((written, context) => {
      const value = parse(written);
      if (value !== undefined && value >= smallest && value <= largest) return value;
      context.issues.push({ code: "custom", message: error, input: written });
      return z.NEVER;
    });
}
