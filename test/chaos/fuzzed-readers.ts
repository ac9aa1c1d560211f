/**
 * The readers that bytes from outside come to, each with samples to be damaged, and with a reader that shares no code with it and says what the bytes mean.
 */
import { crc32c } from "@node-rs/crc32";
import { compressionsAlgorithms } from "@platformatic/kafka";
import avro from "avsc";
import fc from "fast-check";
import { RecordBatchReader, RecordBatchWriter } from "../../connectors/kafka/record-batch.ts";
import { PgoutputDecoder } from "../../connectors/postgres/pgoutput.ts";
import { type AvroSchema, envelopeSchema } from "../../schemas/envelope.ts";
import { type EventPlan, eventPlan, noPlan } from "../../schemas/event-plan.ts";
import { type Columns, EventReader } from "../../schemas/event-reader.ts";
import { type AvroForm, avroColumnType } from "../../schemas/postgres-types.ts";
import { type Identity, rowChange, source, tableShape, transaction } from "../connectors/postgres/event-arbitraries.ts";
import { ModelTable } from "../connectors/postgres/event-model.ts";
import { decodedMessage } from "../support/decoded-message.ts";
import { exactAvroType } from "../support/exact-avro.ts";
import { message as pgoutputMessage } from "../support/pgoutput-arbitraries.ts";
import { pgoutput } from "../support/pgoutput-messages.ts";
import { modelMessage } from "../support/pgoutput-model.ts";
import { parseBatch } from "../support/record-batch-model.ts";

export interface FuzzedReader {
  readonly name: string;
  readonly samples: readonly Buffer[];
  /** What of damaged bytes would be refused without a look at the rest is put right. */
  mended(bytes: Buffer): Buffer;
  /** What the bytes of a sample, damaged, mean. @throws what the product throws */
  read(bytes: Buffer, sample: number): unknown;
  /** The same, of the other reader. @throws anything */
  means(bytes: Buffer, sample: number): unknown;
}

const asTheyAre = (bytes: Buffer): Buffer => bytes;

/** Messages of the replication stream. */
export function pgoutputReader(seed: number): FuzzedReader {
  const decoder = new PgoutputDecoder();
  return {
    name: "pgoutput",
    samples: fc.sample(pgoutputMessage, { numRuns: 400, seed }).map(pgoutput),
    mended: asTheyAre,
    read: (bytes) => decodedMessage(decoder, decoder.decode(bytes, 0, bytes.length), bytes),
    means: modelMessage,
  };
}

interface FoundRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

const record = fc.record({ key: fc.option(fc.uint8Array({ maxLength: 20 })), value: fc.uint8Array({ maxLength: 200 }) });

/** In the pieces of Java's producers. */
function inPieces(content: Buffer): Buffer {
  const pieces = [content.subarray(0, 100), content.subarray(100)].filter(({ length }) => length > 0).map((piece) => snappy.compressSync(piece));
  const head = Buffer.from("82534e41505059000000000100000001", "hex");
  return Buffer.concat([head, ...pieces.flatMap((piece) => [uint32(piece.length), piece])]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const { gzip, snappy, lz4, zstd } = compressionsAlgorithms;
const compressions: readonly (readonly [code: number, compress: (content: Buffer) => Buffer])[] = [
  [0, (content) => content],
  [1, (content) => gzip.compressSync(content)],
  [2, (content) => snappy.compressSync(content)],
  [2, inPieces],
  [3, (content) => lz4.compressSync(content)],
  [4, (content) => zstd.compressSync(content)],
];

/** Texts repeat themselves, so that what is compressed refers to what was there. */
const repeating = fc
  .tuple(fc.constantFrom("a", "trades ", '{"id":1}'), fc.nat(30))
  .map(([text, times]) => new Uint8Array(Buffer.from(text.repeat(times))));
const written = fc.oneof(
  record,
  repeating.map((value) => ({ key: null, value })),
);

const batch = fc.tuple(fc.constantFrom(...compressions), fc.array(written, { minLength: 1, maxLength: 8 })).map(([[code, compress], records]) => {
  const writing = new RecordBatchWriter("none", 4096);
  for (const { key, value } of records) {
    writing.begin();
    if (key === null) writing.nullKey();
    else writing.writer.slice(Buffer.from(key), 0, key.length);
    writing.beginValue();
    writing.writer.raw(Buffer.from(value), 0, value.length);
    writing.endValue();
    writing.end();
  }
  const plain = Buffer.from(writing.close(7n, 1, 0));
  const bytes = Buffer.concat([plain.subarray(0, 61), compress(plain.subarray(61))]);
  bytes.writeInt16BE(code, 21);
  return sealed(bytes);
});

/** With the length, the version and the checksum of what it is. */
function sealed(bytes: Buffer): Buffer {
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes[16] = 2;
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
  return bytes;
}

/** Answers of a broker. */
export function recordBatchReader(seed: number): FuzzedReader {
  const reader = new RecordBatchReader();
  return {
    name: "record-batch",
    samples: fc.sample(batch, { numRuns: 300, seed }),
    // Half of them have the checksum of what they are, or none would come past it.
    mended: (bytes) => (bytes.length < 61 || bytes[60]! % 2 === 0 ? bytes : sealed(bytes)),
    read: (bytes) => {
      const found: FoundRecord[] = [];
      for (reader.over(bytes); reader.next();) {
        const { offset, keyStart, keyEnd, valueStart, valueEnd } = reader;
        const key = keyStart === -1 ? null : reader.bytes.toString("hex", keyStart, keyEnd);
        found.push({ offset, key, value: valueStart === -1 ? null : reader.bytes.toString("hex", valueStart, valueEnd) });
      }
      return found;
    },
    means: (bytes) => {
      const found: FoundRecord[] = [];
      // What is behind the first batch is a part of one, and passed over.
      for (let rest = bytes; rest.length >= 61 && rest.length >= rest.readInt32BE(8) + 12;) {
        const length = rest.readInt32BE(8) + 12;
        for (const { offset, key, value } of parseBatch(rest.subarray(0, length), "passed over").records)
          found.push({ offset: Number(offset), key: key && key.toString("hex"), value: value && value.toString("hex") });
        rest = rest.subarray(length);
      }
      return found;
    },
  };
}

const events = fc
  .tuple(tableShape, fc.constantFrom<Identity>("key", "full"), source)
  .chain(([shape, identity, from]) => fc.tuple(fc.constant(new ModelTable(shape)), rowChange(shape, identity), transaction(from)));

const place = { lsn: 77n, processedMs: 1_700_000_000_000, sequence: 3, totalOrder: 2, tableOrder: 1, last: true };

interface Sample {
  readonly bytes: Buffer;
  readonly plan: EventPlan;
  readonly type: avro.Type;
}

function eventSamples(seed: number): Sample[] {
  // avsc cannot show a field of that name.
  const told = events.filter(([{ shape }]) => shape.columns.every(({ name }) => name !== "__proto__"));
  return fc.sample(told, { numRuns: 150, seed }).flatMap(([table, change, of]) => {
    const columns = table.shape.columns.map(({ name, key, oid }) => ({ name, key, type: avroColumnType(oid, undefined) }));
    const schema: AvroSchema = envelopeSchema(table.shape, columns);
    const copy: avro.Schema = JSON.parse(JSON.stringify(schema));
    const plan = eventPlan(table.shape.valueId, avro.Type.forSchema(copy));
    const type = exactAvroType(schema);
    // Behind the byte 0 and the schema's id.
    return table.eventsOf(change).map((event) => ({ bytes: Buffer.from(table.valueBytes(event, of, place).subarray(5)), plan, type }));
  });
}

interface Event {
  readonly op: string;
  readonly before: AvroRow | null;
  readonly after: AvroRow | null;
  readonly source: { readonly txId: bigint; readonly ts_us: bigint };
  readonly transaction: { readonly total_order: bigint } | null;
  readonly offtake: {
    readonly commit_lsn: bigint;
    readonly sequence: bigint;
    readonly prev_commit_lsn: bigint | null;
    readonly system_identifier: Uint8Array;
    readonly timeline: number;
    readonly last: boolean;
    readonly unchanged: readonly string[] | null;
    readonly old_key?: AvroRow | null;
  };
}

type AvroRow = Readonly<Record<string, unknown>>;

const numbers = new Map((["boolean", "int", "long", "float", "double"] as const).map((form): [AvroForm, avro.Type] => [form, exactAvroType(form)]));

/** What the offsets point at, to the last byte of it. */
function cells({ bytes }: EventReader, { start, end }: Columns, columns: EventPlan["columns"]): unknown[] {
  return columns.map(({ form }, i) => {
    if (start[i] === -1) return null;
    const value = bytes.subarray(start[i], end[i]);
    return form === "string" ? value.toString() : form === "bytes" ? value.toString("hex") : numbers.get(form)!.fromBuffer(value);
  });
}

function valuesOf(row: AvroRow, columns: EventPlan["columns"]): unknown[] {
  return columns.map(({ field }) => {
    const value = row[field];
    return Buffer.isBuffer(value) ? value.toString("hex") : value;
  });
}

/** Events of a topic. */
export function eventReader(seed: number): FuzzedReader {
  const reader = new EventReader(noPlan);
  const samples = eventSamples(seed);
  return {
    name: "event",
    samples: samples.map(({ bytes }) => bytes),
    mended: asTheyAre,
    read: (bytes, sample) => {
      const { plan } = samples[sample]!;
      reader.read(plan, bytes, 0, bytes.length);
      const { columns, keys } = plan;
      return {
        // A byte that is no character of its own is refused where events are judged.
        op: reader.op < 0x80 ? String.fromCharCode(reader.op) : "\uFFFD",
        before: reader.hasBefore ? cells(reader, reader.before, columns) : null,
        after: reader.hasAfter ? cells(reader, reader.after, columns) : null,
        oldKey: reader.movesKey
          ? cells(
              reader,
              reader.oldKey,
              keys.map((i) => columns[i]!),
            )
          : null,
        unchanged: columns.filter((_, i) => reader.unchangedCount > 0 && reader.unchanged[i] === 1).map(({ field }) => field),
        commitLsn: (BigInt(reader.commitHigh) << 32n) | BigInt(reader.commitLow),
        previous: reader.hasPrevious ? (BigInt(reader.previousHigh) << 32n) | BigInt(reader.previousLow) : null,
        sequence: BigInt(reader.sequence),
        totalOrder: BigInt(reader.totalOrder),
        identifier: bytes.toString("hex", reader.identifierStart, reader.identifierStart + 8),
        timeline: reader.timeline,
        transaction: [reader.xid, reader.commitMicros].map(BigInt),
        last: reader.last,
      };
    },
    means: (bytes, sample) => {
      const { plan, type } = samples[sample]!;
      const { op, before, after, source: from, transaction: within, offtake }: Event = type.fromBuffer(bytes);
      const { columns, keys } = plan;
      const oldKey = offtake.old_key ?? null;
      return {
        op,
        before: before && valuesOf(before, columns),
        after: after && valuesOf(after, columns),
        oldKey:
          oldKey &&
          valuesOf(
            oldKey,
            keys.map((i) => columns[i]!),
          ),
        unchanged: columns.filter(({ field }) => offtake.unchanged?.includes(field) === true).map(({ field }) => field),
        commitLsn: offtake.commit_lsn,
        previous: offtake.prev_commit_lsn,
        sequence: offtake.sequence,
        totalOrder: within?.total_order ?? 0n,
        identifier: Buffer.from(offtake.system_identifier).toString("hex"),
        timeline: offtake.timeline,
        transaction: [from.txId, from.ts_us],
        last: offtake.last,
      };
    },
  };
}

export function readersOf(seed: number): FuzzedReader[] {
  return [pgoutputReader(seed), recordBatchReader(seed), eventReader(seed)];
}
