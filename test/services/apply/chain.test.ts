import { describe, expect, test } from "vitest";
import { EventReader } from "../../../schemas/event-reader.ts";
import type { TakeOverMarker } from "../../../schemas/offtake-message.ts";
import { Chain } from "../../../services/apply/chain.ts";
import type { AppliedPosition } from "../../../services/apply/position.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { EventWriter, type Position, WrittenTable } from "./event-writer.ts";

const trades = new WrittenTable("trades", { id: "int4*" });
const writer = new EventWriter();
const cluster = 7_300_000_000_000_000_001n;

/** An event of transaction `of`, by default its only one. */
function event(of: bigint, position: Partial<Position> = {}): EventReader {
  const bytes = writer.encode(trades.create({ id: 1 }), {
    commitLsn: of,
    sequence: 1,
    previous: null,
    last: true,
    systemIdentifier: cluster,
    timeline: 1,
    ...position,
  });
  const reader = new EventReader(trades.plan);
  reader.read(trades.plan, bytes, 5, bytes.length);
  return reader;
}

function marker(timeline: number, history: TakeOverMarker["history"] = [], systemIdentifier = cluster): TakeOverMarker {
  return {
    kind: "take-over",
    connector: "trading",
    slot: "offtake_trading",
    systemIdentifier: String(systemIdentifier),
    timeline,
    history,
    commitLsn: "0",
    sequence: 0,
    last: true,
  };
}

function applied(position: Partial<AppliedPosition> = {}): AppliedPosition {
  return {
    topic: "t",
    topicId: "0",
    offset: 5,
    commitLsn: 100n,
    sequence: 3,
    xid: 1,
    systemIdentifier: String(cluster),
    timeline: 1,
    ...position,
  };
}

function errorOf(act: () => unknown): { code: string; message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof OfftakeError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: "", message: "" };
}

/** Beyond 2^32 and, for identifiers, beyond 2^63. */
const far = (n: bigint): bigint => (0xfeedn << 32n) | n;

/** Behind the transaction 100, whose last event has the sequence 3. */
function behind(): Chain {
  const chain = new Chain("t", undefined);
  for (const sequence of [1, 3]) chain.follows(event(100n, { sequence, last: sequence === 3 }), sequence);
  return chain;
}

/** A gap that was recovered: from behind 100:3 to 200, unless told otherwise. */
function gap(after: { commitLsn: string; sequence: number } = { commitLsn: "100", sequence: 3 }): TakeOverMarker {
  return { ...marker(1), commitLsn: "200", previous: after.commitLsn, recovered: { after, tables: ["public.trades"], reason: "lost" } };
}

/** Whether it is taken for a new row of a copy. */
function piece(chain: Chain, sequence: number, position: Partial<Position> = {}): boolean {
  return chain.follows(event(100n, { sequence, ...position }), sequence, true);
}

describe("Chain", () => {
  test("the first transaction of a new topic names none before it, and each later one its predecessor", () => {
    const chain = new Chain("t", undefined);
    expect(chain.follows(event(100n), 0)).toBe(true);
    expect(chain.follows(event(200n, { previous: 100n }), 1)).toBe(true);
    expect(chain.follows(event(far(1n), { previous: 200n, last: false }), 2)).toBe(true);
    expect(chain.follows(event(far(1n), { previous: 200n, sequence: 4 }), 3)).toBe(true);
    expect(chain.follows(event(far(2n), { previous: far(1n) }), 4)).toBe(true);
    expect(chain.commitLsn).toBe(far(2n));
  });

  test("goes on behind the applied position", () => {
    const chain = new Chain("t", applied({ commitLsn: far(5n), sequence: 3 }));
    expect(chain.follows(event(far(9n), { previous: far(5n) }), 6)).toBe(true);
  });

  test("what was seen before is dropped: older transactions, and the same one up to its last event", () => {
    const chain = new Chain("t", applied({ commitLsn: far(5n), sequence: 3 }));
    expect(chain.follows(event(far(4n), { previous: 77n, sequence: 9 }), 1)).toBe(false);
    expect(chain.follows(event(99n), 2)).toBe(false);
    expect(chain.follows(event(far(5n), { sequence: 2 }), 3)).toBe(false);
    expect(chain.follows(event(far(5n), { sequence: 3 }), 4)).toBe(false);
    expect(chain.follows(event(far(9n), { previous: far(5n) }), 6)).toBe(true);
  });

  test("an event that comes twice in the middle of its transaction is dropped, and the transaction goes on", () => {
    const chain = new Chain("t", undefined);
    const open = { last: false };
    expect([1, 2, 2, 1, 3].map((sequence) => chain.follows(event(100n, { ...open, sequence }), sequence))).toEqual([true, true, false, false, true]);
    expect(chain.follows(event(100n, { sequence: 4 }), 9)).toBe(true);
  });

  describe("pieces of a copy", () => {
    test("stand at the position of the transaction before them, and are no link: the next one names the same", () => {
      const chain = behind();
      expect([piece(chain, 4, { last: false }), piece(chain, 5), piece(chain, 6)]).toEqual([true, true, true]);
      expect(chain.commitLsn).toBe(100n);
      expect(chain.follows(event(200n, { previous: 100n, totalOrder: 1 }), 7)).toBe(true);
    });

    test("one that comes twice is dropped, and one of an earlier transaction too", () => {
      const chain = behind();
      expect([4, 5, 4, 5, 3].map((sequence) => piece(chain, sequence))).toEqual([true, true, false, false, false]);
      expect(piece(chain, 9, { commitLsn: 99n })).toBe(false);
    });

    test("one that was applied before a restart is dropped, and the next goes on behind it", () => {
      const chain = new Chain("t", applied({ commitLsn: 100n, sequence: 5 }));
      expect([4, 5, 6].map((sequence) => piece(chain, sequence))).toEqual([false, false, true]);
    });

    test.each([
      ["behind a transaction that is not here", { commitLsn: 200n }, [4], "belongs behind a transaction that is not here: the newest is 0/64:3"],
      ["with a gap before it", {}, [4, 6], "is number 6, and the one before is 4"],
    ])("one %s is refused", (_, position, sequences, why) => {
      const chain = behind();
      const { code, message } = errorOf(() => sequences.map((sequence) => piece(chain, sequence, position)));
      expect([code, message]).toEqual(["CHAIN_BROKEN", expect.stringContaining(why)]);
    });

    test("one at the beginning of a topic is refused: it stands behind nothing", () => {
      const { code, message } = errorOf(() => piece(new Chain("t", undefined), 4));
      expect([code, message]).toEqual([
        "CHAIN_BROKEN",
        expect.stringContaining("belongs behind a transaction that is not here: the newest is none."),
      ]);
    });

    test("one in the middle of a transaction is refused, and a transaction in the middle of one, and more of the transaction behind one", () => {
      const open = new Chain("t", undefined);
      open.follows(event(100n, { last: false }), 0);
      expect(errorOf(() => piece(open, 4)).message).toContain("stands in the middle of that transaction");
      const cut = behind();
      piece(cut, 4, { last: false });
      expect(errorOf(() => cut.follows(event(200n, { previous: 100n }), 5)).message).toContain("begins before the transaction 0/64:4 has ended");
      expect(errorOf(() => cut.follows(event(100n, { sequence: 5 }), 5)).message).toContain("which had ended");
    });

    test("one of another cluster is refused as a transaction is", () => {
      expect(errorOf(() => piece(behind(), 4, { systemIdentifier: 1n })).code).toBe("SOURCE_IDENTITY_CHANGED");
    });
  });

  describe("a gap that was recovered", () => {
    test("is passed where it begins behind the newest event, once, and the next transaction names its end", () => {
      const chain = behind();
      expect([chain.passesGap(gap(), 4), chain.passesGap(gap(), 5)]).toEqual([true, false]);
      expect(chain.commitLsn).toBe(200n);
      expect(chain.follows(event(300n, { previous: 200n, totalOrder: 1 }), 6)).toBe(true);
    });

    test("is passed by a target that had come to its beginning, and is behind one that has passed it", () => {
      expect(new Chain("t", applied()).passesGap(gap(), 6)).toBe(true);
      const passed = new Chain("t", applied({ commitLsn: 200n, sequence: 0 }));
      expect(passed.passesGap(gap(), 6)).toBe(false);
      expect(passed.follows(event(300n, { previous: 200n }), 7)).toBe(true);
    });

    test("ends a transaction of which the rest does not come, and a piece", () => {
      const cut = new Chain("t", undefined);
      cut.follows(event(100n, { last: false, sequence: 3 }), 0);
      expect(cut.passesGap(gap(), 1)).toBe(true);
      const copied = behind();
      piece(copied, 4);
      expect(copied.passesGap(gap({ commitLsn: "100", sequence: 4 }), 5)).toBe(true);
      for (const chain of [cut, copied]) expect(chain.follows(event(300n, { previous: 200n, totalOrder: 1 }), 6)).toBe(true);
    });

    test("may end at the very position of the next transaction, which is whole or broken as any other", () => {
      const chain = behind();
      chain.passesGap(gap(), 4);
      expect(errorOf(() => chain.follows(event(200n, { previous: 100n }), 5)).code).toBe("CHAIN_BROKEN");
      expect(errorOf(() => chain.follows(event(200n, { previous: 200n, totalOrder: 2, sequence: 2 }), 5)).code).toBe("CHAIN_BROKEN");
      expect(chain.follows(event(200n, { previous: 200n, totalOrder: 1 }), 5)).toBe(true);
      expect(chain.follows(event(300n, { previous: 200n, totalOrder: 1 }), 6)).toBe(true);
    });

    test.each([
      ["a later transaction", { commitLsn: "150", sequence: 1 }],
      ["an earlier one", { commitLsn: "50", sequence: 3 }],
      ["a later event of the newest", { commitLsn: "100", sequence: 5 }],
      ["an earlier one of it", { commitLsn: "100", sequence: 2 }],
    ])("is refused where it begins behind %s: events in front of it are missing", (_, after) => {
      const { code, message } = errorOf(() => behind().passesGap(gap(after), 9));
      expect([code, message]).toEqual(["CHAIN_BROKEN", expect.stringContaining("and the newest applied is 0/64:3.")]);
    });

    test("is refused by a target that has nothing", () => {
      expect(errorOf(() => new Chain("t", undefined).passesGap(gap(), 9)).code).toBe("CHAIN_BROKEN");
    });

    test("is none where a marker only repeats its end, or names no gap", () => {
      const { recovered: _, ...repeated } = gap();
      const chain = behind();
      expect(chain.passesGap(repeated, 4)).toBe(false);
      expect(errorOf(() => chain.follows(event(300n, { previous: 200n }), 5)).code).toBe("CHAIN_BROKEN");
    });
  });

  test("a transaction that does not follow on the newest one is a gap, and says what is missing", () => {
    const chain = new Chain("t", applied({ commitLsn: 0x100n, sequence: 3 }));
    const { code, message } = errorOf(() => chain.follows(event(0x300n, { previous: 0x200n }), 42));
    expect(code).toBe("CHAIN_BROKEN");
    expect(message).toBe("In the topic t the transaction 0/300 at offset 42 follows on 0/200, and the newest applied is 0/100:3.");
  });

  test("a wrong predecessor is a gap in either half of its LSN", () => {
    const chain = new Chain("t", applied({ commitLsn: far(1n) }));
    expect(errorOf(() => chain.follows(event(far(9n), { previous: 1n }), 6)).code).toBe("CHAIN_BROKEN");
    expect(errorOf(() => chain.follows(event(far(9n), { previous: far(2n) }), 6)).code).toBe("CHAIN_BROKEN");
  });

  test("a transaction that names none before it is a gap once anything was applied", () => {
    const chain = new Chain("t", applied());
    const { code, message } = errorOf(() => chain.follows(event(200n), 6));
    expect([code, message]).toEqual(["CHAIN_BROKEN", expect.stringContaining("follows on nothing")]);
  });

  test("a target that has nothing needs the topic from its first transaction", () => {
    const { code, message } = errorOf(() => new Chain("t", undefined).follows(event(200n, { previous: 100n }), 6));
    expect([code, message]).toEqual(["CHAIN_BROKEN", expect.stringContaining("the topic does not reach back to its beginning")]);
  });

  test("a transaction whose first events are missing is refused: of a new topic, and behind the applied position", () => {
    const { code, message } = errorOf(() => new Chain("t", undefined).follows(event(200n, { sequence: 7, totalOrder: 4 }), 6));
    expect([code, message]).toEqual(["CHAIN_BROKEN", expect.stringContaining("begins with its 4th event")]);
    expect(errorOf(() => new Chain("t", applied()).follows(event(200n, { previous: 100n, sequence: 2, totalOrder: 2 }), 6)).code).toBe(
      "CHAIN_BROKEN",
    );
  });

  test("events that are missing in the middle of a transaction are a gap, and sequences that became no event are none", () => {
    const chain = new Chain("t", undefined);
    expect(chain.follows(event(100n, { last: false, sequence: 3, totalOrder: 1 }), 0)).toBe(true);
    // A message does not say which it is, and counts.
    expect(chain.follows(event(100n, { last: false, sequence: 4 }), 1)).toBe(true);
    expect(chain.follows(event(100n, { last: false, sequence: 9, totalOrder: 3 }), 2)).toBe(true);
    expect(chain.follows(event(100n, { last: false, sequence: 9, totalOrder: 3 }), 3)).toBe(false);
    const { code, message } = errorOf(() => chain.follows(event(100n, { sequence: 11, totalOrder: 5 }), 4));
    expect([code, message]).toEqual(["CHAIN_BROKEN", expect.stringContaining("goes on with its 5th event, and its 4th is missing")]);
    expect(chain.follows(event(100n, { sequence: 10, totalOrder: 4 }), 4)).toBe(true);
    expect(chain.follows(event(200n, { previous: 100n, totalOrder: 1 }), 5)).toBe(true);
  });

  test("a connector that counts fewer events since its service has fewer tables goes on", () => {
    const chain = new Chain("t", undefined);
    chain.follows(event(100n, { last: false, totalOrder: 1 }), 0);
    chain.follows(event(100n, { last: false, sequence: 2, totalOrder: 2 }), 1);
    expect(chain.follows(event(100n, { last: false, sequence: 3, totalOrder: 2 }), 2)).toBe(true);
    expect(errorOf(() => chain.follows(event(100n, { sequence: 5, totalOrder: 4 }), 3)).code).toBe("CHAIN_BROKEN");
  });

  test("a transaction that begins before the one before it has ended is refused", () => {
    const chain = new Chain("t", undefined);
    chain.follows(event(100n, { last: false }), 0);
    const { code, message } = errorOf(() => chain.follows(event(200n, { previous: 100n }), 1));
    expect([code, message]).toEqual(["CHAIN_BROKEN", expect.stringContaining("begins before the transaction 0/64:1 has ended")]);
  });

  test("a transaction that goes on behind its end is refused", () => {
    const chain = new Chain("t", undefined);
    chain.follows(event(100n), 0);
    const { code, message } = errorOf(() => chain.follows(event(100n, { sequence: 2 }), 1));
    expect([code, message]).toEqual(["CHAIN_BROKEN", expect.stringContaining("which had ended")]);
  });

  test("events of another cluster are refused, wherever its identifier differs", () => {
    for (const systemIdentifier of [cluster + 1n, cluster + (1n << 32n), 2n ** 64n - 1n]) {
      const chain = new Chain("t", applied());
      const { code, message } = errorOf(() => chain.follows(event(200n, { previous: 100n, systemIdentifier }), 6));
      expect([code, message]).toEqual(["SOURCE_IDENTITY_CHANGED", expect.stringContaining(String(systemIdentifier))]);
    }
  });

  test("an identifier with its highest bit set is the same cluster after a restart, too", () => {
    const systemIdentifier = 2n ** 64n - 3n;
    const first = new Chain("t", undefined);
    first.follows(event(100n, { systemIdentifier }), 0);
    expect(first.follows(event(200n, { previous: 100n, systemIdentifier }), 1)).toBe(true);
    const next = new Chain("t", applied({ systemIdentifier: String(systemIdentifier), sequence: 1 }));
    expect(next.follows(event(200n, { previous: 100n, systemIdentifier }), 1)).toBe(true);
  });

  test("a duplicate is dropped whatever it says of its cluster: it is not applied", () => {
    expect(new Chain("t", applied()).follows(event(50n, { systemIdentifier: 1n }), 6)).toBe(false);
  });

  test("events of another timeline need a marker that says where the old one was left", () => {
    const chain = new Chain("t", applied());
    const { code, message } = errorOf(() => chain.follows(event(200n, { previous: 100n, timeline: 2 }), 6));
    expect([code, message]).toEqual(["CHAIN_BROKEN", expect.stringContaining("comes from timeline 2")]);
    const warned = new Chain("t", applied());
    warned.takenOver(marker(2, [{ timeline: 1, endedAt: "101" }]), 6);
    expect(warned.follows(event(200n, { previous: 100n, timeline: 2 }), 7)).toBe(true);
    expect(errorOf(() => warned.follows(event(300n, { previous: 200n, timeline: 1 }), 8)).code).toBe("CHAIN_BROKEN");
  });

  test("a source that left its timeline at or before what is applied has diverged", () => {
    for (const endedAt of ["100", "99"]) {
      const { code } = errorOf(() => new Chain("t", applied()).takenOver(marker(2, [{ timeline: 1, endedAt }]), 6));
      expect(code).toBe("TIMELINE_DIVERGED");
    }
  });

  test("a source whose history does not know the applied timeline has diverged", () => {
    expect(errorOf(() => new Chain("t", applied()).takenOver(marker(3, [{ timeline: 2, endedAt: "500" }]), 6)).code).toBe("TIMELINE_DIVERGED");
  });

  test("two promotions in a row are followed through the history", () => {
    const chain = new Chain("t", applied());
    const history = [
      { timeline: 1, endedAt: "150" },
      { timeline: 2, endedAt: "180" },
    ];
    chain.takenOver(marker(3, history), 6);
    expect(chain.follows(event(200n, { previous: 100n, timeline: 3 }), 7)).toBe(true);
  });

  test("a marker of another cluster is refused", () => {
    const { code } = errorOf(() => new Chain("t", applied()).takenOver(marker(1, [], cluster + 1n), 6));
    expect(code).toBe("SOURCE_IDENTITY_CHANGED");
  });

  test("markers repeat: on the same timeline they change nothing", () => {
    const chain = new Chain("t", applied());
    for (let offset = 6; offset < 9; offset += 1) chain.takenOver(marker(1), offset);
    expect(chain.follows(event(200n, { previous: 100n }), 9)).toBe(true);
    chain.takenOver(marker(1), 10);
    expect(chain.follows(event(300n, { previous: 200n }), 11)).toBe(true);
  });

  test("a marker in front of everything says which cluster the events must come from", () => {
    const chain = new Chain("t", undefined);
    chain.takenOver(marker(4), 0);
    expect(errorOf(() => chain.follows(event(200n, { systemIdentifier: cluster + 1n, timeline: 4 }), 1)).code).toBe("SOURCE_IDENTITY_CHANGED");
    expect(chain.follows(event(200n, { timeline: 4 }), 1)).toBe(true);
  });

  test("a source that was promoted before its first event may be on any timeline", () => {
    const chain = new Chain("t", undefined);
    chain.takenOver(marker(1), 0);
    chain.takenOver(marker(2, [{ timeline: 1, endedAt: "1" }]), 1);
    expect(chain.follows(event(200n, { timeline: 2 }), 2)).toBe(true);
  });

  test("a connector that took over in the middle of a transaction goes on with it", () => {
    const chain = new Chain("t", undefined);
    chain.follows(event(100n, { last: false }), 0);
    chain.takenOver(marker(1), 1);
    expect(chain.follows(event(100n, { sequence: 2 }), 2)).toBe(true);
  });
});
