import { describe, expect, test } from "vitest";
import { parseMessage, type TakeOverMarker } from "../../schemas/offtake-message.ts";

const marker: TakeOverMarker = {
  kind: "take-over",
  connector: "trading",
  slot: "offtake_trading",
  systemIdentifier: "7400000000000000001",
  timeline: 2,
  history: [{ timeline: 1, endedAt: "123456789012345678901" }],
  commitLsn: "18446744073709551615",
  sequence: 7,
  last: true,
  previous: "5",
  event: { lsn: "6", table: "public.trades", op: "u", key: "digest" },
};

describe("parseMessage", () => {
  test("reads a heartbeat and a take-over marker, positions of any size included", () => {
    expect(parseMessage('{"kind":"heartbeat","at":1800000000000000}')).toEqual({ kind: "heartbeat", at: 1_800_000_000_000_000 });
    expect(parseMessage(JSON.stringify(marker))).toEqual(marker);
  });

  test("reads the end of a table's copy", () => {
    const content = { kind: "copied", table: "public.trades", snapshot: "12", reason: "rows from before `offtake up`" };
    expect(parseMessage(JSON.stringify(content))).toEqual(content);
  });

  test("reads a marker behind a gap that was recovered", () => {
    const recovered = { after: { commitLsn: "18446744073709551614", sequence: 3 }, tables: ["public.trades"], reason: "the slot was lost" };
    expect(parseMessage(JSON.stringify({ ...marker, recovered }))).toEqual({ ...marker, recovered });
  });

  test("reads a marker of a topic without events", () => {
    const { previous: _previous, event: _event, ...opening } = marker;
    expect(parseMessage(JSON.stringify(opening))).toEqual(opening);
  });

  test("passes over what a later version has more", () => {
    expect(parseMessage('{"kind":"heartbeat","at":1,"later":true}')).toEqual({ kind: "heartbeat", at: 1 });
  });

  test.each([
    "",
    "{",
    "null",
    "[]",
    '"heartbeat"',
    '{"kind":"heartbeat"}',
    '{"kind":"heartbeat","at":"1"}',
    '{"kind":"barrier","nonce":"x"}',
    '{"kind":"copied","table":"public.trades"}',
    JSON.stringify({ ...marker, commitLsn: "0/1" }),
    JSON.stringify({ ...marker, commitLsn: 1 }),
    JSON.stringify({ ...marker, systemIdentifier: undefined }),
  ])("knows no message in %j", (content) => {
    expect(parseMessage(content)).toBeUndefined();
  });
});
