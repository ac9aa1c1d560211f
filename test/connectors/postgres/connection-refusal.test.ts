import { describe, expect, test } from "vitest";
import { connectionRefusal, unreachableCure } from "../../../connectors/postgres/connection-refusal.ts";

function withCode(code: string, message = "m"): Error {
  return Object.assign(new Error(message), { code });
}

describe("connectionRefusal", () => {
  test.each([
    ["a password that is missing", new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string"), "asks for a password"],
    ["TLS where there is none", new Error("The server does not support SSL connections"), "asks for TLS"],
    ["a certificate of nobody's", withCode("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"), "is not trusted: self-signed certificate"],
    ["a certificate of another host", withCode("ERR_TLS_CERT_ALTNAME_INVALID"), "is not trusted"],
    ["one that has run out, of two addresses", new AggregateError([withCode("CERT_HAS_EXPIRED", "expired")]), "is not trusted: expired"],
  ])("%s is for a person to mend", (_, error, what) => {
    expect(connectionRefusal(error)).toEqual({ what: expect.stringContaining(what), cure: expect.stringMatching(/.{20}/) });
  });

  test.each([withCode("ECONNREFUSED"), withCode("ECONNRESET"), withCode("ENOTFOUND"), new Error("timeout expired"), "text"])(
    "%s may pass",
    (error) => {
      expect(connectionRefusal(error)).toBeUndefined();
    },
  );
});

test.each([
  [withCode("ENOTFOUND"), "No such host"],
  [new AggregateError([withCode("EAI_AGAIN")]), "No such host"],
  [new Error("timeout expired"), "not PostgreSQL"],
  [withCode("53300"), "max_wal_senders"],
  [withCode("ECONNREFUSED"), "Is it up"],
])("what to look at first: %s", (error, words) => {
  expect(unreachableCure(error)).toContain(words);
});
