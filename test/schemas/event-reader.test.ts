import avro from "avsc";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { avroName } from "../../schemas/avro-names.ts";
import { type AvroSchema, envelopeSchema, messageSchema } from "../../schemas/envelope.ts";
import { type EventPlan, eventPlan, noPlan } from "../../schemas/event-plan.ts";
import { type Columns, EventReader } from "../../schemas/event-reader.ts";
import { type AvroForm, avroColumnType } from "../../schemas/postgres-types.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { exactAvroType } from "../support/exact-avro.ts";
import { type Identity, rowChange, source, tableShape, transaction } from "../connectors/postgres/event-arbitraries.ts";
import { messageBytes, ModelTable, type ModelTransaction, type Place } from "../connectors/postgres/event-model.ts";

const place: fc.Arbitrary<Place> = fc.record({
  lsn: fc.bigInt({ min: 0n, max: (1n << 52n) - 1n }),
  processedMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  sequence: fc.nat(),
  totalOrder: fc.nat(),
  tableOrder: fc.nat(),
  last: fc.boolean(),
});

/** A change of a table, as its events, and where the first of them stands. */
const changed = fc.tuple(tableShape, fc.constantFrom<Identity>("key", "full"), source).chain(([shape, identity, from]) =>
  fc.record({
    table: fc.constant(new ModelTable(shape)),
    change: rowChange(shape, identity),
    of: transaction(from),
    at: place,
  }),
);

/** As the registry's client gives it. */
function registered(schema: AvroSchema): avro.Type {
  const copy: avro.Schema = JSON.parse(JSON.stringify(schema));
  return avro.Type.forSchema(copy);
}

function planOf({ shape }: ModelTable): EventPlan {
  const columns = shape.columns.map(({ name, key, oid }) => ({ name, key, type: avroColumnType(oid, undefined) }));
  return eventPlan(shape.valueId, registered(envelopeSchema(shape, columns)));
}

/** Reads the value of a record: 0x00 and the schema's id in front, other bytes around it. */
function read(reader: EventReader, plan: EventPlan, value: Buffer): void {
  const bytes = Buffer.concat([Buffer.alloc(7, 2), value, Buffer.alloc(50, 2)]);
  reader.read(plan, bytes, 12, 7 + value.length);
}

const avroTypes = new Map<AvroForm, avro.Type>(
  (["boolean", "int", "long", "float", "double"] as const).map((form) => [form, exactAvroType(form)] as const),
);

/** What the offsets point at: of a string or bytes the content, of anything else its Avro form. */
function cells(reader: EventReader, { start, end }: Columns, count: number): (string | null)[] {
  return Array.from({ length: count }, (_, i) => (start[i] === -1 ? null : reader.bytes.toString("hex", start[i], end[i])));
}

function expectedCells(plan: EventPlan, row: Readonly<Record<string, unknown>>): (string | null)[] {
  return plan.columns.map(({ field, form }) => {
    const value = Object.hasOwn(row, field) ? row[field] : null;
    if (value === null || value === undefined) return null;
    if (typeof value === "string") return Buffer.from(value).toString("hex");
    return (Buffer.isBuffer(value) ? value : avroTypes.get(form)!.toBuffer(value)).toString("hex");
  });
}

/** The position as one text. */
function positionOf(reader: EventReader): string {
  const commit = (BigInt(reader.commitHigh) << 32n) | BigInt(reader.commitLow);
  const previous = reader.hasPrevious ? (BigInt(reader.previousHigh) << 32n) | BigInt(reader.previousLow) : undefined;
  const identifier = reader.bytes.readBigUInt64BE(reader.identifierStart);
  return [commit, reader.sequence, previous, identifier, reader.timeline, reader.last].map(String).join(" ");
}

function expectedPosition(of: ModelTransaction, at: Place): string {
  return [of.commitLsn, at.sequence, of.previous, of.systemIdentifier, of.timeline, at.last].map(String).join(" ");
}

function outcome(reader: EventReader, plan: EventPlan, value: Buffer): string {
  try {
    read(reader, plan, value);
    reader.source();
  } catch (error) {
    return error instanceof OfftakeError ? error.code : String(error);
  }
  const rows = [...(reader.hasBefore ? [reader.before] : []), ...(reader.hasAfter ? [reader.after] : [])];
  const within = rows.every(({ start, end }) =>
    plan.columns.every((_, i) => start[i] === -1 || (12 <= start[i]! && start[i]! <= end[i]! && end[i]! <= 7 + value.length)),
  );
  return within ? "values within" : "values elsewhere";
}

describe("EventReader", () => {
  test("finds every value of every event that avsc has written, and nothing of the one before", () => {
    const reader = new EventReader(noPlan);
    fc.assert(
      fc.property(changed, ({ table, change, of, at }) => {
        const plan = planOf(table);
        const { schema, table: name } = table.shape;
        expect(plan).toMatchObject({ kind: "row", schema, table: name });
        expect(plan.columns.map((column) => column.name)).toEqual(table.shape.columns.map((column) => column.name));
        const keys = plan.keys.map((i) => plan.columns[i]!.name);
        expect(keys).toEqual(table.shape.columns.filter(({ key }) => key).map((column) => column.name));
        for (const event of table.eventsOf(change)) {
          read(reader, plan, table.valueBytes(event, of, at));
          const count = plan.columns.length;
          expect({
            op: String.fromCharCode(reader.op),
            before: reader.hasBefore ? cells(reader, reader.before, count) : null,
            after: reader.hasAfter ? cells(reader, reader.after, count) : null,
            oldKey: reader.movesKey ? cells(reader, reader.oldKey, plan.keys.length) : null,
            unchanged: plan.columns.filter((_, i) => reader.unchangedCount > 0 && reader.unchanged[i] === 1).map(({ field }) => field),
            unchangedCount: reader.unchangedCount,
            position: positionOf(reader),
            totalOrder: reader.totalOrder,
          }).toEqual({
            op: event.op,
            before: event.before === null ? null : expectedCells(plan, event.before),
            after: event.after === null ? null : expectedCells(plan, event.after),
            oldKey: event.oldKey === null ? null : plan.keys.map((i) => expectedCells(plan, event.oldKey!)[i]),
            unchanged: event.unchanged ?? [],
            unchangedCount: event.unchanged?.length ?? 0,
            position: expectedPosition(of, at),
            totalOrder: at.totalOrder,
          });
          const { lsn: found, ...names } = reader.source();
          expect([BigInt(found), reader.xid, BigInt(reader.commitMicros), names.db, names.schema, names.table]).toEqual([
            at.lsn,
            of.xid,
            of.commitMicros,
            of.database,
            schema,
            name,
          ]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("finds the content of a message", () => {
    const plan = eventPlan(7, registered(messageSchema("offtake")));
    const reader = new EventReader(noPlan);
    fc.assert(
      fc.property(source.chain(transaction), place, fc.uint8Array({ maxLength: 50 }), (of, at, content) => {
        read(reader, plan, messageBytes("offtake", 7, Buffer.from(content), of, at));
        expect(plan.kind).toBe("message");
        expect(reader.bytes.subarray(reader.contentStart, reader.contentEnd)).toEqual(Buffer.from(content));
        expect(positionOf(reader)).toBe(expectedPosition(of, at));
      }),
    );
  });

  test("makes of damaged bytes EVENT_MALFORMED or values that lie within them", () => {
    const reader = new EventReader(noPlan);
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(changed, damage, fc.option(fc.nat()), ({ table, change, of, at }, changes, cut) => {
        const plan = planOf(table);
        const whole = table.valueBytes(table.eventsOf(change)[0]!, of, at);
        const value = cut === null ? whole : whole.subarray(0, 5 + (cut % (whole.length - 5)));
        for (const [where, byte] of changes) if (value.length > 5) value[5 + (where % (value.length - 5))] = byte;
        expect(outcome(reader, plan, value)).toMatch(/^(EVENT_MALFORMED|values within)$/);
      }),
      { numRuns: 1000 },
    );
  });

  test("refuses every event that ends early, and one that goes on", () => {
    const shape = { topicPrefix: "p", schema: "s", table: "t", columns: [{ name: "id", oid: 20, key: true }], keyId: 1, valueId: 2 };
    const table = new ModelTable(shape);
    const of = { version: "", name: "", database: "", systemIdentifier: 1n, timeline: 1, commitLsn: 1n, commitMicros: 1n, xid: 1, previous: 1n };
    const at = { lsn: 1n, processedMs: 1, sequence: 1, totalOrder: 1, tableOrder: 1, last: true };
    const value = table.valueBytes(table.eventsOf({ kind: "insert", row: ["1"] })[0]!, of, at);
    const reader = new EventReader(noPlan);
    for (let length = 5; length < value.length; length += 1)
      expect(() => read(reader, planOf(table), value.subarray(0, length))).toThrow(expect.objectContaining({ code: "EVENT_MALFORMED" }));
    expect(() => read(reader, planOf(table), Buffer.concat([value, Buffer.alloc(1)]))).toThrow(expect.objectContaining({ code: "EVENT_MALFORMED" }));
  });
});

describe("an envelope of a later version", () => {
  /** A field of each of Avro's types, with a value. */
  const laterFields: { field: { name: string; type: avro.Schema }; value: unknown }[] = [
    { field: { name: "e", type: { type: "enum", name: "E", symbols: ["A", "B"] } }, value: "B" },
    { field: { name: "m", type: { type: "map", values: "long" } }, value: { a: 1n, b: 2n } },
    { field: { name: "l", type: { type: "array", items: { type: "map", values: "string" } } }, value: [{ a: "x" }, {}] },
    { field: { name: "n", type: { type: "array", items: "null" } }, value: [null, null] },
    { field: { name: "f", type: { type: "fixed", name: "F", size: 3 } }, value: Buffer.from("abc") },
    { field: { name: "r", type: { type: "record", name: "R", fields: [{ name: "x", type: "double" }] } }, value: { x: 1.5 } },
    { field: { name: "u", type: ["null", "int", "string"] }, value: "text" },
    { field: { name: "b", type: "boolean" }, value: true },
    { field: { name: "y", type: "bytes" }, value: Buffer.from("bytes") },
  ];
  const columns = [{ name: "id", key: true, type: avroColumnType(20, undefined) }];
  const ours: { fields: { name: string; type: unknown }[] } = JSON.parse(
    JSON.stringify(envelopeSchema({ topicPrefix: "p", schema: "s", table: "t" }, columns)),
  );
  const shape = { topicPrefix: "p", schema: "s", table: "t", columns: [{ name: "id", oid: 20, key: true }], keyId: 1, valueId: 2 };
  const model = new ModelTable(shape);
  const at = { lsn: 5n, processedMs: 1, sequence: 3, totalOrder: 2, tableOrder: 1, last: true };

  test("is read, whatever fields it has more, wherever they stand", () => {
    const anywhere = fc.array(fc.tuple(fc.constantFrom(...laterFields), fc.nat(7)), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(anywhere, source.chain(transaction), (extra, of) => {
        const schema = structuredClone(ours);
        const values: Record<string, unknown> = {};
        extra.forEach(([{ field, value }, index], i) => {
          const type: avro.Schema = JSON.parse(JSON.stringify(field.type).replace(/"name":"([EFR])"/, `"name":"$1${i}"`));
          schema.fields.splice(index, 0, { name: `later_${i}`, type });
          values[`later_${i}`] = value;
        });
        const event = model.eventsOf({ kind: "insert", row: ["42"] })[0]!;
        const known: Record<string, unknown> = { ...model.envelope.fromBuffer(model.valueBytes(event, of, at).subarray(5)) };
        const value = Buffer.concat([Buffer.alloc(5), exactAvroType(schema).toBuffer({ ...known, ...values })]);
        const copy: avro.Schema = JSON.parse(JSON.stringify(schema));
        const plan = eventPlan(2, avro.Type.forSchema(copy));
        const reader = new EventReader(noPlan);
        read(reader, plan, value);
        expect(cells(reader, reader.after, 1)).toEqual([avroTypes.get("long")!.toBuffer(42n).toString("hex")]);
        expect(positionOf(reader)).toBe(expectedPosition(of, at));
      }),
    );
  });

  test("of which a count is damaged is refused, not counted for days", () => {
    const schema = structuredClone(ours);
    schema.fields.unshift({ name: "nulls", type: { type: "array", items: "null" } });
    const plan = eventPlan(2, registered(schema));
    const event = model.eventsOf({ kind: "insert", row: ["42"] })[0]!;
    const of = { version: "", name: "", database: "", systemIdentifier: 1n, timeline: 1, commitLsn: 1n, commitMicros: 1n, xid: 1, previous: 1n };
    const value = Buffer.concat([
      Buffer.alloc(5),
      exactAvroType("long").toBuffer(1n << 51n),
      Buffer.from([0xff]),
      model.valueBytes(event, of, at).subarray(5),
    ]);
    expect(() => read(new EventReader(noPlan), plan, value)).toThrow(expect.objectContaining({ code: "EVENT_MALFORMED" }));
  });
});

describe("eventPlan", () => {
  const columns = [{ name: "id", key: true, type: avroColumnType(20, undefined) }];
  const schema = JSON.stringify(envelopeSchema({ topicPrefix: "p", schema: "s", table: "t" }, columns));
  const message = JSON.stringify(messageSchema("p"));

  test.each([
    ["without op", schema, '"name":"op"', '"name":"operation"'],
    ["without before", schema, '"name":"before"', '"name":"previously"'],
    ["without after", schema, '"name":"after"', '"name":"later"'],
    ["without our field", schema, '"name":"offtake","type"', '"name":"theirs","type"'],
    ["without a position", schema, '"name":"commit_lsn"', '"name":"commit"'],
    ["without its link", schema, '"name":"prev_commit_lsn"', '"name":"link"'],
    ["with a column of a type that Offtake does not write", schema, '{"type":"long","pgType":"int8"}', '{"type":"array","items":"long"}'],
    ["with a union the other way round", schema, '["null","Value"],"default":null', '["Value","null"]'],
    ["with another message", message, '"name":"prefix"', '"name":"more","type":"int"},{"name":"prefix"'],
  ])("refuses an envelope %s", (_, from, what, by) => {
    expect(from).toContain(what);
    const changedSchema: avro.Schema = JSON.parse(from.replace(what, by));
    expect(() => eventPlan(3, avro.Type.forSchema(changedSchema))).toThrow(expect.objectContaining({ code: "EVENT_MALFORMED" }));
  });

  test("refuses what is no record", () => {
    expect(() => eventPlan(3, avro.Type.forSchema("string"))).toThrow(expect.objectContaining({ code: "EVENT_MALFORMED" }));
  });

  test("has the names of any table as PostgreSQL spells them", () => {
    fc.assert(
      fc.property(tableShape, (shape) => {
        const plan = planOf(new ModelTable(shape));
        expect([plan.schema, plan.table]).toEqual([shape.schema, shape.table]);
        expect(plan.columns.map(({ name, field }) => [name, field])).toEqual(shape.columns.map(({ name }) => [name, avroName(name)]));
      }),
    );
  });
});
