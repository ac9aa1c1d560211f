import { describe, expect, test } from "vitest";
import { Visibility } from "../../../connectors/postgres/snapshot-visibility.ts";
import { TableWatch } from "../../../connectors/postgres/table-watch.ts";

/** Sees all below 100 but 50 to 59. */
const snapshot = new Visibility("50:100:50,51,52,53,54,55,56,57,58,59");

describe("a chunk is of use", () => {
  test("when it sees all that was published before it was read", () => {
    const watch = new TableWatch(undefined);
    watch.changed(40, "a", false);
    watch.changed(60, "a", false);
    expect(watch.open().unseenBy(snapshot)).toBeUndefined();
  });

  test("not when it is without one that was published before", () => {
    const watch = new TableWatch(undefined);
    watch.changed(50, "a", false);
    expect(watch.open().unseenBy(snapshot)).toBe(50);
  });

  test("not when it is without the transaction in the middle of which the watch began", () => {
    expect(new TableWatch(51).open().unseenBy(snapshot)).toBe(51);
  });

  test("whatever was published after it was begun: that is in the window", () => {
    const watch = new TableWatch(undefined);
    const window = watch.open();
    watch.changed(50, "a", false);
    expect(window.unseenBy(snapshot)).toBeUndefined();
  });

  test("again, once a snapshot has seen what it was without", () => {
    const watch = new TableWatch(undefined);
    watch.changed(50, "a", false);
    watch.seen(snapshot);
    expect(watch.has(50)).toBe(true);
    watch.seen(new Visibility("200:200:"));
    expect(watch.has(50)).toBe(false);
    expect(watch.open().unseenBy(snapshot)).toBeUndefined();
    // It goes on in the stream, or another of that number comes.
    watch.changed(50, "a", false);
    expect(watch.has(50)).toBe(true);
  });
});

describe("a row of a chunk", () => {
  test.each([
    { what: "that nobody has changed", changes: [], fate: "publish" },
    { what: "that was changed by what the chunk sees", changes: [{ xid: 60, partial: false }], fate: "publish" },
    { what: "that was changed by what the chunk does not see", changes: [{ xid: 50, partial: false }], fate: "drop" },
    { what: "of which a part was changed", changes: [{ xid: 50, partial: true }], fate: "again" },
    {
      what: "of which a part was changed, by what the chunk sees",
      changes: [{ xid: 60, partial: true }],
      fate: "publish",
    },
    {
      what: "of which all was changed, and then a part",
      changes: [
        { xid: 50, partial: false },
        { xid: 51, partial: true },
      ],
      fate: "drop",
    },
    {
      what: "of which a part was changed, and then all",
      changes: [
        { xid: 50, partial: true },
        { xid: 51, partial: false },
      ],
      fate: "drop",
    },
    {
      what: "of which all was changed by what the chunk sees, and then a part by what it does not see",
      changes: [
        { xid: 60, partial: false },
        { xid: 50, partial: true },
      ],
      fate: "again",
    },
  ])("$what: $fate", ({ changes, fate }) => {
    const watch = new TableWatch(undefined);
    const window = watch.open();
    for (const { xid, partial } of changes) watch.changed(xid, "key", partial);
    expect(window.fate("key", snapshot)).toBe(fate);
    expect(window.fate("another", snapshot)).toBe("publish");
    expect(window.touches(snapshot)).toBe(changes.length > 0);
  });

  test("of a table that was emptied by what the chunk does not see is dropped", () => {
    const watch = new TableWatch(undefined);
    const window = watch.open();
    watch.emptied(60);
    expect([window.touches(snapshot), window.fate("key", snapshot)]).toEqual([false, "publish"]);
    watch.emptied(50);
    expect([window.touches(snapshot), window.fate("key", snapshot)]).toEqual([true, "drop"]);
  });

  test("is judged by its own window: one that is closed is told nothing more", () => {
    const watch = new TableWatch(undefined);
    const first = watch.open();
    watch.changed(50, "a", false);
    const second = watch.open();
    watch.close(first);
    watch.changed(51, "b", false);
    expect([first.fate("a", snapshot), first.fate("b", snapshot)]).toEqual(["drop", "publish"]);
    expect([second.fate("a", snapshot), second.fate("b", snapshot)]).toEqual(["publish", "drop"]);
  });
});

describe("a row that moved without all of its values has to be read again", () => {
  test("wherever it came from, while more is to be copied", () => {
    const watch = new TableWatch(undefined);
    watch.changed(60, "whole", false, "a");
    watch.changed(60, "part", true, "b");
    watch.changed(60, "stayed", true);
    expect(watch.takeMoved()).toEqual(["part"]);
    expect(watch.takeMoved()).toEqual([]);
  });

  test("from a row that is missing, in one step or several, when all is copied: another's is at the target", () => {
    const watch = new TableWatch(undefined);
    watch.changed(60, "2", true, "1");
    watch.changed(61, "8", true, "7");
    watch.changed(62, "3", true, "2");
    watch.changed(63, "1", true, "0");
    expect(watch.takeMoved(["1", "5"])).toEqual(["2", "3"]);
    expect(watch.takeMoved()).toEqual([]);
  });
});

describe("more changes than can be remembered", () => {
  test("of many keys are told from none", () => {
    const watch = new TableWatch(undefined);
    const window = watch.open();
    for (let i = 0; i <= 200_000; i += 1) watch.changed(50, String(i), false);
    expect(window.overflown).toBe(true);
  });

  test("are those of as many transactions, and not of one that changes a key all the time", () => {
    const watch = new TableWatch(undefined);
    const [first, second] = [watch.open(), watch.open()];
    for (let i = 0; i < 300_000; i += 1) watch.changed(50, "key", true);
    expect([first.overflown, first.fate("key", snapshot)]).toEqual([false, "again"]);
    watch.close(first);
    watch.changed(50, "key", false);
    watch.changed(50, "key", true);
    expect([first.fate("key", snapshot), second.fate("key", snapshot)]).toEqual(["again", "drop"]);
    for (let xid = 0; xid <= 200_000; xid += 1) watch.emptied(xid);
    expect(second.overflown).toBe(true);
  });

  test("while a copy waits for hours have an end: the stream goes on, and the copy is begun again", () => {
    const watch = new TableWatch(undefined);
    const window = watch.open();
    for (let xid = 0; xid < 2_000_000; xid += 1) watch.changed(xid, "hot", true, "other");
    expect(window.overflown).toBe(true);
    expect([watch.has(0), watch.has(1_999_999)]).toEqual([true, false]);
    // Nothing says any more which of them a snapshot is without.
    watch.seen(new Visibility("100:100:"));
    expect(() => watch.open()).toThrow("More than 200000 transactions of the table");
    expect(() => watch.takeMoved()).toThrow("More than 200000 rows that moved");
    expect(() => new TableWatch(undefined).open()).not.toThrow();
  });

  test("by moves alone end only a copy that asks for them", () => {
    const watch = new TableWatch(undefined);
    for (let i = 0; i <= 200_000; i += 1) watch.changed(50, String(i), true, String(i - 1));
    expect(() => watch.open()).not.toThrow();
    expect(() => watch.takeMoved()).toThrow(expect.objectContaining({ code: "SNAPSHOT_DELAYED" }));
  });
});
