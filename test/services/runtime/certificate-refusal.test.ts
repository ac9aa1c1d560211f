import { expect, test } from "vitest";
import { certificateRefusal } from "../../../services/runtime/certificate-refusal.ts";

function withCode(code: string, message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code });
}

const untrusted = withCode("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate");

test.each([
  ["by itself", untrusted],
  ["as the cause of a cause", new Error("a", { cause: withCode("PLT_KFK_NETWORK", "b", untrusted) })],
  ["of one of several brokers", new AggregateError([withCode("ECONNREFUSED", "c"), new Error("d", { cause: untrusted })])],
])("a certificate that nobody trusts is found %s", (_, error) => {
  expect(certificateRefusal(error)).toBe("unable to verify the first certificate");
});

test("an error that is its own cause ends", () => {
  const error = withCode("ECONNRESET", "x");
  error.cause = error;
  expect(certificateRefusal(error)).toBeUndefined();
});

test.each([withCode("ECONNREFUSED", "x"), new Error("certificate"), "text", undefined])("%s is none", (error) => {
  expect(certificateRefusal(error)).toBeUndefined();
});
