import { DatabaseError } from "pg";
import { describe, expect, test } from "vitest";
import { eventRefused, targetError, verdictOf } from "../../../services/apply/target-error.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { serviceOf } from "./target-fixture.ts";

const service = serviceOf("postgres://offtake:hidden@target:5432/trading");

function refusal(code: string, detail?: string): DatabaseError {
  const error = new DatabaseError("no", 0, "error");
  return Object.assign(error, { code, detail });
}

describe("an error of the target", () => {
  test.each([
    ["22001", "event"],
    ["23505", "event"],
    ["44000", "event"],
    ["0A000", "event"],
    ["42804", "event"],
    ["XX000", "event"],
    ["40001", "busy"],
    ["53100", "busy"],
    ["55P03", "busy"],
    ["57014", "busy"],
    ["08006", "unreachable"],
    ["57P01", "unreachable"],
    ["25P03", "unreachable"],
    ["42P01", "changed"],
    ["42703", "changed"],
    ["42501", "refused"],
  ])("%s means %s", (state, verdict) => {
    expect(verdictOf(refusal(state))).toBe(verdict);
  });

  test("without SQLSTATE is one of the connection", () => {
    const error = targetError(Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }), service);
    expect([error.code, error.message]).toEqual(["TARGET_UNREACHABLE", expect.not.stringContaining("hidden")]);
  });

  test("of JavaScript's own is a fault of Offtake, and not tried again for ever", () => {
    for (const fault of [new TypeError("x is undefined"), new RangeError("out of range"), "a text"]) {
      const error = targetError(fault, service);
      expect([error.code, error.retry]).toEqual(["INTERNAL", "no"]);
    }
  });

  test("that has a code already keeps it", () => {
    const known = new OfftakeError("TARGET_ROW_MISSING", "gone");
    expect(targetError(known, service)).toBe(known);
  });

  test("that names an event tells the server's words, detail and SQLSTATE", () => {
    expect(eventRefused("the create of a.b (id)=(1)", refusal("23505", "Key (id)=(1) already exists.")).message).toBe(
      "The target refuses the create of a.b (id)=(1): no (Key (id)=(1) already exists.) [23505].",
    );
  });

  test("names the columns that are too narrow, and the statement that widens them", () => {
    const row = { table: '"a"."b"', misfits: [{ name: '"n"', type: "smallint", wider: "bigint" }] };
    expect(eventRefused("the create of a.b (id)=(1)", refusal("22003"), row)).toMatchObject({
      message: 'The target refuses the create of a.b (id)=(1): no [22003]; the column "n" is smallint.',
      cure: 'ALTER TABLE "a"."b" ALTER COLUMN "n" TYPE bigint; The applier goes on by itself.',
    });
  });

  test("names a column that must not be null, and what takes that away", () => {
    const error = Object.assign(refusal("23502"), { schema: "a", table: "b", column: "n" });
    expect(eventRefused("the create of a.b (id)=(1)", error).cure).toContain('ALTER TABLE "a"."b" ALTER COLUMN "n" DROP NOT NULL;');
  });
});
