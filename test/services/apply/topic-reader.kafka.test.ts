import { Kafka, logLevel } from "kafkajs";
import { describe, expect, inject, test } from "vitest";
import type { Batch } from "../../../services/apply/batch.ts";
import type { AppliedPosition } from "../../../services/apply/position.ts";
import type { TopicReader } from "../../../services/apply/topic-reader.ts";
import { findTransactionEnd } from "../../../services/apply/transaction-end.ts";
import type { TransactionEnd } from "../../../services/apply/transaction-ends.ts";
import { waitFor } from "../../support/wait-for.ts";
import { copied, heartbeat, message, type TableEvent, type WrittenTable } from "./event-writer.ts";
import { errorOf } from "../../support/error-of.ts";
import { writtenTopic, type WrittenTopic } from "./written-topic.ts";

const idle = Promise.resolve();

function endsOf({ transactions }: Batch): TransactionEnd[] {
  return Array.from({ length: transactions.length }, (_, i) => transactions.at(i));
}

/** `op:offset` of each change, and how many changes each transaction ends with. */
function shown(batch: Batch | undefined): [string, number[]] {
  if (batch === undefined) return ["stopped", []];
  const changes = Array.from({ length: batch.log.length }, (_, i) => `${String.fromCharCode(batch.log.op[i]!)}${batch.log.offset[i]}`);
  return [changes.join(" "), endsOf(batch).map((end) => end.changes)];
}

/** Batches until this many transactions have come. */
async function read(reader: TopicReader, transactions: number): Promise<[string, number[]][]> {
  const batches: [string, number[]][] = [];
  for (let seen = 0; seen < transactions;) {
    const batch = await reader.next(idle);
    seen += batch?.transactions.length ?? transactions;
    batches.push(shown(batch));
  }
  return batches;
}

/** Everything in one, however the fetches fell. */
function joined(batches: [string, number[]][]): string {
  return batches
    .map(([changes]) => changes)
    .filter((changes) => changes !== "")
    .join(" ");
}

function take(written: WrittenTopic, content: Record<string, unknown> = {}): TableEvent {
  return message({
    kind: "take-over",
    connector: "trading",
    slot: "s",
    systemIdentifier: String(written.writer.systemIdentifier),
    timeline: written.writer.timeline,
    history: [],
    commitLsn: String(written.writer.commitLsn),
    sequence: 1,
    last: true,
    ...content,
  });
}

/** A marker repeats the newest position. */
async function mark(written: WrittenTopic, content: Record<string, unknown> = {}): Promise<void> {
  const { writer } = written;
  const { commitLsn, systemIdentifier, timeline } = writer;
  await written.writeValues(
    writer.encode(take(written, content), { commitLsn, sequence: 1, previous: null, last: false, systemIdentifier, timeline }),
  );
}

const columns = { id: "int4*", note: "text" };

function rows(table: WrittenTable, ...ids: number[]): TableEvent[] {
  return ids.map((id) => table.create({ id, note: `n${id}` }));
}

describe("the reader of a topic", () => {
  test("gives whole transactions, with what the applied position needs of each", async () => {
    await using written = await writtenTopic();
    const trades = await written.table("trades", columns);
    await written.write(rows(trades, 1, 2), [heartbeat()], [trades.update({ id: 1, note: null }, ["note"]), trades.delete({ id: 2 })]);
    const { reader, chain } = written.reader();
    const batch = await reader.next(idle);
    expect(shown(batch)).toEqual(["c0 c1 u3 d4", [2, 2, 4]]);
    const { commitLsn, systemIdentifier } = written.writer;
    expect(endsOf(batch!).map(({ commitLsn: lsn, sequence, offset, heartbeat: beat }) => [commitLsn - lsn, sequence, offset, beat])).toEqual([
      [0x200n, 2, 2, false],
      [0x100n, 1, 3, true],
      [0n, 2, 5, false],
    ]);
    expect(batch!.transactions.last).toMatchObject({ systemIdentifier: String(systemIdentifier), timeline: 1, micros: 1_700_000_000_000_000 });
    expect([batch!.events, chain.commitLsn, reader.highWatermark, reader.offset]).toEqual([5, commitLsn, 5, 5]);
  });

  test("pieces of a copy come as what they are behind, each once: what is written twice, or behind a later transaction, is dropped", async () => {
    await using written = await writtenTopic();
    const trades = await written.table("trades", columns);
    const { writer } = written;
    const copy = (...ids: number[]): TableEvent[] => ids.map((id) => trades.read({ id, note: "read" }));
    await written.write(rows(trades, 1));
    const piece = writer.transaction(copy(2, 3));
    const values = piece.map(({ bytes }) => bytes);
    await written.writeValues(...values, ...values);
    await written.write([trades.update({ id: 2, note: "later" })]);
    await written.writeValues(...values);
    await written.write(copy(4));
    const { reader, chain } = written.reader();
    const batch = await reader.next(idle);
    expect(shown(batch)).toEqual(["c0 r1 r2 u5 r8", [1, 3, 4, 5]]);
    expect(endsOf(batch!).map(({ commitLsn, sequence, offset }) => [writer.commitLsn - commitLsn, sequence, offset])).toEqual([
      [0x100n, 1, 1],
      [0x100n, 3, 3],
      [0n, 1, 6],
      [0n, 2, 9],
    ]);
    expect([chain.commitLsn, batch!.pieces]).toEqual([writer.commitLsn, 2]);
  });

  test("a gap that was recovered ends its batch, without what is there of a transaction of which the rest does not come", async () => {
    await using written = await writtenTopic();
    const trades = await written.table("trades", columns);
    await written.write(rows(trades, 1));
    const cut = written.writer.transaction(rows(trades, 2, 3, 4)).map(({ bytes }) => bytes);
    const gap = written.writer.gap(["public.trades"], 2);
    const end = written.writer.commitLsn;
    // Another one is of a connector that took over, or comes twice.
    await written.writeValues(...cut.slice(0, 2), gap, gap);
    await written.write(rows(trades, 5));
    const { reader, chain } = written.reader();
    const batch = await reader.next(idle);
    expect([shown(batch), batch!.gaps]).toEqual([
      ["c0", [1, 1]],
      [{ after: { commitLsn: String(end - 0x100n), sequence: 2 }, tables: ["public.trades"], reason: "the slot was lost" }],
    ]);
    expect(batch!.transactions.last).toMatchObject({ commitLsn: end, sequence: 0, offset: 4, heartbeat: false });
    expect(shown(await reader.next(idle))).toEqual(["c5", [1]]);
    expect(chain.commitLsn).toBe(written.writer.commitLsn);
  });

  test("the end of a copy ends its batch, and is no heartbeat", async () => {
    await using written = await writtenTopic();
    const trades = await written.table("trades", columns);
    await written.write(rows(trades, 1), [trades.read({ id: 2, note: "read" })], [copied("public.trades")], rows(trades, 3), [heartbeat()]);
    const { reader } = written.reader();
    const first = (await reader.next(idle))!;
    expect([shown(first), first.transactions.heartbeats]).toEqual([["c0 r1", [1, 2, 2]], []]);
    expect(first.copied).toEqual([{ kind: "copied", table: "public.trades", snapshot: "1", reason: "it had rows before" }]);
    const second = (await reader.next(idle))!;
    expect([shown(second), second.copied, second.transactions.heartbeats.length]).toEqual([["c3", [1, 1]], [], 1]);
  });

  test.each([
    ["without a row", { op: "r" }, columns, "copies a row of public.trades and does not have all of it"],
    ["that lacks a column", { op: "r", after: { id: 1 }, unchanged: ["note"] }, columns, "copies a row of public.trades and does not have all of it"],
    ["of a table without a key", { op: "r", after: { id: 1 } }, { id: "int4" }, "copies a row of public.trades, which has no key to find it by"],
  ])("a copied row %s is refused", async (_, event, shape, why) => {
    await using written = await writtenTopic();
    const trades = await written.table("trades", shape);
    await written.write([heartbeat()], [{ table: trades, ...event }]);
    const { reader } = written.reader();
    await reader.next(idle);
    const error = await errorOf(reader.next(idle));
    expect([error.code, error.message]).toEqual(["EVENT_MALFORMED", expect.stringContaining(why)]);
  });

  test("waits at the end of the topic, and gives a transaction as soon as its last event is there", async () => {
    await using written = await writtenTopic();
    const trades = await written.table("trades", columns);
    const { reader } = written.reader();
    const first = reader.next(idle);
    await written.write(rows(trades, 1));
    expect(shown(await first)).toEqual(["c0", [1]]);
    const events = written.writer.transaction(rows(trades, 2, 3, 4));
    const second = reader.next(idle);
    await written.writeValues(events[0]!.bytes);
    await written.writeValues(events[1]!.bytes);
    await waitFor(() => reader.offset === 3, { what: "both events to be read" });
    expect(await Promise.race([second, Promise.resolve("waits")])).toBe("waits");
    await written.writeValues(events[2]!.bytes);
    expect(shown(await second)).toEqual(["c1 c2 c3", [3]]);
  });

  test("half a transaction behind a whole one stays for the next batch", async () => {
    await using written = await writtenTopic();
    const trades = await written.table("trades", columns);
    const whole = written.writer.transaction(rows(trades, 1, 2));
    const half = written.writer.transaction(rows(trades, 3, 4, 5));
    await written.writeValues(...[...whole, ...half.slice(0, 2)].map(({ bytes }) => bytes));
    const { reader } = written.reader();
    const first = await reader.next(idle);
    expect([shown(first), first!.events]).toEqual([["c0 c1", [2]], 2]);
    await written.writeValues(half[2]!.bytes);
    const second = await reader.next(idle);
    expect([shown(second), second!.events]).toEqual([["c2 c3 c4", [3]], 3]);
  });

  test("a batch grows while the target is at work, and is cut when it is idle", async () => {
    await using written = await writtenTopic();
    const trades = await written.table("trades", columns);
    await written.write(rows(trades, 1));
    const { reader } = written.reader();
    const { promise: busy, resolve } = Promise.withResolvers<void>();
    const growing = reader.next(busy);
    await written.write(rows(trades, 2));
    await written.write(rows(trades, 3));
    // The reader has been at the end of the topic when it knows of all three.
    await waitFor(() => reader.offset === 3, { what: "all three to be read" });
    resolve();
    expect(shown(await growing)).toEqual(["c0 c1 c2", [1, 2, 3]]);
  });

  test("a target that fails is heard while the topic is empty, and while a batch grows", async () => {
    await using written = await writtenTopic();
    const trades = await written.table("trades", columns);
    await expect(written.reader().reader.next(Promise.reject(new Error("the target is gone")))).rejects.toThrow("the target is gone");
    await written.write(rows(trades, 1));
    const { promise, reject } = Promise.withResolvers<void>();
    const growing = written.reader().reader.next(promise);
    reject(new Error("the target is gone"));
    await expect(growing).rejects.toThrow("the target is gone");
  });

  test("stopped while it waits it gives nothing", async () => {
    await using written = await writtenTopic();
    const opened = written.reader();
    const waiting = opened.reader.next(idle);
    opened.stop();
    expect(await waiting).toBeUndefined();
  });

  describe("limits", () => {
    test("batches end with whole transactions, at the limit of rows", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write(rows(trades, 1, 2), rows(trades, 3, 4), rows(trades, 5, 6), rows(trades, 7));
      const { reader } = written.reader({ rows: 3 });
      expect(await read(reader, 4)).toEqual([
        ["c0 c1", [2]],
        ["c2 c3", [2]],
        ["c4 c5 c6", [2, 3]],
      ]);
    });

    test("and at the limit of bytes", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      const large = (id: number): TableEvent[] => [trades.create({ id, note: "x".repeat(1000) })];
      await written.write(large(1), large(2), large(3), large(4));
      const { reader } = written.reader({ bytes: 2000 });
      expect((await read(reader, 4)).map(([, ends]) => ends.length)).toEqual([2, 2]);
    });

    test("a batch of nothing but heartbeats ends, too", async () => {
      await using written = await writtenTopic();
      await written.write([heartbeat()], [heartbeat()], [heartbeat()], [heartbeat()], [heartbeat()]);
      const { reader } = written.reader({ rows: 2 });
      expect((await read(reader, 5)).map(([, ends]) => ends.length)).toEqual([2, 2, 1]);
    });

    test("a delete is never parted from the create that moves its row", async () => {
      for (const limit of [1, 2, 3, 4, 5]) {
        await using written = await writtenTopic();
        const trades = await written.table("trades", columns);
        await written.write([
          ...rows(trades, 1),
          ...trades.move({ id: 1 }, { id: 2, note: "a" }),
          ...rows(trades, 1),
          ...trades.move({ id: 1 }, { id: 3, note: "b" }),
          ...trades.move({ id: 2 }, { id: 1, note: "c" }),
        ]);
        const { reader } = written.reader({ rows: limit });
        const pieces = [shown(await reader.next(idle))];
        while (pieces.at(-1)![1].length === 0) pieces.push(shown(await reader.nextPiece()));
        expect(joined(pieces)).toBe("c0 k2 c3 k5 k7");
        // A move is two events, so that a piece may hold fewer rows than the limit.
        expect(pieces.every(([changes]) => changes.split(" ").length <= limit + 1)).toBe(true);
      }
    });

    test("a transaction larger than a batch comes in pieces, and the next one right behind it is whole", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write(rows(trades, 1), rows(trades, 2, 3, 4, 5, 6, 7, 8), rows(trades, 9), [heartbeat()], rows(trades, 10, 11));
      const { reader, chain } = written.reader({ rows: 3 });
      expect(shown(await reader.next(idle))).toEqual(["c0", [1]]);
      expect(shown(await reader.next(idle))).toEqual(["c1 c2 c3", []]);
      expect(chain.commitLsn).toBe(written.writer.commitLsn - 0x300n);
      expect(shown(await reader.nextPiece())).toEqual(["c4 c5 c6", []]);
      expect(shown(await reader.nextPiece())).toEqual(["c7", [1]]);
      expect(joined(await read(reader, 3))).toBe("c8 c10 c11");
    });

    test("the last piece may be as large as a batch, or nothing but its end", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write(rows(trades, 1, 2, 3, 4, 5, 6), [...rows(trades, 7, 8, 9), heartbeat()], rows(trades, 10));
      const { reader } = written.reader({ rows: 3 });
      expect(shown(await reader.next(idle))).toEqual(["c0 c1 c2", []]);
      expect(shown(await reader.nextPiece())).toEqual(["c3 c4 c5", [3]]);
      expect(shown(await reader.next(idle))).toEqual(["c6 c7 c8", []]);
      expect(shown(await reader.nextPiece())).toEqual(["", [0]]);
      expect(shown(await reader.next(idle))).toEqual(["c10", [1]]);
    });

    test("its end is found from any of its pieces, behind markers and duplicates, and waited for", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      const giant = written.writer.transaction(rows(trades, 1, 2, 3, 4, 5, 6));
      await written.writeValues(...giant.slice(0, 4).map(({ bytes }) => bytes));
      await using opened = written.reader({ rows: 2 });
      const { reader, chain } = opened;
      expect(shown(await reader.next(idle))).toEqual(["c0 c1", []]);
      await using scout = written.reader();
      const finding = findTransactionEnd(scout.consumer, written.registry, written.topic, reader.offset - 1, chain.commitLsn);
      await mark(written);
      await written.writeValues(...giant.slice(2).map(({ bytes }) => bytes));
      expect(await finding).toMatchObject({ commitLsn: written.writer.commitLsn, sequence: 6, offset: 9 });
      expect(joined([shown(await reader.nextPiece()), shown(await reader.nextPiece())])).toBe("c2 c3 c7 c8");
    });

    test("of which the rest is lost in a gap has no end, and its pieces lead to the place behind the gap", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      const giant = written.writer.transaction(rows(trades, 1, 2, 3, 4, 5, 6)).map(({ bytes }) => bytes);
      await written.writeValues(...giant.slice(0, 5), written.writer.gap(["public.trades"], 5));
      await written.write(rows(trades, 7));
      await using opened = written.reader({ rows: 2 });
      const { reader, chain } = opened;
      expect(shown(await reader.next(idle))).toEqual(["c0 c1", []]);
      await using scout = written.reader();
      expect(await findTransactionEnd(scout.consumer, written.registry, written.topic, reader.offset - 1, chain.commitLsn)).toBe("never");
      expect([shown(await reader.nextPiece()), shown(await reader.nextPiece())]).toEqual([
        ["c2 c3", []],
        ["", [0]],
      ]);
      expect(shown(await reader.next(idle))).toEqual(["c6", [1]]);
    });

    test("looking for its end stops when the applier has to", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      const giant = written.writer.transaction(rows(trades, 1, 2, 3));
      await written.writeValues(giant[0]!.bytes);
      await using scout = written.reader();
      const finding = findTransactionEnd(scout.consumer, written.registry, written.topic, 0, written.writer.commitLsn);
      scout.stop();
      expect(await finding).toBeUndefined();
    });
  });

  describe("what is not for this applier", () => {
    test("what was applied before is passed over, and counted nowhere", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      const first = written.writer.transaction(rows(trades, 1, 2));
      const second = written.writer.transaction(rows(trades, 3));
      await written.writeValues(...[...first, ...first, ...second, ...first, ...second].map(({ bytes }) => bytes));
      await written.write(rows(trades, 4));
      const batches = await read(written.reader().reader, 3);
      expect(joined(batches)).toBe("c0 c1 c4 c8");
    });

    test("it goes on behind the applied position, also where that is in the middle of a record batch", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write(rows(trades, 1), rows(trades, 2, 3), rows(trades, 4));
      const { writer } = written;
      const position: AppliedPosition = {
        topic: written.topic,
        topicId: "",
        offset: 3,
        commitLsn: writer.commitLsn - 0x100n,
        sequence: 2,
        xid: 0,
        systemIdentifier: String(writer.systemIdentifier),
        timeline: 1,
      };
      expect(await read(written.reader({}, { offset: 3, position }).reader, 1)).toEqual([["c3", [1]]]);
      // From further back it sees the same twice, and drops it.
      expect(await read(written.reader({}, { offset: 0, position }).reader, 1)).toEqual([["c3", [1]]]);
    });

    test("markers are no events, wherever they stand", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await mark(written, { commitLsn: "0", sequence: 0 });
      const events = written.writer.transaction(rows(trades, 1, 2, 3));
      await written.writeValues(events[0]!.bytes);
      await mark(written);
      await mark(written);
      await written.writeValues(events[1]!.bytes, events[2]!.bytes);
      await mark(written);
      await written.write(rows(trades, 4));
      const batches = await read(written.reader().reader, 2);
      expect([joined(batches), batches.flatMap(([, ends]) => ends).length]).toEqual(["c1 c4 c5 c7", 2]);
    });

    test("a marker of another cluster stops it behind what came before", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write(rows(trades, 1));
      await mark(written, { systemIdentifier: "77" });
      const { reader } = written.reader();
      expect(await read(reader, 1)).toEqual([["c0", [1]]]);
      expect((await errorOf(reader.next(idle))).code).toBe("SOURCE_IDENTITY_CHANGED");
    });

    test("records of aborted transactions of other producers, and control records, count for nothing", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write(rows(trades, 1));
      const producer = new Kafka({ brokers: inject("kafka"), logLevel: logLevel.NOTHING }).producer({
        transactionalId: written.topic,
        idempotent: true,
        maxInFlightRequests: 1,
      });
      await producer.connect();
      const transaction = await producer.transaction();
      await transaction.send({ topic: written.topic, messages: [{ value: "not ours" }] });
      await transaction.abort();
      await producer.disconnect();
      await written.write(rows(trades, 2));
      // The broker writes the control record when it likes: before or behind what came next.
      expect(joined(await read(written.reader().reader, 2))).toMatch(/^c0 c[23]$/);
    });
  });

  describe("what it cannot read", () => {
    test.each([
      ["a tombstone", null],
      ["nothing", Buffer.alloc(0)],
      ["a text", Buffer.from("hello, world")],
      ["a schema id and nothing behind it", Buffer.from([0, 0, 0, 0, 1])],
    ])("%s was not written by Offtake, and is named with its offset", async (_, value) => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write(rows(trades, 1), rows(trades, 2));
      await written.writeValues(value);
      const { reader } = written.reader();
      expect(joined(await read(reader, 2))).toBe("c0 c1");
      const error = await errorOf(reader.next(idle));
      expect([error.code, error.message]).toEqual([
        "EVENT_MALFORMED",
        `The record at offset 2 of the topic ${written.topic} was not written by Offtake.`,
      ]);
      // Without it the topic would be empty, and its connector could not say where it ends.
      expect(error.cure).toMatch(/and its connector has put something behind it.*kafka-delete-records/);
      // It does not go on behind it.
      expect(await errorOf(reader.next(idle))).toBe(error);
    });

    test("an event that ends early, or has more than it should, is named with its offset", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      const [event] = written.writer.transaction(rows(trades, 1));
      for (const bytes of [event!.bytes.subarray(0, -1), Buffer.concat([event!.bytes, Buffer.alloc(1)])]) {
        await using topic = await writtenTopic();
        await topic.writeValues(bytes);
        const error = await errorOf(topic.reader().reader.next(idle));
        expect([error.code, error.message]).toEqual(["EVENT_MALFORMED", expect.stringContaining(`At offset 0 of the topic ${topic.topic}: `)]);
      }
    });

    test("a schema that the registry does not have is named; what comes before it is given first", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write(rows(trades, 1));
      trades.schemaId = 2_000_000_000;
      await written.write(rows(trades, 2));
      const { reader } = written.reader();
      expect(await read(reader, 1)).toEqual([["c0", [1]]]);
      expect((await errorOf(reader.next(idle))).code).toBe("SCHEMA_UNKNOWN");
    });

    test("a gap stops it behind the last whole transaction in front of it", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write(rows(trades, 1), rows(trades, 2));
      written.writer.transaction(rows(trades, 3));
      await written.write(rows(trades, 4));
      const { reader } = written.reader();
      expect(joined(await read(reader, 2))).toBe("c0 c1");
      expect((await errorOf(reader.next(idle))).code).toBe("CHAIN_BROKEN");
    });

    test("half a transaction in front of a gap is not given", async () => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.writeValues(written.writer.transaction(rows(trades, 1, 2))[0]!.bytes);
      await written.write(rows(trades, 4));
      expect((await errorOf(written.reader().reader.next(idle))).code).toBe("CHAIN_BROKEN");
    });

    test.each([
      ["an op of another version", (table: WrittenTable): TableEvent => ({ ...rows(table, 1)[0]!, op: "x" }), `has the op "x" of public.trades`],
      ["a create without a row", (table: WrittenTable): TableEvent => ({ table, op: "c" }), "creates a row of public.trades and has no row"],
      ["an update without a row", (table: WrittenTable): TableEvent => ({ table, op: "u" }), "updates a row of public.trades and has no row"],
      [
        "a delete that does not say of what",
        (table: WrittenTable): TableEvent => ({ table, op: "d" }),
        "deletes a row of public.trades and does not say which",
      ],
      [
        "the second half of a change of key without the first",
        (table: WrittenTable): TableEvent => table.move({ id: 1 }, { id: 2, note: "x" })[1]!,
        "moves a row to another key, and the delete of the old key is not before it",
      ],
    ])("%s is refused, not passed over", async (_, event, words) => {
      await using written = await writtenTopic();
      const trades = await written.table("trades", columns);
      await written.write([event(trades)]);
      const error = await errorOf(written.reader().reader.next(idle));
      expect([error.code, error.message]).toEqual(["EVENT_MALFORMED", expect.stringContaining(words)]);
    });

    test("an update of a table without a key that does not say of which row is refused", async () => {
      await using written = await writtenTopic();
      const lines = await written.table("lines", { a: "text" });
      await written.write([lines.update({ a: "x" })]);
      expect((await errorOf(written.reader().reader.next(idle))).message).toContain("which has no key, and does not say which");
    });
  });

  test("several fetches and many schemas come to the same", async () => {
    await using written = await writtenTopic();
    const tables = await Promise.all(["a", "b", "c"].map(async (name) => written.table(name, columns)));
    const note = "x".repeat(100_000);
    let expected = 0;
    for (let i = 0; i < 40; i += 1) {
      await written.write(...tables.map((table, id) => [table.create({ id: i * 3 + id, note })]));
      expected += 3;
    }
    const { reader } = written.reader({ bytes: 1 << 20 });
    const batches = await read(reader, expected);
    expect(joined(batches)).toBe(Array.from({ length: expected }, (_, i) => `c${i}`).join(" "));
    expect(batches.length).toBeGreaterThan(5);
  });
});
