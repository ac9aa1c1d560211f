/**
 * A service's database as the applier writes it: rows and applied position in one transaction, so that nothing is applied twice and nothing is left
 * out whatever breaks in between. When the answer to a commit is lost, the position that is read next says what became of it.
 */
import type { Client } from "pg";
import { isUnreachable, sessionError, sqlState } from "../../connectors/postgres/session.ts";
import type { EventPlan } from "../../schemas/event-plan.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { messageOf, OfftakeError } from "../runtime/errors.ts";
import { applyInOrder, type Conflict } from "./apply-in-order.ts";
import { mergedStatements, NotMergeable, sendAll } from "./apply-merged.ts";
import type { Batch, TransactionEnd } from "./batch.ts";
import { type AppliedPosition, movePosition } from "./position.ts";
import { readTargetTable, type TargetTable } from "./target-table.ts";
import type { TargetSession } from "./target-session.ts";

/** What of a position does not change from one transaction to the next. */
export type PositionBase = Pick<AppliedPosition, "topic" | "topicId" | "systemIdentifier" | "timeline">;

export interface TargetOptions {
  readonly service: ServiceConfiguration;
  readonly connector: string;
  /** Tables of the source, as schema.table, of which rows may be missing because they were never copied. */
  readonly uncopied: ReadonlySet<string>;
  readonly conflict: (conflict: Conflict) => void;
}

export class Target {
  /** What is committed; undefined before the first transaction. */
  position: AppliedPosition | undefined;

  readonly #client: Client;
  readonly #replica: boolean;
  readonly #options: TargetOptions;
  readonly #tables = new Map<EventPlan, TargetTable>();

  constructor(session: TargetSession, position: AppliedPosition | undefined, options: TargetOptions) {
    this.#client = session.client;
    this.#replica = session.replica;
    this.position = position;
    this.#options = options;
  }

  /** Applies whole transactions. @throws OfftakeError */
  async apply(batch: Batch, base: PositionBase): Promise<void> {
    try {
      const tables = await this.#tablesOf(batch);
      if (await this.#applyMerged(batch, tables, base)) return;
      // One by one, and each in a transaction of its own: what comes before one that cannot be applied is in.
      let from = 0;
      for (const end of batch.transactions) {
        const range = [from, end.changes] as const;
        await this.#inTransaction({ ...base, ...end }, async () => this.#inOrder(batch, tables, end.commitLsn, ...range));
        from = end.changes;
      }
    } catch (error) {
      throw this.#judged(error);
    }
  }

  /**
   * Applies one transaction that comes in pieces, in one transaction of the target.
   *
   * @param end of the whole
   * @param next gives the pieces behind the first, and undefined when the applier has to stop
   */
  async applyPieces(first: Batch, end: TransactionEnd, base: PositionBase, next: () => Promise<Batch | undefined>): Promise<void> {
    try {
      await this.#inTransaction({ ...base, ...end }, async () => {
        for (let piece: Batch | undefined = first; ; piece = await next()) {
          if (piece === undefined) throw new Stopped();
          await this.#applyPiece(piece, end);
          if (piece.transactions.length > 0) return;
        }
      });
    } catch (error) {
      if (!(error instanceof Stopped)) throw this.#judged(error);
    }
  }

  async #applyPiece(piece: Batch, end: TransactionEnd): Promise<void> {
    const tables = await this.#tablesOf(piece);
    const client = this.#client;
    await client.query("SAVEPOINT piece");
    try {
      await sendAll(client, mergedStatements(piece.log, tables, this.#replica, 0, piece.log.length));
    } catch (error) {
      if (!isWorthOrder(error)) throw error;
      await client.query("ROLLBACK TO SAVEPOINT piece");
      await this.#inOrder(piece, tables, end.commitLsn, 0, piece.log.length);
    }
    await client.query("RELEASE SAVEPOINT piece");
  }

  /** @returns false when the batch has to be applied in source order */
  async #applyMerged(batch: Batch, tables: readonly TargetTable[], base: PositionBase): Promise<boolean> {
    const end = batch.transactions.at(-1)!;
    try {
      const sent = mergedStatements(batch.log, tables, this.#replica, 0, end.changes);
      await this.#inTransaction({ ...base, ...end }, async () => sendAll(this.#client, sent));
      return true;
    } catch (error) {
      if (isWorthOrder(error)) return false;
      throw error;
    }
  }

  async #inOrder(batch: Batch, tables: readonly TargetTable[], commitLsn: bigint, from: number, to: number): Promise<void> {
    const { uncopied, conflict } = this.#options;
    const isUncopied = (schema: string, table: string): boolean => uncopied.has(`${schema}.${table}`);
    await applyInOrder(this.#client, { log: batch.log, tables, from, to, commitLsn, uncopied: isUncopied, conflict });
  }

  /** BEGIN, the position and the work leave together; the commit waits for what they come to. */
  async #inTransaction(next: AppliedPosition, work: () => Promise<void>): Promise<void> {
    const client = this.#client;
    const { topic, topicId, offset, commitLsn, sequence, xid, systemIdentifier, timeline } = next;
    const position = { topic, topicId, offset, commitLsn, sequence, xid, systemIdentifier, timeline };
    const [, moved, done] = await Promise.allSettled([
      client.query("BEGIN"),
      movePosition(client, this.#options.connector, this.position, position),
      work(),
    ]);
    try {
      if (moved.status === "rejected") throw moved.reason;
      if (!moved.value) throw positionMoved(this.#options.service.name);
      if (done.status === "rejected") throw done.reason;
      await client.query("COMMIT");
      this.position = position;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
  }

  async #tablesOf(batch: Batch): Promise<TargetTable[]> {
    const tables: TargetTable[] = [];
    for (const plan of batch.log.plans) {
      let table = this.#tables.get(plan);
      if (table === undefined) {
        table = await readTargetTable(this.#client, plan, this.#options.service.target.schema);
        this.#tables.set(plan, table);
      }
      tables.push(table);
    }
    return tables;
  }

  #judged(error: unknown): OfftakeError {
    if (error instanceof OfftakeError) return error;
    const { service } = this.#options;
    const state = sqlState(error);
    const why = `${messageOf(error)}${state === undefined ? "" : ` [${state}]`}`;
    const where = `The target of ${service.name}`;
    if (state === "42P01" || state === "42703") {
      return new OfftakeError(state === "42P01" ? "TARGET_TABLE_MISSING" : "TARGET_COLUMN_MISSING", `${where} has changed: ${why}.`, {
        cause: error,
      });
    }
    if (state !== undefined && (state.startsWith("53") || state.startsWith("40") || state === "55P03" || state === "57014"))
      return new OfftakeError("TARGET_BUSY", `${where} could not take a batch: ${why}.`, {
        cause: error,
        cure: "Nothing of it was applied; it is tried again.",
      });
    if (isUnreachable(error) || state === "42501") return sessionError(error, "target", service.target.url);
    return new OfftakeError("EVENT_NOT_APPLICABLE", `${where} refuses a batch: ${why}.`, { cause: error });
  }
}

/** The applier has to stop in the middle of a large transaction: nothing of it is applied. */
class Stopped extends Error {}

/** Merging was not possible, or what was merged met a row that it should not have met: applied one by one, it shows which. */
function isWorthOrder(error: unknown): boolean {
  const state = sqlState(error);
  return error instanceof NotMergeable || state?.startsWith("22") === true || state?.startsWith("23") === true || state === "0A000";
}

function positionMoved(service: string): OfftakeError {
  return new OfftakeError("APPLIED_POSITION_MOVED", `The applied position of ${service} is not what this applier wrote last.`, {
    cure: "The target was restored, or failed over, or another applier writes: the position is read again.",
  });
}
