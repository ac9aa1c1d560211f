import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { keepaliveLength, standbyStatusUpdate, xlogDataHeader } from "../../../connectors/postgres/replication-messages.ts";
import { lsn } from "../../support/pgoutput-arbitraries.ts";
import { keepalive, xlogData } from "../../support/pgoutput-messages.ts";

/** What a server would read in it. */
function read(message: Buffer) {
  expect(message.toString("latin1", 0, 1)).toBe("d");
  expect(message.readInt32BE(1)).toBe(message.length - 1);
  expect(message.toString("latin1", 5, 6)).toBe("r");
  return {
    written: message.readBigInt64BE(6),
    flushed: message.readBigInt64BE(14),
    applied: message.readBigInt64BE(22),
    clock: message.readBigInt64BE(30),
    replyNow: message[38],
  };
}

describe("a status update", () => {
  test("says what was received and what may be discarded, and never takes the one for the other", () => {
    fc.assert(
      fc.property(lsn, lsn, fc.boolean(), (received, durable, replyNow) => {
        const found = read(standbyStatusUpdate(received, durable, 0, replyNow));
        expect(found.flushed).toBe(durable);
        expect(found.applied).toBe(durable);
        expect(found.written).toBe(received > durable ? received : durable);
        expect(found.replyNow).toBe(replyNow ? 1 : 0);
      }),
    );
  });

  test("has a clock that counts from 2000 on", () => {
    expect(read(standbyStatusUpdate(1n, 1n, Date.UTC(2000, 0, 1, 0, 0, 1), false)).clock).toBe(1_000_000n);
  });
});

test("the lengths of XLogData and keepalives are those of the documentation", () => {
  expect(xlogData(Buffer.alloc(0), 1n).length).toBe(xlogDataHeader);
  expect(keepalive(1n, true).length).toBe(keepaliveLength);
});
