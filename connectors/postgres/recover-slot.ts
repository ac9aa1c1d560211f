/**
 * A new slot in place of one that is lost, for a topic that stays: `offtake up --recover`. What was committed between the topic's end and the new slot is in no stream,
 * so every table is marked and ordered to be copied before the topic says that the gap may be passed; the other way round, a run that is killed in between would leave a
 * target that looks whole.
 *
 * Each step leaves a state from which the next run does the rest: no slot, or one beyond the topic's end, which is made again.
 *
 * Source: ARCHITECTURE.md, "Connector", "Recovery"; PostgreSQL documentation, "pg_drop_replication_slot".
 */
import type { ClientBase } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { Consumer } from "../kafka/consumer.ts";
import { offsetRange } from "../kafka/offsets.ts";
import { createSlot } from "./create-slot.ts";
import { type Lsn, parseLsn } from "./lsn.ts";
import { openingStep, type OpenContext, withMarkers } from "./open-topic.ts";
import { readSlot, refuseForeignSlot, type Slot } from "./slot.ts";
import { slotLoss, type SlotLoss } from "./slot-loss.ts";
import { checkReached, type Tail } from "./start-checks.ts";
import { sqlState } from "./session.ts";
import { readTail, type TailRecord } from "./tail.ts";
import { reopenTopic, takeOver } from "./take-over.ts";

export interface RecoverSteps {
  /** Refuses where the target cannot go on behind the topic's end. */
  readonly check: () => Promise<void>;
  /** Marks all tables, and orders their copies, where this has not been done. @returns what they are marked for */
  readonly mark: (loss: SlotLoss) => Promise<string>;
}

export interface Recovered {
  /** `present` where an earlier run has done it all, and nothing was published since. */
  readonly slot: "recovered" | "present";
  readonly after: Lsn;
  readonly until: Lsn;
}

/**
 * @param source a session at the monolith
 * @param tables schema.table of those that are marked
 * @throws OfftakeError RECOVERY_NOT_NEEDED, SLOT_IN_USE, SLOT_UNSUITABLE, TOPIC_WITHOUT_TAIL, and of takeOver(), createSlot() and `steps`
 */
export async function recoverSlot(context: OpenContext, source: ClientBase, tables: readonly string[], steps: RecoverSteps): Promise<Recovered> {
  const { configuration, connector, service, signal } = context;
  const slot = await readSlot(source, connector.slot);
  if (slot !== undefined) await refuseForeignSlot(source, slot);
  if (slot?.active === true) throw slotRead(slot, connector.name);
  const found = await endOf(context);
  // Before anything is taken over: a connector that works must not be fenced by somebody who has mistaken its name.
  if (slotLoss(slot, found) === undefined) {
    if (slot !== undefined && found !== undefined && isRecovered(found)) return { slot: "present", after: found.previous!, until: found.commitLsn };
    // What looks as if it had never been used may be what is left of something that was.
    await steps.check();
    openingStep(found, slot, { topic: service.topic, slot: connector.slot });
    throw notNeeded(slot, found, connector.name);
  }
  return withMarkers(context, async (over, putMarker, producer) => {
    const tail = await takeOver(over, producer, putMarker);
    const { rows } = await source.query<{ lsn: string }>("SELECT pg_current_wal_flush_lsn()::text AS lsn");
    checkReached(tail, parseLsn(rows[0]!.lsn), service.topic);
    const loss = slotLoss(slot, tail);
    if (loss === undefined) throw notNeeded(slot, tail, connector.name);
    await steps.check();
    if (slot !== undefined) await dropSlot(source, slot, connector.name);
    const { start } = await createSlot(configuration.source.url, connector, [], signal);
    const reason = await steps.mark(loss);
    await reopenTopic(over, tail, start, { tables, reason }, putMarker);
    return { slot: "recovered", after: tail.commitLsn, until: start };
  });
}

/** A marker of an earlier run, or one that repeats it: no event has sequence 0. */
function isRecovered({ sequence, previous }: Tail): boolean {
  return sequence === 0 && previous !== undefined;
}

async function endOf({ cluster, registry, service: { topic }, signal }: OpenContext): Promise<TailRecord | undefined> {
  const consumer = new Consumer(cluster, topic, signal, () => {});
  try {
    const range = await offsetRange(cluster, topic);
    return await readTail(consumer, registry, topic, range, range.end);
  } finally {
    consumer.close();
  }
}

async function dropSlot(source: ClientBase, slot: Slot, connector: string): Promise<void> {
  try {
    // Somebody else may have dropped it meanwhile.
    await source.query("SELECT pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1", [slot.name]);
  } catch (error) {
    throw sqlState(error) === "55006" ? slotRead(slot, connector) : error;
  }
}

function slotRead({ name, activePid }: Slot, connector: string): OfftakeError {
  const by = activePid === undefined ? "somebody" : `the process ${activePid}`;
  return new OfftakeError("SLOT_IN_USE", `The slot ${name} is read by ${by}: the connector ${connector} is running, and nothing is lost.`, {
    cure: "Nothing has to be recovered while it works. If it is to be all the same, stop it first.",
  });
}

function notNeeded(slot: Slot | undefined, tail: Tail | undefined, connector: string): OfftakeError {
  if (slot === undefined || tail === undefined || tail.commitLsn === 0n)
    return new OfftakeError("RECOVERY_NOT_NEEDED", `The connector ${connector} has published nothing yet, so that nothing can be missing.`, {
      cure: "`offtake up`, without --recover, creates what it lacks.",
    });
  return new OfftakeError(
    "RECOVERY_NOT_NEEDED",
    `The slot ${slot.name} of the connector ${connector} is well, and leads on from where the topic ends.`,
    {
      cure: "Nothing was changed. To copy tables again: `offtake snapshot start`.",
    },
  );
}
