/**
 * Reads the records of a topic as events, and refuses what is none: an event that this version does not understand and passes over is a row that is
 * missing at the target for ever.
 *
 * Source: schemas/envelope.ts; Confluent documentation, "Wire format".
 */
import type { RecordBatchReader } from "../../connectors/kafka/record-batch.ts";
import type { Registry } from "../../connectors/kafka/registry.ts";
import { type EventPlan, eventPlan, noPlan } from "../../schemas/event-plan.ts";
import { EventReader } from "../../schemas/event-reader.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { Change } from "./change-log.ts";

/** A record of a topic: where its value lies, -1 for none. */
export type TopicRecord = Pick<RecordBatchReader, "bytes" | "valueStart" | "valueEnd" | "offset">;

/** The schemas that values were written with. */
export type Schemas = Pick<Registry, "schema">;

/** 0x00, the schema's id, and at least one byte. */
const shortest = 6;

export class RecordDecoder {
  /** The event of the newest record that was decoded. */
  readonly event = new EventReader(noPlan);
  readonly #topic: string;
  readonly #registry: Schemas;
  readonly #plans = new Map<number, EventPlan>();

  constructor(topic: string, registry: Schemas) {
    this.#topic = topic;
    this.#registry = registry;
  }

  /**
   * Without a promise, which would cost more than the record: load() where it says false.
   *
   * @returns false when the record's schema has to be loaded first
   * @throws OfftakeError EVENT_MALFORMED
   */
  decode(records: TopicRecord): boolean {
    const { bytes, valueStart, valueEnd, offset } = records;
    if (valueStart === -1 || valueEnd - valueStart < shortest || bytes[valueStart] !== 0)
      throw this.#malformed(offset, "was not written by Offtake", this.#foreignCure(offset));
    const plan = this.#plans.get(bytes.readUInt32BE(valueStart + 1));
    if (plan === undefined) return false;
    try {
      this.event.read(plan, bytes, valueStart + 5, valueEnd);
    } catch (error) {
      if (error instanceof OfftakeError)
        throw new OfftakeError(error.code, `At offset ${offset} of the topic ${this.#topic}: ${error.message}`, { cause: error });
      throw error;
    }
    const fault = faultOf(this.event);
    if (fault !== undefined) throw this.#malformed(offset, fault, "");
    return true;
  }

  /** As decode(), of a record to which that said false: its schema is loaded first. @throws OfftakeError of the registry; EVENT_MALFORMED */
  async load(record: TopicRecord): Promise<void> {
    const { bytes, valueStart, offset } = record;
    const id = bytes.readUInt32BE(valueStart + 1);
    const type = await this.#registry.schema(id);
    try {
      this.#plans.set(id, eventPlan(id, type));
    } catch (error) {
      if (!(error instanceof OfftakeError)) throw error;
      throw this.#malformed(offset, `was not written by Offtake: ${lowered(error.message)}`, this.#foreignCure(offset), error);
    }
    this.decode(record);
  }

  /** By then the applier has all that is before it, so that the topic may begin behind it. */
  #foreignCure(offset: number): string {
    const content = JSON.stringify({ version: 1, partitions: [{ topic: this.#topic, partition: 0, offset: offset + 1 }] });
    return `A topic of Offtake has one writer, its connector: find out who else writes to it. Once \`offtake status\` shows that nothing before it is left to apply, and its connector has put something behind it, as it does with every heartbeat, let the topic begin behind it: kafka-delete-records --bootstrap-server … --offset-json-file records.json, with '${content}' in that file. The applier goes on by itself; it says so if an event is missing then.`;
  }

  #malformed(offset: number, what: string, cure: string, cause?: OfftakeError): OfftakeError {
    return new OfftakeError("EVENT_MALFORMED", `The record at offset ${offset} of the topic ${this.#topic} ${what}.`, { cure, cause });
  }
}

/** A sentence as the end of another one. */
function lowered(sentence: string): string {
  return `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`.replace(/\.$/, "");
}

/** What of an event this version could not apply, as the end of a sentence. */
function faultOf({ plan, op, hasBefore, hasAfter, movesKey, unchangedCount, isBeside }: EventReader): string | undefined {
  if (plan.kind === "message") return undefined;
  const name = `${plan.schema}.${plan.table}`;
  switch (op) {
    case Change.create:
      return hasAfter ? undefined : `creates a row of ${name} and has no row`;
    case Change.update:
      if (!hasAfter || movesKey) return `updates a row of ${name} and has ${hasAfter ? "an old key" : "no row"}`;
      return plan.keys.length > 0 || hasBefore ? undefined : `updates a row of ${name}, which has no key, and does not say which`;
    case Change.delete:
      if (isBeside && plan.keys.length === 0) return `deletes a row of ${name} that a repair did not find, and the table has no key to find it by`;
      return hasBefore ? undefined : `deletes a row of ${name} and does not say which`;
    case Change.truncate:
      return undefined;
    case Change.read:
      if (!hasAfter || movesKey || unchangedCount > 0) return `copies a row of ${name} and does not have all of it`;
      return plan.keys.length > 0 ? undefined : `copies a row of ${name}, which has no key to find it by`;
    default:
      return `has the op ${JSON.stringify(String.fromCharCode(op))} of ${name}, which is not in this version`;
  }
}
