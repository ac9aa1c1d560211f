/**
 * A service's database as the applier writes it: rows and applied position in one transaction, so that nothing is applied twice and nothing is left
 * out whatever breaks in between. When the answer to a commit is lost, the position that is read next says what became of it.
 */
import type { Client } from "pg";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import type { EventPlan } from "../../schemas/event-plan.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { applyInOrder, type Conflict } from "./apply-in-order.ts";
import { mergedStatements, NotMergeable, sendAll, type Sent } from "./apply-merged.ts";
import type { Batch, TransactionEnd } from "./batch.ts";
import { ParameterArena } from "./parameter-arena.ts";
import { type AppliedPosition, movePosition } from "./position.ts";
import { eventRefused, targetError, verdictOf } from "./target-error.ts";
import { readTargetTable, type TargetTable } from "./target-table.ts";
import type { TargetSession } from "./target-session.ts";

export interface TargetOptions {
  readonly service: ServiceConfiguration;
  readonly connector: string;
  /** Of the topic that the batches come from. */
  readonly topicId: string;
  /** Tables of the source, as schema.table, of which rows may be missing because they were never copied. */
  readonly uncopied: ReadonlySet<string>;
  /** Told of each conflict once it is committed how it was resolved. */
  readonly conflict: (conflict: Conflict) => void;
}

export class Target {
  /** What is committed; undefined before the first transaction. */
  position: AppliedPosition | undefined;

  readonly #client: Client;
  readonly #replica: boolean;
  readonly #options: TargetOptions;
  readonly #tables = new Map<EventPlan, TargetTable>();
  /** Of the transaction under way: they have not happened before it is committed. */
  #conflicts: Conflict[] = [];
  /** Of the batch in the target, and of the one that is made ready meanwhile. */
  #arena = new ParameterArena();
  #nextArena = new ParameterArena();
  /** The batch that is made ready, and its statements; undefined where it has to be applied in source order. */
  #ready: { readonly batch: Batch; readonly sent: readonly Sent[] | undefined } | undefined;

  constructor(session: TargetSession, position: AppliedPosition | undefined, options: TargetOptions) {
    this.#client = session.client;
    this.#replica = session.replica;
    this.position = position;
    this.#options = options;
  }

  /** Makes the next batch's statements while the one before is in the target. Nothing is sent, and nothing has to be: a new table is read first. */
  makeReady(batch: Batch): void {
    const tables = this.#knownTablesOf(batch);
    if (tables !== undefined) this.#ready = { batch, sent: this.#merged(batch, tables) };
  }

  /** Applies whole transactions. @throws OfftakeError */
  async apply(batch: Batch): Promise<void> {
    try {
      const tables = await this.#tablesOf(batch);
      const sent = this.#ready?.batch === batch ? this.#ready.sent : this.#merged(batch, tables);
      this.#ready = undefined;
      [this.#arena, this.#nextArena] = [this.#nextArena, this.#arena];
      if (sent !== undefined && (await this.#sendMerged(batch, sent))) return;
      // One by one, and each in a transaction of its own: what comes before one that cannot be applied is in.
      let from = 0;
      for (const end of batch.transactions) {
        const range = [from, end.changes] as const;
        await this.#named(
          end,
          this.#inTransaction(end, async () => this.#inOrder(batch, tables, end.commitLsn, ...range)),
        );
        from = end.changes;
      }
    } catch (error) {
      throw targetError(error, this.#options.service);
    }
  }

  /**
   * Applies one transaction that comes in pieces, in one transaction of the target.
   *
   * @param end of the whole
   * @param next gives the pieces behind the first, and undefined when the applier has to stop
   */
  async applyPieces(first: Batch, end: TransactionEnd, next: () => Promise<Batch | undefined>): Promise<void> {
    try {
      const work = async (moved: Promise<boolean>): Promise<void> => {
        // A giant is not read and written for nothing.
        if (!(await moved)) return;
        for (let piece: Batch | undefined = first; ; piece = await next()) {
          if (piece === undefined) throw new Stopped();
          await this.#applyPiece(piece, end);
          if (piece.transactions.length > 0) return;
        }
      };
      await this.#named(end, this.#inTransaction(end, work));
    } catch (error) {
      if (!(error instanceof Stopped)) throw targetError(error, this.#options.service);
    }
  }

  async #applyPiece(piece: Batch, end: TransactionEnd): Promise<void> {
    const tables = await this.#tablesOf(piece);
    const client = this.#client;
    await client.query("SAVEPOINT piece");
    try {
      this.#arena.reset();
      await sendAll(client, mergedStatements(piece.log, { tables, replica: this.#replica, arena: this.#arena }, piece.log.length));
    } catch (error) {
      if (!isWorthOrder(error)) throw error;
      await client.query("ROLLBACK TO SAVEPOINT piece");
      await this.#inOrder(piece, tables, end.commitLsn, 0, piece.log.length);
    }
    await client.query("RELEASE SAVEPOINT piece");
  }

  /** @returns undefined when the batch has to be applied in source order */
  #merged(batch: Batch, tables: readonly TargetTable[]): Sent[] | undefined {
    this.#nextArena.reset();
    try {
      return mergedStatements(batch.log, { tables, replica: this.#replica, arena: this.#nextArena }, batch.transactions.at(-1)!.changes);
    } catch (error) {
      if (error instanceof NotMergeable) return undefined;
      throw error;
    }
  }

  /** @returns false when the batch has to be applied in source order */
  async #sendMerged(batch: Batch, sent: readonly Sent[]): Promise<boolean> {
    try {
      await this.#inTransaction(batch.transactions.at(-1)!, async () => sendAll(this.#client, sent));
      return true;
    } catch (error) {
      if (isWorthOrder(error)) return false;
      throw error;
    }
  }

  async #inOrder(batch: Batch, tables: readonly TargetTable[], commitLsn: bigint, from: number, to: number): Promise<void> {
    const { uncopied } = this.#options;
    const isUncopied = (schema: string, table: string): boolean => uncopied.has(`${schema}.${table}`);
    // What the source checked at its commit, the target must not check before. Where foreign keys are asleep there is nothing to defer.
    if (!this.#replica) await this.#client.query("SET CONSTRAINTS ALL DEFERRED");
    const conflict = (found: Conflict): void => void this.#conflicts.push(found);
    const { log } = batch;
    await applyInOrder(this.#client, {
      log,
      tables,
      from,
      to,
      replica: this.#replica,
      commitLsn,
      uncopied: isUncopied,
      conflict,
      arena: this.#arena,
    });
  }

  /** BEGIN, the position and the work leave together; the commit waits for what they come to. */
  async #inTransaction(end: TransactionEnd, work: (moved: Promise<boolean>) => Promise<void>): Promise<void> {
    const client = this.#client;
    const { service, topicId, connector } = this.#options;
    const { offset, commitLsn, sequence, xid, systemIdentifier, timeline } = end;
    const position = { topic: service.topic, topicId, offset, commitLsn, sequence, xid, systemIdentifier, timeline };
    this.#conflicts = [];
    const begun = client.query("BEGIN");
    const moving = movePosition(client, connector, this.position, position);
    const [, moved, done] = await Promise.allSettled([begun, moving, work(moving)]);
    try {
      if (moved.status === "rejected") throw moved.reason;
      if (!moved.value) throw positionMoved(service.name);
      if (done.status === "rejected") throw done.reason;
      await client.query("COMMIT");
      this.position = position;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
    for (const conflict of this.#conflicts) this.#options.conflict(conflict);
  }

  /** Deferred constraints speak only at the commit, and cannot say which event they mean: the transaction is named instead. */
  async #named({ commitLsn, offset }: TransactionEnd, done: Promise<void>): Promise<void> {
    try {
      await done;
    } catch (error) {
      if (!isWorthOrder(error)) throw error;
      throw eventRefused(`the commit of the transaction ${formatLsn(commitLsn)}, which ends before offset ${offset}`, error);
    }
  }

  #knownTablesOf(batch: Batch): TargetTable[] | undefined {
    const tables = batch.log.plans.map((plan) => this.#tables.get(plan));
    return tables.every((table) => table !== undefined) ? tables : undefined;
  }

  async #tablesOf(batch: Batch): Promise<TargetTable[]> {
    const known = this.#knownTablesOf(batch);
    if (known !== undefined) return known;
    const tables: TargetTable[] = [];
    for (const plan of batch.log.plans) {
      const table = this.#tables.get(plan) ?? (await readTargetTable(this.#client, plan, this.#options.service.target.schema));
      this.#tables.set(plan, table);
      tables.push(table);
    }
    return tables;
  }
}

/** The applier has to stop in the middle of a large transaction: nothing of it is applied. */
class Stopped extends Error {}

/** Merging was not possible, or what was merged met a row that it should not have met: applied one by one, it shows which. */
function isWorthOrder(error: unknown): boolean {
  return error instanceof NotMergeable || verdictOf(error) === "event";
}

function positionMoved(service: string): OfftakeError {
  return new OfftakeError("APPLIED_POSITION_MOVED", `The applied position of ${service} is not what this applier wrote last.`, {
    cure: "The target was restored, or failed over, or another applier writes: the position is read again.",
  });
}
