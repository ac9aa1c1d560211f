import { describe, expect, test } from "vitest";
import type { TailRecord } from "../../../connectors/postgres/tail.ts";
import type { AppliedPosition } from "../../../services/apply/position.ts";
import { checkNewestApplied } from "../../../services/apply/prepare.ts";
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
