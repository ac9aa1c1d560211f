import { DatabaseError } from "pg";
import { describe, expect, test } from "vitest";
import { isPoison } from "../../../services/apply/poison.ts";
import { eventRefused } from "../../../services/apply/target-error.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";

function refused(code: string): OfftakeError {
  return eventRefused("an event", Object.assign(new DatabaseError("no", 0, "error"), { code }));
}

describe("an event is poison", () => {
  test.each(["22001", "22003", "22007", "22021", "22P02", "23502", "23503", "23505", "23514", "23P01"])("where it is refused with %s", (code) => {
    expect(isPoison(refused(code))).toBe(true);
  });

  test.each(["08006", "0A000", "21000", "25006", "40001", "40P01", "42501", "42703", "42804", "42P01", "44000", "53100", "53200", "54000", "55P03"])(
    "and is none with %s",
    (code) => expect(isPoison(refused(code))).toBe(false),
  );

  test.each(["57014", "57P01", "58030", "P0001", "XX000"])("nor with %s", (code) => expect(isPoison(refused(code))).toBe(false));

  test("nor with what is no refusal of an event", () => {
    const cause = Object.assign(new DatabaseError("no", 0, "error"), { code: "23505" });
    for (const error of [cause, new Error("23505"), undefined, new OfftakeError("TARGET_ROW_MISSING", "gone", { cause })])
      expect(isPoison(error)).toBe(false);
  });
});
