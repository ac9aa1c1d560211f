import { describe, expect, test } from "vitest";
import { RegistryAnswer, registryError, schemaRefused } from "../../../connectors/kafka/registry-errors.ts";

const shown = "http://registry/";

describe("registryError", () => {
  test.each([
    ["a network that is away", new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED 127.0.0.1:1") }), "REGISTRY_UNREACHABLE"],
    [
      "what the client makes of one",
      Object.assign(new Error("offtake - Error, status 400: socket hang up"), { status: 400 }),
      "REGISTRY_UNREACHABLE",
    ],
    ["a server in trouble", new RegistryAnswer(503, undefined, "Service Unavailable"), "REGISTRY_UNREACHABLE"],
    ["too many requests", new RegistryAnswer(429, undefined, "Too Many Requests"), "REGISTRY_UNREACHABLE"],
    ["a wrong password", new RegistryAnswer(401, 40101, "Unauthorized"), "REGISTRY_REFUSED"],
    [
      "TLS asked of plain HTTP",
      new TypeError("fetch failed", { cause: new Error("error:0A00010B:wrong version number:x.c:77:\n") }),
      "REGISTRY_REFUSED",
    ],
    ["a certificate of nobody's", new TypeError("fetch failed", { cause: new Error("self-signed certificate") }), "REGISTRY_REFUSED"],
  ])("%s", (_, error, code) => {
    expect(registryError(error, shown, "answer")).toMatchObject({
      code,
      message: expect.stringContaining(shown),
      cure: expect.stringMatching(/.{20}/),
    });
  });

  test("says what happened, and not how the client wraps it", () => {
    const refused = new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED 127.0.0.1:1") });
    expect(registryError(refused, shown, "answer").message).toBe(
      "The schema registry at http://registry/ did not answer: connect ECONNREFUSED 127.0.0.1:1.",
    );
    const hangup = Object.assign(new Error("offtake - Error, status 400: socket hang up"), { status: 400 });
    expect(registryError(hangup, shown, "answer").message).toBe("The schema registry at http://registry/ did not answer: socket hang up.");
  });
});

test.each([
  ["offtake - Subject s is in read-only mode", "REGISTRY_REFUSED", 'PUT {"mode": "READWRITE"} to /mode and /mode/s'],
  ["offtake - Schema being registered is incompatible", "SCHEMA_REFUSED", 'PUT {"compatibility": "NONE"} to /config/s'],
])("a schema that is not taken: %s", (message, code, cure) => {
  expect(schemaRefused(new Error(message), shown, "s")).toMatchObject({ code, cure: expect.stringContaining(cure) });
});
