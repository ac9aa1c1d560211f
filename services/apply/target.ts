/**
 * A service's database as the applier writes it: rows and applied position in one transaction, so that nothing is applied twice and nothing is left
 * out whatever breaks in between. When the answer to a commit is lost, the position that is read next says what became of it.
 */
import type { Client } from "pg";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import type { CopiedMessage } from "../../schemas/offtake-message.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { applyInOrder, type Conflict } from "./apply-in-order.ts";
import { judgeCounts, type LeftOut, mergedStatements, sendAll, type Sent } from "./apply-merged.ts";
import type { Batch } from "./batch.ts";
import { ByteArena } from "./byte-arena.ts";
import { copiedStatement, readNeedsCopy } from "./needs-copy.ts";
import { NotMergeable } from "./not-mergeable.ts";
import { type AppliedPosition, positionStatement } from "./position.ts";
import { type GroupStatement, runGroup } from "./statement-group.ts";
import { eventRefused, targetError, verdictOf } from "./target-error.ts";
import { marksStatement } from "./target-marks.ts";
import type { TargetSession } from "./target-session.ts";
import type { TargetTable } from "./target-table.ts";
import { type TableWatch, TargetTables } from "./target-tables.ts";
import type { TransactionEnd } from "./transaction-ends.ts";
import { UncopiedTables } from "./uncopied-tables.ts";

export interface TargetOptions {
  readonly service: ServiceConfiguration;
  readonly connector: string;
  /** Of the topic that the batches come from. */
  readonly topicId: string;
  /** Tables of the source, as schema.table, of which rows may be missing because they were never copied. */
  readonly uncopied: ReadonlySet<string>;
  readonly shapes: TableWatch;
  /** Told of each conflict once it is committed how it was resolved. */
  readonly conflict: (conflict: Conflict) => void;
}

export class Target {
  /** What is committed; undefined before the first transaction. */
  position: AppliedPosition | undefined;

  readonly #client: Client;
  readonly #replica: boolean;
  readonly #options: TargetOptions;
  readonly #tables: TargetTables;
  readonly #uncopied: UncopiedTables;
  /** Of the transaction under way: they have not happened before it is committed. */
  #conflicts: Conflict[] = [];
  /** Of the batch in the target, and of the one that is made ready meanwhile. */
  #arena = new ByteArena();
  #nextArena = new ByteArena();
  /** The batch that is made ready, and its statements; undefined where it has to be applied in source order. */
  #ready: Ready | undefined;

  constructor(session: TargetSession, position: AppliedPosition | undefined, options: TargetOptions) {
    this.#client = session.client;
    this.#replica = session.replica;
    this.#tables = new TargetTables(session, options.service, options.shapes);
    this.#uncopied = new UncopiedTables(options.uncopied);
    this.position = position;
    this.#options = options;
  }

  /** Makes the next batch's statements while the one before is in the target. Nothing is sent, and nothing has to be: a new table is read first. */
  makeReady(batch: Batch): void {
    const tables = this.#tables.known(batch.log.plans);
    const { version } = this.#uncopied;
    if (tables !== undefined) this.#ready = { batch, tables, version, sent: this.#merged(batch, tables, this.#nextArena) };
  }

  /** Applies whole transactions. @throws OfftakeError */
  async apply(batch: Batch): Promise<void> {
    const ready = this.#ready?.batch === batch ? this.#ready : undefined;
    this.#ready = undefined;
    // From here on the other one may be filled for the next batch.
    [this.#arena, this.#nextArena] = [this.#nextArena, this.#arena];
    try {
      if (await this.#applyMerged(batch, ready)) return;
      if ((await this.#learnMarks()) && (await this.#applyMerged(batch, undefined))) return;
      // One by one, and each in a transaction of its own: what comes before one that cannot be applied is in.
      let from = 0;
      for (let i = 0; i < batch.transactions.length; i += 1) {
        const end = batch.transactions.at(i);
        await this.#applyOne(batch, from, end, i === batch.transactions.length - 1 ? batch.copied : []);
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
      const used = new Set<TargetTable>();
      const work = async (): Promise<void> => {
        for (let piece: Batch | undefined = first; ; piece = await next()) {
          if (piece === undefined) throw new Stopped();
          for (const table of await this.#applyPiece(piece, end)) used.add(table);
          if (piece.transactions.length > 0) return;
        }
      };
      await this.#named(end, this.#inTransaction(end, used, [], [], work));
    } catch (error) {
      if (!(error instanceof Stopped)) throw targetError(error instanceof TablesChanged ? tablesChanged() : error, this.#options.service);
    }
  }

  /** A table may have been marked since this began: its rows may be missing, and are no conflict. @returns whether one was */
  async #learnMarks(): Promise<boolean> {
    return this.#uncopied.learn(await readNeedsCopy(this.#client, this.#options.connector));
  }

  /** @returns its tables */
  async #applyPiece(piece: Batch, end: TransactionEnd): Promise<readonly TargetTable[]> {
    const tables = await this.#tables.read(piece.log.plans);
    const client = this.#client;
    await client.query("SAVEPOINT piece");
    try {
      this.#arena.reset();
      const merging = { tables, ...this.#uncopied.of(tables), arena: this.#arena };
      this.#leftOut(end, await sendAll(client, mergedStatements(piece.log, merging, piece.log.length)));
    } catch (error) {
      if (!isWorthOrder(error)) throw error;
      await client.query("ROLLBACK TO SAVEPOINT piece");
      await this.#inOrder(piece, tables, end.commitLsn, 0, piece.log.length);
    }
    await client.query("RELEASE SAVEPOINT piece");
    return tables;
  }

  /** @returns false when the batch has to be applied in source order */
  async #applyMerged(batch: Batch, ready: Ready | undefined): Promise<boolean> {
    try {
      return await this.#asTheTablesAre(async () => {
        const tables = await this.#tables.read(batch.log.plans);
        const isReady = ready?.version === this.#uncopied.version && ready.tables.every((table, i) => table === tables[i]);
        const sent = isReady ? ready.sent : this.#merged(batch, tables, this.#arena);
        if (sent === undefined) return false;
        const hopeful = sent.flatMap((each) => each.hopeful ?? []);
        try {
          await this.#inTransaction(batch.transactions.last, tables, sent, batch.copied);
        } catch (error) {
          if (hopeful.length === 0 || !isWorthOrder(error)) throw error;
          // Perhaps some of the rows were there already, which is no fault: they are written over then.
          for (const table of hopeful) this.#uncopied.met(table);
          await this.#inTransaction(batch.transactions.last, tables, this.#merged(batch, tables, this.#arena)!, batch.copied);
        }
        return true;
      });
    } catch (error) {
      if (!isWorthOrder(error) && !isOfTable(error)) throw error;
      // Perhaps they are not what they were; and a table that is not there stops the transaction that needs it, and none before it.
      this.#tables.forget();
      return false;
    }
  }

  /** One transaction, in source order. */
  async #applyOne(batch: Batch, from: number, end: TransactionEnd, copied: readonly CopiedMessage[]): Promise<void> {
    const { log } = batch;
    const work = async (): Promise<void> => {
      const needed = [...new Set(log.plan.subarray(from, end.changes))];
      const read = await this.#tables.read(needed.map((plan) => log.plans[plan]!));
      const tables: TargetTable[] = [];
      for (const [i, plan] of needed.entries()) tables[plan] = read[i]!;
      await this.#inTransaction(end, read, [], copied, async () => this.#inOrder(batch, tables, end.commitLsn, from, end.changes));
    };
    await this.#named(end, this.#asTheTablesAre(work));
  }

  /** Does it again where a table has been altered since it was read. Nothing of the first time is committed. */
  async #asTheTablesAre<T>(work: () => Promise<T>): Promise<T> {
    for (let left = 2; ; left -= 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof TablesChanged)) throw error;
        this.#tables.forget();
        if (left === 0) throw tablesChanged();
      }
    }
  }

  async #inOrder(batch: Batch, tables: readonly TargetTable[], commitLsn: bigint, from: number, to: number): Promise<void> {
    const awake = tables.some((table) => table.awake);
    // What the source checked at its commit, the target must not check before. Where foreign keys are asleep there is nothing to defer.
    if (awake || !this.#replica) await this.#client.query("SET CONSTRAINTS ALL DEFERRED");
    const conflict = (found: Conflict): void => void this.#conflicts.push(found);
    const { log } = batch;
    await applyInOrder(this.#client, {
      log,
      tables,
      from,
      to,
      awake,
      commitLsn,
      uncopied: this.#uncopied.of(tables).uncopied,
      conflict,
      arena: this.#arena,
    });
  }

  /**
   * BEGIN, the position and the statements leave together. The commit waits for what they come to, and for what became of the tables: at the end, when no
   * table that was written can be altered any more.
   *
   * @param tables that are written; complete when `work` has ended
   * @param copied copies that end with it
   * @param work what else belongs to the transaction
   * @throws TablesChanged, NotMergeable, OfftakeError; the server's own error
   */
  async #inTransaction(
    end: TransactionEnd,
    tables: Iterable<TargetTable>,
    sent: readonly Sent[],
    copied: readonly CopiedMessage[],
    work?: () => Promise<void>,
  ): Promise<void> {
    const client = this.#client;
    const { service, topicId, connector } = this.#options;
    const { offset, commitLsn, sequence, xid, systemIdentifier, timeline } = end;
    const position = { topic: service.topic, topicId, offset, commitLsn, sequence, xid, systemIdentifier, timeline };
    this.#conflicts = [];
    const opening = [
      begin,
      positionStatement(connector, this.position, position),
      ...(copied.length === 0 ? [] : [copiedStatement(connector, copied)]),
    ];
    try {
      const marks = work === undefined ? marksStatement(tables) : undefined;
      const { counts, error } = await runGroup(client, [...opening, ...sent, ...(marks === undefined ? [] : [marks.statement])]);
      if (counts.length > 1 && counts[1] !== 1) throw positionMoved(service.name);
      this.#leftOut(end, judgeCounts(sent, counts.slice(opening.length, opening.length + sent.length)));
      if (error !== undefined) throw error;
      if (marks !== undefined && counts.at(-1) !== marks.count) throw new TablesChanged();
      if (work !== undefined) {
        await work();
        await this.#checkMarks(tables);
      }
      const { command } = await client.query("COMMIT");
      if (command !== "COMMIT") throw new OfftakeError("INTERNAL", "A transaction that was to be committed had failed before.");
      this.position = position;
      this.#uncopied.copied(copied);
    } catch (error) {
      await client.query("ROLLBACK").catch((rollback: unknown) => {
        // What is left open must not take in what comes next; where nothing comes next, the first error says more.
        if (isWorthOrder(error) || error instanceof TablesChanged) throw rollback;
      });
      throw error;
    }
    for (const conflict of this.#conflicts) this.#options.conflict(conflict);
  }

  /** @param left updates of rows that were never copied, and that lack columns: they come with the copy */
  #leftOut({ offset }: TransactionEnd, left: readonly LeftOut[]): void {
    for (const { table, rows } of left) this.#conflicts.push({ kind: "partial-missing", table, key: "(several)", offset: offset - 1, rows });
  }

  /** @returns undefined when the batch has to be applied in source order */
  #merged(batch: Batch, tables: readonly TargetTable[], arena: ByteArena): Sent[] | undefined {
    arena.reset();
    try {
      return mergedStatements(batch.log, { tables, ...this.#uncopied.of(tables), arena }, batch.transactions.changes);
    } catch (error) {
      if (error instanceof NotMergeable) return undefined;
      throw error;
    }
  }

  async #checkMarks(tables: Iterable<TargetTable>): Promise<void> {
    const { statement, count } = marksStatement(tables);
    const { counts, error } = await runGroup(this.#client, [statement]);
    if (error !== undefined) throw error;
    if (counts[0] !== count) throw new TablesChanged();
  }

  /** Deferred constraints speak only at the commit, and cannot say which event they mean: the transaction is named instead. */
  async #named({ commitLsn, offset }: TransactionEnd, done: Promise<void>): Promise<void> {
    try {
      await done;
    } catch (error) {
      if (verdictOf(error) !== "event") throw error;
      throw eventRefused(`the commit of the transaction ${formatLsn(commitLsn)}, which ends before offset ${offset}`, error);
    }
  }
}

interface Ready {
  readonly batch: Batch;
  /** For which the statements were made. */
  readonly tables: readonly TargetTable[];
  /** Of what was known of copies by then. */
  readonly version: number;
  readonly sent: readonly Sent[] | undefined;
}

const begin: GroupStatement = { name: "offtake begin", sql: "BEGIN", values: [], text: true };

/** The applier has to stop in the middle of a large transaction: nothing of it is applied. */
class Stopped extends Error {}

/** Tables are not what they were when they were read. */
class TablesChanged extends Error {}

/** Merging was not possible, or what was merged met a row or a table that it should not have met: applied one by one, it shows which. */
function isWorthOrder(error: unknown): boolean {
  return error instanceof NotMergeable || ["event", "changed"].includes(verdictOf(error));
}

function isOfTable(error: unknown): boolean {
  return (
    error instanceof OfftakeError &&
    ["TARGET_TABLE_MISSING", "TARGET_TABLE_UNSUITABLE", "TARGET_COLUMN_MISSING", "TARGET_COLUMN_OUTDATED"].includes(error.code)
  );
}

function tablesChanged(): OfftakeError {
  return new OfftakeError("TARGET_BUSY", "Tables of the target were altered while a batch was applied.", {
    cure: "Nothing of it was applied; it is tried again.",
  });
}

function positionMoved(service: string): OfftakeError {
  return new OfftakeError("APPLIED_POSITION_MOVED", `The applied position of ${service} is not what this applier wrote last.`, {
    cure: "The target was restored, or failed over, or another applier writes: the position is read again.",
  });
}
