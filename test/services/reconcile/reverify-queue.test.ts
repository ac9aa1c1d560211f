import { describe, expect, test } from "vitest";
import { ReverifyQueue } from "../../../services/reconcile/reverify-queue.ts";

const [trades, users] = ["trades", "users"].map((table) => ({ schema: "public", table }));

describe("keys of rows that have changed", () => {
  test("are taken once each, oldest first, of one table after the other", () => {
    const queue = new ReverifyQueue();
    for (const id of ["1", "2", "1", "3"]) queue.add(trades!, ["id"], [id]);
    queue.add(users!, ["name"], ["a"]);
    expect([queue.take(2), queue.take(2), queue.take(2), queue.take(2)]).toEqual([
      { table: trades, columns: ["id"], keys: [["1"], ["2"]] },
      { table: users, columns: ["name"], keys: [["a"]] },
      { table: trades, columns: ["id"], keys: [["3"]] },
      undefined,
    ]);
  });

  test("do not grow without end, and say how many are left out", () => {
    const queue = new ReverifyQueue();
    for (let id = 0; id < 3000; id += 1) queue.add(trades!, ["id"], [String(id)]);
    expect([queue.isFull("public.trades"), queue.isFull("public.users"), queue.leftOut]).toEqual([true, false, 1000]);
    expect(queue.take(10_000)?.keys.length).toBe(2000);
  });

  test("go when the table is emptied, and when its key is of other columns", () => {
    const queue = new ReverifyQueue();
    queue.add(trades!, ["id"], ["1"]);
    queue.clear("public.trades");
    expect(queue.take(1)).toBeUndefined();
    queue.add(trades!, ["id"], ["1"]);
    queue.add(trades!, ["place", "id"], ["x", "2"]);
    expect(queue.take(9)).toEqual({ table: trades, columns: ["place", "id"], keys: [["x", "2"]] });
  });
});
