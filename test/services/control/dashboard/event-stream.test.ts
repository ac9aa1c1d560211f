import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EventStreamParser, type StreamEvent } from "../../../../services/control/dashboard/event-stream.ts";

function parsed(...chunks: readonly string[]): { events: StreamEvent[]; lastEventId: string } {
  const parser = new EventStreamParser();
  const events = chunks.flatMap((chunk) => parser.feed(chunk));
  return { events, lastEventId: parser.lastEventId };
}

describe("a stream", () => {
  // The examples of the HTML Standard, 9.2.6, with what it says of each.
  test.each([
    ["data: YHOO\ndata: +2\ndata: 10\n\n", [{ event: "message", data: "YHOO\n+2\n10" }], ""],
    [
      ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
      [
        { event: "message", data: "first event" },
        { event: "message", data: "second event" },
        { event: "message", data: " third event" },
      ],
      "",
    ],
    [
      "data\n\ndata\ndata\n\ndata:",
      [
        { event: "message", data: "" },
        { event: "message", data: "\n" },
      ],
      "",
    ],
    [
      "data:test\n\ndata: test\n\n",
      [
        { event: "message", data: "test" },
        { event: "message", data: "test" },
      ],
      "",
    ],
    ["id: a-7\nevent: patch\ndata: {}\n\n", [{ event: "patch", data: "{}" }], "a-7"],
    ["event: patch\n\ndata: 1\n\n", [{ event: "message", data: "1" }], ""],
    ["id: a\0b\ndata: 1\n\n", [{ event: "message", data: "1" }], ""],
    ["id: 4\n\n", [], "4"],
    ["retry: 10\nunknown: 1\n:only a comment\ndata: 1\r\rdata: 2\r\n\r\n", ["1", "2"].map((data) => ({ event: "message", data })), ""],
    ["id: 5\ndata: cut", [], ""],
  ])("%j", (text, events, lastEventId) => {
    expect(parsed(text)).toEqual({ events, lastEventId });
  });

  test("keeps the number of the connection before until it has a newer one", () => {
    const parser = new EventStreamParser("a-7");
    expect([parser.feed("data: 1\n\n"), parser.lastEventId]).toEqual([[{ event: "message", data: "1" }], "a-7"]);
  });
});

const line = fc.oneof(
  fc.constantFrom("", "", "data", "data:", ": comment", "id: 7", "event: patch", "event"),
  fc.string({ maxLength: 12, unit: fc.constantFrom("a", ":", " ", "é", "{", '"', "\0") }).map((text) => `data: ${text}`),
  fc.nat(99).map((number) => `id: e-${number}`),
);
const text = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n")), { maxLength: 30 }).map((lines) => lines.flat().join(""));

test("is the same stream wherever it was cut on its way", () => {
  fc.assert(
    fc.property(text, fc.array(fc.nat(400), { maxLength: 40 }), (whole, cuts) => {
      const places = [0, ...cuts.filter((place) => place < whole.length).toSorted((a, b) => a - b), whole.length];
      const chunks = places.slice(1).map((end, i) => whole.slice(places[i], end));
      expect(parsed(...chunks)).toEqual(parsed(whole));
      expect(parsed(...whole.split(""))).toEqual(parsed(whole));
    }),
  );
});

test("is what the server has written, whatever is in its messages", () => {
  const message = fc.record({ event: fc.constantFrom("status", "patch"), data: fc.json() });
  fc.assert(
    fc.property(fc.array(message), fc.integer({ min: 1, max: 9 }), (messages, size) => {
      const written = messages.map(({ event, data }, i) => `id: x-${i}\nevent: ${event}\ndata: ${data}\n\n`).join(": nothing has changed\n\n");
      const chunks = written.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      expect(parsed(...chunks)).toEqual({ events: messages, lastEventId: messages.length === 0 ? "" : `x-${messages.length - 1}` });
    }),
  );
});
