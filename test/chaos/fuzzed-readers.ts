/**
 * The readers that bytes from outside come to, each with samples to be damaged, and with a reader that shares no code with it and says what the bytes mean.
 */
import { crc32c } from "@node-rs/crc32";
import avro from "avsc";
import fc from "fast-check";
import { RecordBatchReader, RecordBatchWriter } from "../../connectors/kafka/record-batch.ts";
import { PgoutputDecoder } from "../../connectors/postgres/pgoutput.ts";
import { type AvroSchema, envelopeSchema } from "../../schemas/envelope.ts";
import { type EventPlan, eventPlan, noPlan } from "../../schemas/event-plan.ts";
import { type Columns, EventReader } from "../../schemas/event-reader.ts";
import { avroColumnType } from "../../schemas/postgres-types.ts";
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

const batch = fc
  .tuple(fc.constantFrom("none" as const, "zstd" as const), fc.array(record, { minLength: 1, maxLength: 8 }))
  .map(([compression, records]) => {
    const writing = new RecordBatchWriter(compression, 4096);
    for (const { key, value } of records) {
      writing.begin();
      if (key === null) writing.nullKey();
      else writing.writer.slice(Buffer.from(key), 0, key.length);
      writing.beginValue();
      writing.writer.raw(Buffer.from(value), 0, value.length);
      writing.endValue();
      writing.end();
    }
    return Buffer.from(writing.close(7n, 1, 0));
  });

/** Answers of a broker. */
export function recordBatchReader(seed: number): FuzzedReader {
  const reader = new RecordBatchReader();
  return {
    name: "record-batch",
    samples: fc.sample(batch, { numRuns: 200, seed }),
    // Half of them have the checksum of what they are, or none would come past it.
    mended: (bytes) => {
      if (bytes.length < 61 || bytes[60]! % 2 === 0) return bytes;
      bytes.writeInt32BE(bytes.length - 12, 8);
      bytes[16] = 2;
      bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
      return bytes;
    },
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
  readonly before: Readonly<Record<string, unknown>> | null;
  readonly after: Readonly<Record<string, unknown>> | null;
  readonly offtake: { readonly commit_lsn: bigint; readonly sequence: bigint; readonly last: boolean };
}

function present({ start }: Columns, count: number): boolean[] {
  return Array.from({ length: count }, (_, i) => start[i] !== -1);
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
      const { length } = plan.columns;
      return {
        // A byte that is no character of its own is refused where events are judged.
        op: reader.op < 0x80 ? String.fromCharCode(reader.op) : "\uFFFD",
        before: reader.hasBefore ? present(reader.before, length) : null,
        after: reader.hasAfter ? present(reader.after, length) : null,
        commitLsn: (BigInt(reader.commitHigh) << 32n) | BigInt(reader.commitLow),
        sequence: BigInt(reader.sequence),
        last: reader.last,
      };
    },
    means: (bytes, sample) => {
      const { plan, type } = samples[sample]!;
      const { op, before, after, offtake }: Event = type.fromBuffer(bytes);
      const has = (row: Readonly<Record<string, unknown>> | null): boolean[] | null => row && plan.columns.map(({ field }) => row[field] !== null);
      return {
        op,
        before: has(before),
        after: has(after),
        commitLsn: offtake.commit_lsn,
        sequence: offtake.sequence,
        last: offtake.last,
      };
    },
  };
}
