import { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { ReplicationStream } from "../../../connectors/postgres/replication-stream.ts";
import { asOfftakeError } from "../../../services/runtime/errors.ts";

/** The code with which a stream ends to which the server says that. */
function codeOf(kind: string, ...fields: readonly string[]): string {
  const body = Buffer.from(`${fields.map((field) => `${field}\0`).join("")}\0`);
  try {
    new ReplicationStream(new Socket()).other(kind.charCodeAt(0), body, 0, body.length);
  } catch (error) {
    return asOfftakeError(error).code;
  }
  return "none";
}

describe("a stream that the server ends", () => {
  test.each([
    ["57P01", "SOURCE_UNREACHABLE"],
    ["57P03", "SOURCE_UNREACHABLE"],
    ["53300", "SOURCE_UNREACHABLE"],
    ["08006", "SOURCE_UNREACHABLE"],
    ["57014", "STREAM_REFUSED"],
    ["42704", "STREAM_REFUSED"],
    ["58P01", "STREAM_REFUSED"],
    ["XX001", "STREAM_REFUSED"],
  ])("with the SQLSTATE %s is %s", (state, code) => {
    expect(codeOf("E", "SERROR", `C${state}`, "Mno")).toBe(code);
  });

  test("without an error is shutting down; notices and parameters end nothing", () => {
    expect([codeOf("c"), codeOf("C", "COPY 0"), codeOf("Z", "I")]).toEqual(["SOURCE_UNREACHABLE", "SOURCE_UNREACHABLE", "SOURCE_UNREACHABLE"]);
    expect([codeOf("N", "SNOTICE"), codeOf("S", "TimeZone", "UTC")]).toEqual(["none", "none"]);
  });
});
