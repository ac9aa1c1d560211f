import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { RecordBatchWriter } from "../../../connectors/kafka/record-batch.ts";
import { EventEncoder } from "../../../connectors/postgres/event-encoder.ts";
import { encodeProcessed } from "../../../connectors/postgres/message-encoder.ts";
import { Op } from "../../../connectors/postgres/op.ts";
import { PgoutputDecoder } from "../../../connectors/postgres/pgoutput.ts";
import { Transaction } from "../../../connectors/postgres/transaction.ts";
import { AvroWriter } from "../../../schemas/avro-bytes.ts";
import { envelopeSchema } from "../../../schemas/envelope.ts";
import { avroColumnType } from "../../../schemas/postgres-types.ts";
import { exactAvroType } from "../../support/exact-avro.ts";
import { type ModelRecord, parseBatch } from "../../support/record-batch-model.ts";
import { lsn } from "../../support/pgoutput-arbitraries.ts";
import { type Message, pgoutput, unchanged } from "../../support/pgoutput-messages.ts";
import { type Identity, rowChange, source, tableShape, transaction } from "./event-arbitraries.ts";
import { messageBytes, ModelTable, type ModelTransaction, type RowChange, type TableShape } from "./event-model.ts";
import { EventScript, type ScriptedChange } from "./event-script.ts";

/** Transactions over some tables, in random order, with messages between. */
const workload = fc.array(fc.tuple(tableShape, fc.constantFrom<Identity>("key", "full")), { minLength: 1, maxLength: 3 }).chain((tables) => {
  const change: fc.Arbitrary<ScriptedChange> = fc.nat(tables.length - 1).chain((index) => {
    const [shape, identity] = tables[index]!;
    return fc.oneof(
      { weight: 9, arbitrary: fc.record({ table: fc.constant(index), change: rowChange(shape, identity), lsn }) },
      { weight: 1, arbitrary: fc.record({ content: fc.constantFrom('{"kind":"heartbeat","at":1}', "", "é"), lsn }) },
      { weight: 1, arbitrary: fc.constant("left out" as const) },
    );
  });
  return source.chain((from) =>
    fc.record({
      from: fc.constant(from),
      shapes: fc.constant(tables.map(([shape]) => shape)),
      transactions: fc.array(fc.record({ of: transaction(from), changes: fc.array(change, { maxLength: 8 }) }), { minLength: 1, maxLength: 3 }),
      capacity: fc.integer({ min: 61, max: 3000 }),
    }),
  );
});

/** The records that the model wants. */
function expectedRecords(
  shapes: readonly TableShape[],
  transactions: readonly { of: ModelTransaction; changes: readonly ScriptedChange[] }[],
): ModelRecord[] {
  const tables = shapes.map((shape) => new ModelTable(shape));
  const values: Omit<ModelRecord, "offset">[] = [];
  for (const { of, changes } of transactions) {
    let sequence = 0;
    let totalOrder = 0;
    const orders = tables.map(() => 0);
    const records: { key: Buffer | null; headers: string[]; value: (last: boolean) => Buffer }[] = [];
    for (const change of changes) {
      if (change === "left out") {
        sequence += 1;
        continue;
      }
      if ("content" in change) {
        sequence += 1;
        totalOrder += 1;
        const place = { lsn: change.lsn, processedMs: EventScript.processedMs, sequence, totalOrder, tableOrder: 0 };
        records.push({
          key: null,
          headers: ["offtake.message=offtake"],
          value: (last) => messageBytes(shapes[0]!.topicPrefix, EventScript.messageSchemaId, Buffer.from(change.content), of, { ...place, last }),
        });
        continue;
      }
      const table = tables[change.table]!;
      for (const event of table.eventsOf(change.change)) {
        sequence += 1;
        totalOrder += 1;
        orders[change.table]! += 1;
        const place = { lsn: change.lsn, processedMs: EventScript.processedMs, sequence, totalOrder, tableOrder: orders[change.table]! };
        records.push({ key: table.keyBytes(event), headers: [], value: (last) => table.valueBytes(event, of, { ...place, last }) });
      }
    }
    values.push(...records.map(({ value, ...record }, i) => ({ ...record, value: value(i === records.length - 1) })));
  }
  return values.map((each, i) => ({ offset: BigInt(i), ...each }));
}

/** As text, since the difference of two megabytes of buffers is not readable. */
function shown(records: readonly ModelRecord[]): string[] {
  return records.map(
    ({ offset, key, value, headers }) => `${offset} ${headers.join()} ${key?.toString("hex") ?? "null"} ${value?.toString("hex") ?? "null"}`,
  );
}

describe("EventEncoder", () => {
  test("writes, for any change of any table, the bytes that avsc writes for the event as an object", () => {
    fc.assert(
      fc.property(workload, ({ from, shapes, transactions, capacity }) => {
        const batch = new RecordBatchWriter("none", capacity);
        const script = new EventScript(from, shapes, batch);
        for (const { of, changes } of transactions) script.run(of, changes);
        fc.pre(batch.count > 0);
        expect(shown(parseBatch(batch.close(1n, 0, 0)).records)).toEqual(shown(expectedRecords(shapes, transactions)));
      }),
      { numRuns: 400 },
    );
  });

  test("writes the same whatever room the buffer has left: it grows in time, at every byte where it may have to", () => {
    const shape: TableShape = {
      topicPrefix: "offtake",
      schema: "public",
      table: "t",
      // A large key ends with the type that needs most room beyond its text; so do its copies in `old_key`.
      columns: [
        { name: "a", oid: 25, key: true },
        { name: "d", oid: 701, key: true },
        { name: "note", oid: 25, key: false },
      ],
      keyId: 1,
      valueId: 2,
    };
    const of = {
      version: "0",
      name: "offtake",
      database: "d",
      systemIdentifier: 1n,
      timeline: 1,
      commitLsn: 9n,
      commitMicros: 946_684_800_000_000n,
      xid: 9,
      previous: 8n,
    };
    for (const { length, step } of [
      { length: 10, step: 1 },
      { length: 1200, step: 1 },
      { length: 8150, step: 7 },
    ]) {
      const old = { which: "K" as const, row: ["k".repeat(length), "1", null] };
      const change: RowChange = { kind: "update", old, row: ["n".repeat(length), "1", unchanged] };
      const changes = [{ table: 0, change, lsn: 5n }];
      const roomy = new RecordBatchWriter("none", 1 << 20);
      const script = new EventScript(of, [shape], roomy);
      script.run(of, changes);
      const expected = Buffer.from(roomy.writer.bytes.subarray(61, roomy.length));
      expect(shown(parseBatch(roomy.close(1n, 0, 0)).records)).toEqual(shown(expectedRecords([shape], [{ of, changes }])));
      const wrong: number[] = [];
      for (let capacity = 61; capacity < expected.length + 3000; capacity += step) {
        const batch = new RecordBatchWriter("none", capacity);
        script.batch = batch;
        script.run(of, changes);
        if (!batch.writer.bytes.subarray(61, batch.length).equals(expected)) wrong.push(capacity);
      }
      expect(wrong, `capacities with which a key of ${length} bytes is damaged`).toEqual([]);
    }
  });

  test.each<[string, boolean, (filled: number) => string | null]>([
    ["behind a large value", false, (filled) => "v".repeat(filled)],
    ["behind a large key", true, (filled) => "k".repeat(filled)],
  ])("writes a hundred NULLs %s into memory that held something else", (_, key, large) => {
    const columns = [{ name: "a", oid: 25, key }, ...Array.from({ length: 100 }, (__, i) => ({ name: `c${i}`, oid: 25, key: false }))];
    const shape: TableShape = { topicPrefix: "offtake", schema: "public", table: "t", columns, keyId: 1, valueId: 2 };
    const from = { version: "0", name: "offtake", database: "d", systemIdentifier: 1n, timeline: 1 };
    const of = { ...from, commitLsn: 9n, commitMicros: 946_684_800_000_000n, xid: 9, previous: 8n };
    const change: RowChange = { kind: "insert", row: [large(100_000), ...columns.slice(1).map(() => null)] };
    const changes = [{ table: 0, change, lsn: 5n }];
    const poisoned = vi.spyOn(Buffer, "allocUnsafe").mockImplementation((size) => Buffer.alloc(size, 0xaa));
    try {
      const batch = new RecordBatchWriter("none", 4096);
      new EventScript(of, [shape], batch).run(of, changes);
      expect(shown(parseBatch(batch.close(1n, 0, 0)).records)).toEqual(shown(expectedRecords([shape], [{ of, changes }])));
    } finally {
      poisoned.mockRestore();
    }
  });

  describe("a table of its key and one more column", () => {
    const columns = [
      { name: "id", key: true, type: avroColumnType(20, undefined) },
      { name: "note", key: false, type: avroColumnType(25, undefined) },
    ];
    const plan = { schema: "public", table: "t", columns, keyId: 1, valueId: 2, keyFromCatalog: false };
    const newEncoder = (): EventEncoder => new EventEncoder(plan);
    const encoder = newEncoder();
    const names = { version: "0", name: "offtake", identity: { systemIdentifier: "1", timeline: 1, database: "d" } };
    const decoder = new PgoutputDecoder();

    function decode(message: Message): Buffer {
      const bytes = pgoutput(message);
      decoder.decode(bytes, 0, bytes.length);
      return bytes;
    }

    function row(message: Message, op: number): Buffer {
      const bytes = decode(message);
      const batch = new RecordBatchWriter("none", 4096);
      const change = { bytes, lsnHigh: 0, lsnLow: 1, processed: encodeProcessed(new AvroWriter(32), 0) };
      const of = new Transaction(names, undefined);
      of.begin(1n, 0n, 1, undefined);
      of.advance();
      encoder.row(batch, of, decoder, change, op, false);
      return batch.close(0n, 0, 0);
    }

    test.each<[string, Message, boolean]>([
      ["an update without an old row keeps it", { kind: "update", oid: 1, row: ["1", "a"] }, false],
      ["an old key that is the new one keeps it", { kind: "update", oid: 1, old: { which: "K", row: ["1", null] }, row: ["1", "b"] }, false],
      ["an old key that differs changes it", { kind: "update", oid: 1, old: { which: "K", row: ["1", null] }, row: ["2", "b"] }, true],
      ["one of another length changes it", { kind: "update", oid: 1, old: { which: "K", row: ["11", null] }, row: ["1", "b"] }, true],
      ["an old row that differs elsewhere keeps it", { kind: "update", oid: 1, old: { which: "O", row: ["1", "a"] }, row: ["1", "b"] }, false],
      [
        "a key that is not in the WAL is the old one",
        { kind: "update", oid: 1, old: { which: "K", row: ["1", null] }, row: [unchanged, "b"] },
        false,
      ],
    ])("its key: %s", (_, message, changes) => {
      expect(encoder.key.changes(decoder, decode(message))).toBe(changes);
    });

    test("its key: an old row that is without it, as a partition may log it, changes it, whatever row was decoded before", () => {
      decode({ kind: "update", oid: 1, old: { which: "K", row: ["1", null] }, row: ["1", "b"] });
      // Where the old key stood in the message before, this one has the last byte of a length, which is the digit 1.
      const bytes = decode({ kind: "update", oid: 1, old: { which: "K", row: [null, "x".repeat("1".charCodeAt(0))] }, row: ["1", "b"] });
      expect(encoder.key.changes(decoder, bytes)).toBe(true);
      expect(() => encoder.key.bytes(decoder.old, decoder.old, bytes)).toThrow(
        expect.objectContaining({ code: "PGOUTPUT_MALFORMED", cure: expect.stringContaining("Take the table out of `tables`") }),
      );
    });

    test("recognises an event by the bytes that its record has as the key", () => {
      const [record] = parseBatch(row({ kind: "insert", oid: 1, row: ["12345678901", "a"] }, Op.create)).records;
      const bytes = decode({ kind: "insert", oid: 1, row: ["12345678901", "a"] });
      expect(encoder.key.bytes(decoder.new, decoder.old, bytes)).toEqual(record!.key!.subarray(5));
    });

    test("says in messages which key it was, and no more of a long one than a hundred characters", () => {
      const bytes = decode({ kind: "insert", oid: 1, row: ["42", "a"] });
      expect(encoder.key.describe(decoder.new, bytes)).toBe("(id)=(42)");
      const long = decode({ kind: "insert", oid: 1, row: ["4".repeat(500), "a"] });
      expect(encoder.key.describe(decoder.new, long)).toBe(`(id)=(${"4".repeat(100)})`);
    });

    test.each<[string, Message, number]>([
      ["more columns", { kind: "insert", oid: 1, row: ["1", "a", "b"] }, Op.create],
      ["fewer columns", { kind: "insert", oid: 1, row: ["1"] }, Op.create],
      ["more columns in the old row", { kind: "update", oid: 1, old: { which: "O", row: ["1", "a", "b"] }, row: ["1", "a"] }, Op.update],
      ["fewer columns in the deleted row", { kind: "delete", oid: 1, old: { which: "K", row: ["1"] } }, Op.delete],
      ["no value for its key", { kind: "insert", oid: 1, row: [null, "a"] }, Op.create],
      ["a key that is in neither row", { kind: "update", oid: 1, row: [unchanged, "a"] }, Op.update],
    ])("refuses a row with %s", (_, message, op) => {
      expect(() => row(message, op)).toThrow(expect.objectContaining({ code: "PGOUTPUT_MALFORMED" }));
    });

    test("under REPLICA IDENTITY FULL a key without a value is an older row's, and no fault of the stream", () => {
      const older = new EventEncoder({ ...plan, keyFromCatalog: true });
      const bytes = decode({ kind: "insert", oid: 1, row: [null, "a"] });
      const of = new Transaction(names, undefined);
      of.begin(1n, 0n, 1, undefined);
      const change = { bytes, lsnHigh: 0, lsnLow: 1, processed: encodeProcessed(new AvroWriter(32), 0) };
      expect(() => older.row(new RecordBatchWriter("none", 4096), of, decoder, change, Op.create, false)).toThrow(
        expect.objectContaining({ code: "TABLE_KEY_CHANGED" }),
      );
    });

    test("an event that is in the topic already is counted, so that the order within the table goes on", () => {
      const restarted = newEncoder();
      const of = new Transaction(names, { commitLsn: 1n, sequence: 2 });
      of.begin(1n, 0n, 1, undefined);
      for (let i = 0; i < 2; i += 1) {
        expect(of.advance()).toBe(false);
        restarted.passOver(of);
      }
      expect(of.advance()).toBe(true);
      const bytes = decode({ kind: "insert", oid: 1, row: ["3", "c"] });
      const batch = new RecordBatchWriter("none", 4096);
      restarted.row(batch, of, decoder, { bytes, lsnHigh: 0, lsnLow: 1, processed: encodeProcessed(new AvroWriter(32), 0) }, Op.create, false);
      const value = parseBatch(batch.close(0n, 0, 0)).records[0]!.value!;
      const type = exactAvroType(envelopeSchema({ topicPrefix: "offtake", schema: "public", table: "t" }, columns));
      expect(type.fromBuffer(value.subarray(5))).toMatchObject({
        transaction: { total_order: 3n, data_collection_order: 3n },
        offtake: { sequence: 3n },
      });
    });
  });
});
