import { describe, expect, test } from "vitest";
import type { TailRecord } from "../../../connectors/postgres/tail.ts";
import type { AppliedPosition } from "../../../services/apply/position.ts";
import { checkNewestApplied, checkPosition } from "../../../services/apply/prepare.ts";
import { serviceOf } from "./target-fixture.ts";

const position: AppliedPosition = {
  topic: "test.trading",
  topicId: "0",
  offset: 8,
  commitLsn: 0x300n,
  sequence: 3,
  xid: 1,
  systemIdentifier: "1",
  timeline: 1,
};
const record: TailRecord = {
  commitLsn: 0x300n,
  sequence: 3,
  last: true,
  previous: undefined,
  systemIdentifier: "1",
  timeline: 1,
  event: undefined,
  marker: false,
  settled: true,
  offset: 7,
  producerId: 1n,
  micros: 0,
};

function check(newest: TailRecord | undefined): void {
  checkNewestApplied(position, serviceOf("postgres://target"), newest);
}

describe("the record below the applied position", () => {
  test("is the one that was applied", () => {
    expect(() => check(record)).not.toThrow();
  });

  test.each([
    ["of another transaction", { ...record, commitLsn: 0x200n }],
    ["of another place in its transaction", { ...record, sequence: 4 }],
    ["at another offset", { ...record, offset: 6 }],
    ["not there", undefined],
  ])("that is %s says that Kafka lost events", (_, newest) => {
    expect(() => check(newest)).toThrow(expect.objectContaining({ code: "TOPIC_LOST_TAIL" }));
  });
});

describe("the applied position", () => {
  const service = serviceOf("postgres://target");
  const fits = { ...position, topic: service.topic };
  const range = { start: 3, end: 8 };

  test.each([
    ["between the topic's ends", fits, "0", range],
    ["at its beginning", fits, "0", { start: 8, end: 8 }],
    ["of a target that has nothing", undefined, "0", range],
  ])("%s can be read on from", (_, applied, topicId, ends) => {
    expect(() => checkPosition(applied, service, topicId, ends)).not.toThrow();
  });

  const beyond = { start: 9, end: 12 };
  const next = { ...record, offset: 9, commitLsn: 0x400n, sequence: 1, previous: 0x300n, order: 1 };

  test.each([
    ["the next transaction's first event", next],
    ["a heartbeat, the next transaction", { ...next, order: undefined, event: { lsn: "1", table: "", op: "m", key: "" } }],
    ["a marker that repeats it", { ...record, offset: 9, marker: true }],
    ["the next row of a copy", { ...record, offset: 9, sequence: fits.sequence + 1, order: undefined }],
  ])("below the topic's beginning can be read on from where that is %s", (_, first) => {
    expect(() => checkPosition(fits, service, "0", beyond, first)).not.toThrow();
  });

  test.each([
    ["a later transaction's", { ...next, previous: 0x310n }],
    ["in the middle of the next transaction", { ...next, order: 2, sequence: 2 }],
    ["a marker that repeats a later position", { ...record, offset: 9, marker: true, commitLsn: 0x400n }],
    ["a marker that repeats an earlier event of it", { ...record, offset: 9, marker: true, sequence: 2 }],
    ["a later row of a copy", { ...record, offset: 9, sequence: fits.sequence + 2, order: undefined }],
    ["the topic's first transaction", { ...next, previous: undefined }],
    ["not there", undefined],
  ])("below the topic's beginning cannot where that is %s", (_, first) => {
    expect(() => checkPosition(fits, service, "0", beyond, first)).toThrow(expect.objectContaining({ code: "TOPIC_EXPIRED" }));
  });

  test.each([
    ["of another topic", { ...fits, topic: "other.trading" }, "0", range, "APPLIED_POSITION_FOREIGN", "written from the topic other.trading"],
    ["of a topic that was made again", fits, "1", range, "TOPIC_RECREATED", "was deleted and made again"],
    ["before the topic's beginning", fits, "0", { start: 9, end: 12 }, "TOPIC_EXPIRED", "begins at offset 9; the applier needs 8"],
    ["behind the topic's end", fits, "0", { start: 0, end: 7 }, "TOPIC_LOST_TAIL", "ends at offset 7, and the target has applied up to 8"],
  ])("%s cannot", (_, applied, topicId, ends, code, message) => {
    expect(() => checkPosition(applied, service, topicId, ends)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
