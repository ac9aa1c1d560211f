/**
 * Rows that are applied one by one, where the table's policy is to put aside what the target refuses: a savepoint around each, so that one that is refused takes
 * nothing with it; and in front of each the question whether its key is parked already.
 *
 * Source: docs/dead-letters.md.
 */
import type { Client } from "pg";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import { sqlState } from "../../connectors/postgres/session.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { poisonPolicy } from "../runtime/table-mapping.ts";
import { fullName } from "../runtime/table-pattern.ts";
import type { Conflict } from "./apply-in-order.ts";
import type { ChangeLog } from "./change-log.ts";
import { clearQueues, insertFirst, insertParked, joinQueues, opName, ParkedChanged, queueStatement } from "./dead-letter.ts";
import { keyText } from "./named-event.ts";
import { keyColumns, keysOf } from "./parked-keys.ts";
import type { Parking } from "./parking.ts";
import { isPoison } from "./poison.ts";
import { runGroup } from "./statement-group.ts";
import type { TargetTable } from "./target-table.ts";
import { unfitKeyColumns } from "./unfit-key.ts";

export interface ParkedRows {
  readonly log: ChangeLog;
  readonly tables: readonly TargetTable[];
  /** Of the source transaction that the changes belong to. */
  readonly commitLsn: bigint;
  /** Those that the transaction has met so far: of a row that is put aside there is none. */
  readonly conflicts: Conflict[];
}

/** Keys that may be parked at a time: beyond, something is wrong with the table and not with its rows, and the applier's memory is bounded. */
const maxKeys = 10_000;

export class RowParking {
  readonly #client: Client;
  readonly #parking: Parking;
  readonly #rows: ParkedRows;
  readonly #names: readonly string[];
  readonly #parks: readonly boolean[];
  /** Whether the savepoint of the row before is still there. It goes with the next one, or with what it is in. */
  #open = false;

  constructor(client: Client, parking: Parking, rows: ParkedRows) {
    this.#client = client;
    this.#parking = parking;
    this.#rows = rows;
    this.#names = rows.log.plans.map((plan) => fullName(plan));
    this.#parks = rows.log.plans.map((plan) => poisonPolicy(parking.service, plan) === "park");
  }

  /** Whether events of the change's table go to queues, or may. */
  concerns(change: number): boolean {
    const plan = this.#rows.log.plan[change]!;
    return this.#parks[plan]! || this.#parking.keys.has(this.#names[plan]!);
  }

  /** Tables are about to be truncated: what waits for them goes, as their rows do. */
  async truncating(first: number, last: number): Promise<void> {
    const { log } = this.#rows;
    for (let change = first; change <= last; change += 1) {
      const table = this.#names[log.plan[change]!]!;
      if (!this.#parking.keys.has(table)) continue;
      await clearQueues(this.#client, this.#parking.source.connector, table);
      this.#parking.draft.clear(table);
    }
  }

  /**
   * @param apply the change, to the table
   * @throws what `apply` does, but for what is put aside; ParkedChanged; OfftakeError PARKED_KEY_CHANGED
   */
  async row(change: number, apply: () => Promise<void>): Promise<void> {
    const { log, conflicts } = this.#rows;
    const plan = log.plan[change]!;
    const table = this.#names[plan]!;
    const { keys } = this.#parking;
    if (keys.has(table)) {
      if (!keys.fits(log.plans[plan]!)) throw keys.otherKey(log.plans[plan]!);
      const queues = keys.queuesOf(table, keysOf(log, change));
      if (queues.some((queue) => queue !== undefined)) return this.#queue(change, queues);
    }
    if (!this.#parks[plan]!) return apply();
    const met = conflicts.length;
    // Both leave together: waited for one after the other, a row took three answers instead of one.
    const savepoint = this.#client.query(this.#open ? "RELEASE SAVEPOINT event; SAVEPOINT event" : "SAVEPOINT event");
    this.#open = true;
    try {
      await Promise.all([savepoint, apply()]);
    } catch (error) {
      if (!isPoison(error)) throw error;
      await this.#client.query("ROLLBACK TO SAVEPOINT event");
      conflicts.length = met;
      await this.#park(change, error);
    }
  }

  /** @param queues of its keys, the new one first */
  async #queue(change: number, queues: readonly (string | undefined)[]): Promise<void> {
    const { source } = this.#parking;
    const { log } = this.#rows;
    const queue = queues.find((each) => each !== undefined)!;
    // First of all: it fails where the queue is not there any more.
    const { error } = await runGroup(this.#client, [queueStatement(source, log, [{ ...this.#letter(change), queue }])]);
    if (error !== undefined) throw error;
    const table = this.#names[log.plan[change]!]!;
    for (const [i, other] of queues.entries()) {
      if (other === queue) continue;
      if (other === undefined) await this.#add(change, i, queue);
      else {
        if ((await joinQueues(this.#client, source.connector, other, queue)) === 0) throw new ParkedChanged();
        this.#parking.draft.join(table, other, queue);
      }
    }
  }

  async #park(change: number, error: OfftakeError): Promise<void> {
    const { log, commitLsn } = this.#rows;
    const refusal = { sqlState: sqlState(error.cause)!, error: error.message, cure: error.cure };
    const why = await this.#whyNot(change);
    if (why !== undefined) throw new OfftakeError(error.code, error.message, { cause: error.cause, cure: `${error.cure} It is not parked: ${why}.` });
    const { table, key } = this.#letter(change);
    const queue = await insertFirst(this.#client, this.#parking.source, log, { table, key, change, commitLsn }, refusal);
    for (const i of keysOf(log, change).keys()) await this.#add(change, i, queue);
    this.#parking.note({
      table,
      op: opName(log, change),
      offset: log.offset[change]!,
      position: `${formatLsn(commitLsn)}:${log.sequence[change]}`,
      sqlState: refusal.sqlState,
      deadLetter: queue,
    });
  }

  async #whyNot(change: number): Promise<string | undefined> {
    const { log, tables } = this.#rows;
    const table = tables[log.plan[change]!]!;
    if (table.plan.keys.length === 0) return `${table.shown} has no key by which later events of the row could be told`;
    if (this.#parking.keys.size >= maxKeys) return `${maxKeys} keys of the service are parked already`;
    const unfit = await unfitKeyColumns(this.#client, table);
    if (unfit.length === 0) return undefined;
    return `of ${unfit.join(", ")} of the key of ${table.shown} different texts may be equal, so that later events of the row cannot be told for certain`;
  }

  /** @param i which of the change's keys */
  async #add(change: number, i: number, queue: string): Promise<void> {
    const { log } = this.#rows;
    const plan = log.plan[change]!;
    const parked = { table: this.#names[plan]!, columns: keyColumns(log.plans[plan]!), key: keysOf(log, change)[i]!, queue };
    await insertParked(this.#client, this.#parking.source.connector, parked);
    this.#parking.draft.add(parked);
  }

  #letter(change: number): { table: string; key: string; change: number; commitLsn: bigint } {
    const { log, tables, commitLsn } = this.#rows;
    const plan = log.plan[change]!;
    return { table: this.#names[plan]!, key: keyText(log, tables[plan]!, change), change, commitLsn };
  }
}
