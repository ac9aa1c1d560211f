import { expect, test } from "vitest";
import { CommitQueue } from "../../../connectors/postgres/commit-queue.ts";

test("commits leave in their order, each once its records are durable, however many wait", () => {
  const queue = new CommitQueue(7n);
  expect([queue.lsn, queue.micros, queue.oldestMicros]).toEqual([7n, 0, undefined]);
  let added = 0;
  let left = 0;
  // Grows over its first size, also where the oldest does not lie at the beginning, and goes round.
  for (const [more, durable] of [
    [700, 400],
    [900, 405],
    [2500, 3000],
    [1000, 4100],
    [3000, 8100],
  ] as const) {
    for (let i = 0; i < more; i += 1) {
      added += 1;
      queue.add(added, BigInt(added) << 32n, added * 10);
    }
    expect(queue.leave(durable)).toBe(durable - left);
    left = durable;
    expect([queue.lsn, queue.micros, queue.oldestMicros]).toEqual([
      BigInt(durable) << 32n,
      durable * 10,
      durable === added ? undefined : (durable + 1) * 10,
    ]);
    expect(queue.leave(durable)).toBe(0);
  }
  expect(left).toBe(added);
});

test("commits of several records, and of none more than the one before, leave with the last of them", () => {
  const queue = new CommitQueue(0n);
  queue.add(3, 10n, 1);
  queue.add(3, 20n, 2);
  queue.add(5, 30n, 3);
  expect(queue.leave(2)).toBe(0);
  expect(queue.leave(4)).toBe(2);
  expect([queue.lsn, queue.micros, queue.oldestMicros]).toEqual([20n, 2, 3]);
  expect(queue.leave(5)).toBe(1);
  expect(queue.lsn).toBe(30n);
});
