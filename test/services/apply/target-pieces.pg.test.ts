import { beforeEach, describe, expect, test } from "vitest";
import { errorOf } from "../../support/error-of.ts";
import { Applier, committed, parkedKeys, prepared, target, trade, trades, tradesAndUsers, waiting } from "./applying-target.ts";
import { Batch } from "../../../services/apply/batch.ts";
import type { TransactionEnd } from "../../../services/apply/transaction-ends.ts";
import { batchOf, type EventWriter, type TableEvent } from "./event-writer.ts";

beforeEach(() => prepared(tradesAndUsers));

interface Pieces {
  readonly first: Batch;
  readonly end: TransactionEnd;
  readonly next: () => Promise<Batch | undefined>;
}

/** One transaction, cut as the topic reader cuts it: only the last piece knows that it ends. */
function pieces(writer: EventWriter, size: number, events: readonly TableEvent[]): Pieces {
  const whole = batchOf([events], writer);
  const end = whole.transactions.last;
  const cut: Batch[] = [];
  for (let rest = whole.log; rest.length > 0;) {
    const tail = rest.split(Math.min(size, rest.length), 0);
    cut.push(new Batch(rest, tail.length > 0 ? undefined : whole.transactions));
    rest = tail;
  }
  const first = cut.shift()!;
  return { first, end, next: async () => cut.shift() };
}

describe("a transaction that comes in pieces", () => {
  test("is one transaction of the target", async () => {
    const applier = await Applier.start();
    const { first, end, next } = pieces(
      applier.writer,
      7,
      Array.from({ length: 50 }, (_, i) => trade(i)),
    );
    await applier.target.applyPieces(first, end, async () => {
      expect(await target.texts("trades")).toEqual([]);
      return next();
    });
    const { rows } = await target.admin.query("SELECT DISTINCT xmin FROM offtake.applied_position");
    expect([(await target.texts("trades")).length, rows.length, await committed()]).toEqual([50, 1, applier.writer.commitLsn]);
  });

  test("a piece that does not fit is applied in source order, the others as they were", async () => {
    await target.admin.query("INSERT INTO trades VALUES (20, 'there', 1, 'mine')");
    const applier = await Applier.start();
    const { first, end, next } = pieces(
      applier.writer,
      10,
      Array.from({ length: 40 }, (_, i) => trade(i)),
    );
    await applier.target.applyPieces(first, end, next);
    expect(await target.texts("trades")).toHaveLength(40);
    expect(applier.kinds).toEqual(["create-exists public.trades (id)=(20)"]);
  });

  test("an event that is refused is put aside, with what comes of its key in the pieces behind it", async () => {
    const applier = await Applier.start({ parks: ["trades"] });
    const events = [trade(0), ...Array.from({ length: 40 }, (_, i) => trade(i + 1, i === 14 ? "bad" : "n"))];
    const { first, end, next } = pieces(applier.writer, 10, [...events, trades.update({ id: 15, note: "later", amount: "1" })]);
    await applier.target.applyPieces(first, end, next);
    expect([(await target.texts("trades")).length, await parkedKeys(), await committed()]).toEqual([40, ["public.trades {15}"], end.commitLsn]);
    expect(await waiting()).toEqual(["public.trades create (id)=(15) #1 23514", "public.trades update (id)=(15) #1"]);
  });

  test("an event that cannot be applied leaves nothing of it, and is named", async () => {
    const applier = await Applier.start();
    const { first, end, next } = pieces(
      applier.writer,
      10,
      Array.from({ length: 40 }, (_, i) => trade(i, i === 33 ? "bad" : "ok")),
    );
    const error = await errorOf(applier.target.applyPieces(first, end, next));
    expect([error.code, error.message]).toEqual(["EVENT_NOT_APPLICABLE", expect.stringContaining("(id)=(33)")]);
    expect([await target.texts("trades"), await committed()]).toEqual([[], undefined]);
    await applier.apply([trade(1)]);
  });

  test("stopped in the middle it leaves nothing, and the session usable", async () => {
    const applier = await Applier.start();
    const { first, end } = pieces(
      applier.writer,
      10,
      Array.from({ length: 40 }, (_, i) => trade(i)),
    );
    await applier.target.applyPieces(first, end, async () => undefined);
    expect([await target.texts("trades"), await committed()]).toEqual([[], undefined]);
    await applier.apply([trade(1)]);
    expect(await target.texts("trades")).toHaveLength(1);
  });

  test("where the position has moved nothing is even tried", async () => {
    const applier = await Applier.start();
    await applier.apply([trade(99)]);
    await target.admin.query("UPDATE offtake.applied_position SET sequence = 77");
    const { first, end } = pieces(
      applier.writer,
      10,
      Array.from({ length: 40 }, (_, i) => trade(i)),
    );
    let asked = 0;
    const error = await errorOf(
      applier.target.applyPieces(first, end, async () => {
        asked += 1;
        return undefined;
      }),
    );
    expect([error.code, asked]).toEqual(["APPLIED_POSITION_MOVED", 0]);
  });
});
