/**
 * A service's database as the applier writes it: rows and applied position in one transaction, so that nothing is applied twice and nothing is left
 * out whatever breaks in between. When the answer to a commit is lost, the position that is read next says what became of it.
 */
import type { Client } from "pg";
import { socketOf } from "../../connectors/postgres/session.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { failpoint } from "../runtime/failpoint.ts";
import { applyInOrder, type Conflict, type InOrder } from "./apply-in-order.ts";
import { type LeftOut, leftOut, mergedStatements, sendAll } from "./apply-merged.ts";
import { type Batch, type MarkChanges, noMarks, type Part, partOf } from "./batch.ts";
import { byHalves } from "./by-halves.ts";
import { ByteArena } from "./byte-arena.ts";
import { copiedStatement, gapStatement, readNeedsCopy } from "./needs-copy.ts";
import { NotMergeable } from "./not-mergeable.ts";
import type { Parking } from "./parking.ts";
import { type AppliedPosition, positionBehind, positionStatement } from "./position.ts";
import { RowParking } from "./row-parking.ts";
import { begin, commit, type GroupStatement, runGroup } from "./statement-group.ts";
import type { Flight, Merged, SentBatch } from "./flight.ts";
import { targetError } from "./target-error.ts";
import { marksStatement, TablesChanged } from "./target-marks.ts";
import { isOfTable, isWorthOrder, isWorthRenewing, naming, positionMoved, tablesChanged } from "./target-refusals.ts";
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
  /** Which keys are parked, as it was read last. */
  readonly parking: Parking;
  /** Told of each conflict once it is committed how it was resolved. */
  readonly conflict: (conflict: Conflict) => void;
}

/** A range of a batch that is applied in source order. */
interface Ordered extends Pick<InOrder, "arena" | "tables" | "from" | "to"> {
  readonly batch: Batch;
  readonly end: TransactionEnd;
  readonly renewed: boolean;
}

export class Target {
  /** What is committed; undefined before the first transaction. */
  position: AppliedPosition | undefined;

  readonly #client: Client;
  readonly #replica: boolean;
  readonly #options: TargetOptions;
  readonly #tables: TargetTables;
  readonly #uncopied: UncopiedTables;
  readonly #parking: Parking;
  /** Of the transaction under way: they have not happened before it is committed. */
  #conflicts: Conflict[] = [];
  /** Batches that have not ended, oldest first; two at most. */
  readonly #flights: Flight[] = [];
  /** For the statements of one and of the other. */
  readonly #arenas = [new ByteArena(), new ByteArena()] as const;
  #turn: 0 | 1 = 0;
  /** Why a batch was not applied. */
  #failure: OfftakeError | undefined;

  constructor(session: TargetSession, position: AppliedPosition | undefined, options: TargetOptions) {
    this.#client = session.client;
    this.#replica = session.replica;
    this.#tables = new TargetTables(session, options.service, options.shapes);
    this.#uncopied = new UncopiedTables(options.uncopied);
    this.#parking = options.parking;
    this.position = position;
    this.#options = options;
  }

  /**
   * Applies whole transactions. The next batch may be given while one is under way: then it leaves behind it at once, so that the server never waits for us,
   * and is refused by the server where the one before has failed. Behind a failure nothing is applied any more: whoever gives the batches may not have heard of it
   * yet, and the next one would go in without the one before.
   *
   * @throws OfftakeError, also that of a batch before
   */
  async apply(batch: Batch): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const before = this.#flights.at(-1);
    this.#turn = this.#turn === 0 ? 1 : 0;
    const flight: Flight = { batch, arena: this.#arenas[this.#turn], sent: undefined, ended: Promise.resolve() };
    // Behind one that is still to be sent it would come first; and what the end of a copy, or a gap, changes is known once it is committed.
    const mayFollow = this.#flights.every(({ sent, batch: { copied, gaps } }) => sent !== undefined && copied.length === 0 && gaps.length === 0);
    const tables = mayFollow && !this.#parking.stale ? this.#tables.known(batch.log.plans) : undefined;
    this.#flights.push(flight);
    try {
      if (tables !== undefined) this.#send(flight, tables, before?.sent?.next ?? this.position);
      flight.ended = this.#end(flight, before);
      await flight.ended;
    } catch (error) {
      this.#failure ??= targetError(error, this.#options.service);
      throw this.#failure;
    } finally {
      this.#flights.splice(this.#flights.indexOf(flight), 1);
    }
  }

  /**
   * Applies one transaction that comes in pieces, in one transaction of the target, when no batch is under way.
   *
   * @param end of the whole
   * @param next gives the pieces behind the first, and undefined when the applier has to stop
   */
  async applyPieces(first: Batch, end: TransactionEnd, next: () => Promise<Batch | undefined>): Promise<void> {
    try {
      await this.#parking.refresh();
      const used = new Set<TargetTable>();
      const work = async (): Promise<void> => {
        for (let piece: Batch | undefined = first; ; piece = await next()) {
          if (piece === undefined) throw new Stopped();
          for (const table of await this.#applyPiece(piece, end)) used.add(table);
          if (piece.transactions.length > 0) return;
        }
      };
      await naming(end, this.#inTransaction({ end, marks: noMarks }, used, work));
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
    const [arena] = this.#arenas;
    await client.query("SAVEPOINT piece");
    try {
      arena.reset();
      const queued = this.#parking.queued(piece.log, tables, piece.log.length, () => end.commitLsn);
      const merging = { tables, ...this.#uncopied.of(tables), arena, queued: queued?.changes };
      const statements = mergedStatements(piece.log, merging, piece.log.length);
      if (queued !== undefined) await this.#run([queued.statement]);
      this.#leftOut(end, await sendAll(client, statements));
    } catch (error) {
      if (!isWorthOrder(error)) throw error;
      await client.query("ROLLBACK TO SAVEPOINT piece");
      await this.#inOrder({ batch: piece, arena, tables, end, from: 0, to: piece.log.length, renewed: false });
    }
    await client.query("RELEASE SAVEPOINT piece");
    return tables;
  }

  /**
   * Sends a batch as one transaction, merged: BEGIN, the position, the statements and COMMIT leave together, and each asks for itself what has to be true before
   * the COMMIT may be reached.
   *
   * @returns what was sent; undefined when the batch has to be applied in source order
   */
  #send(flight: Flight, tables: readonly TargetTable[], expected: AppliedPosition | undefined): SentBatch | undefined {
    const { batch, arena } = flight;
    const merged = this.#merged(batch, tables, arena, partOf(batch, 0, batch.transactions.length - 1));
    if (merged === undefined) return undefined;
    const { sent, queued } = merged;
    const next = positionBehind(batch.transactions.last, this.#options);
    const opening = [...this.#opening(expected, next, batch), ...(queued === undefined ? [] : [queued.statement])];
    failpoint?.("before-target-commit-sent@merged", () => this.#cut());
    const answer = runGroup(this.#client, [...opening, ...sent, marksStatement(tables), commit]);
    failpoint?.("after-target-commit-sent@merged", () => this.#cut());
    flight.sent = { next, answer, sent, from: opening.length };
    return flight.sent;
  }

  /** Waits for what was sent, and does again in another way what the server has refused. */
  async #end(flight: Flight, before: Flight | undefined): Promise<void> {
    await before?.ended;
    if (await this.#endMerged(flight)) return;
    if ((await this.#learnMarks()) && (await this.#endMerged(flight))) return;
    // What comes before a transaction that cannot be applied is in.
    const { transactions } = flight.batch;
    await byHalves(
      transactions.length,
      async (first, last) => this.#applyPart(flight, partOf(flight.batch, first, last)),
      async (at) => this.#applyOne(flight, partOf(flight.batch, at, at)),
    );
  }

  /** Some transactions of a batch, merged, in one of the target. @returns false where they have to be taken apart */
  async #applyPart({ batch, arena }: Flight, part: Part): Promise<boolean> {
    const work = async (): Promise<boolean> => {
      await this.#parking.refresh();
      const { read, tables } = await this.#tablesOf(batch, part);
      const merged = this.#merged(batch, tables, arena, part);
      if (merged === undefined) return false;
      await this.#inTransaction(part, read, async () => {
        if (merged.queued !== undefined) await this.#run([merged.queued.statement]);
        this.#leftOut(part.end, await sendAll(this.#client, merged.sent));
      });
      return true;
    };
    try {
      return await this.#asTheTablesAre(work);
    } catch (error) {
      if (!isWorthOrder(error) && !isOfTable(error)) throw error;
      return false;
    }
  }

  /** @returns false when the batch has to be applied in source order */
  async #endMerged(flight: Flight): Promise<boolean> {
    try {
      return await this.#asTheTablesAre(async () => this.#commitMerged(flight));
    } catch (error) {
      if (!isWorthOrder(error) && !isOfTable(error)) throw error;
      // Perhaps they are not what they were; and a table that is not there stops the transaction that needs it, and none before it.
      this.#tables.forget();
      return false;
    }
  }

  /** @returns as #endMerged(). @throws TablesChanged; what the server refused it for */
  async #commitMerged(flight: Flight): Promise<boolean> {
    const { batch } = flight;
    if (flight.sent === undefined) await this.#parking.refresh();
    const sent = flight.sent ?? this.#send(flight, await this.#tables.read(batch.log.plans), this.position);
    if (sent === undefined) return false;
    const { counts, error } = await sent.answer;
    if (error === undefined) {
      failpoint?.("before-target-commit-acknowledged@merged", () => this.#cut());
      this.#committed(batch, sent, counts);
      failpoint?.("after-target-commit-acknowledged@merged", () => this.#cut());
      return true;
    }
    await this.#rollback(error);
    const hopeful = sent.sent.flatMap((each) => each.hopeful ?? []);
    if (hopeful.length === 0 || !isWorthOrder(error)) throw error;
    // Perhaps some of the rows were there already, which is no fault: they are written over then, and no longer hoped to be new.
    for (const table of hopeful) this.#uncopied.met(table);
    return this.#commitMerged(flight);
  }

  #committed(batch: Batch, { next, sent, from }: SentBatch, counts: readonly number[]): void {
    this.position = next;
    this.#uncopied.changed(batch);
    this.#conflicts = [];
    this.#leftOut(batch.transactions.last, leftOut(sent, counts.slice(from)));
    for (const conflict of this.#conflicts) this.#options.conflict(conflict);
  }

  /** One transaction, in source order. */
  async #applyOne({ batch, arena }: Flight, part: Part): Promise<void> {
    const { from, end } = part;
    let renewed = false;
    const work = async (): Promise<void> => {
      await this.#parking.refresh();
      const { read, tables } = await this.#tablesOf(batch, part);
      await this.#inTransaction(part, read, async () => this.#inOrder({ batch, arena, tables, end, from, to: end.changes, renewed }));
    };
    const again = async (error: unknown): Promise<void> => {
      if (!isWorthRenewing(error, batch.log, from, end.changes)) throw error;
      renewed = true;
      await this.#asTheTablesAre(work);
    };
    await naming(end, this.#asTheTablesAre(work).catch(again));
  }

  /** Those that some transactions need; `tables` by the plans of the log. */
  async #tablesOf({ log }: Batch, { from, end }: Part): Promise<{ read: readonly TargetTable[]; tables: readonly TargetTable[] }> {
    const needed = [...new Set(log.plan.subarray(from, end.changes))];
    const read = await this.#tables.read(needed.map((plan) => log.plans[plan]!));
    const tables: TargetTable[] = [];
    for (const [i, plan] of needed.entries()) tables[plan] = read[i]!;
    return { read, tables };
  }

  /** Does it again where a table has been altered since it was read. Nothing of the first time is committed. */
  async #asTheTablesAre<T>(work: () => Promise<T>): Promise<T> {
    for (let left = 2; ; left -= 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof TablesChanged)) throw error;
        this.#tables.forget();
        this.#parking.forget();
        if (left === 0) throw tablesChanged();
      }
    }
  }

  async #inOrder({ batch: { log }, arena, tables, end: { commitLsn }, from, to, renewed }: Ordered): Promise<void> {
    const awake = tables.some((table) => table.awake);
    // What the source checked at its commit, the target must not check before. Where foreign keys are asleep there is nothing to defer.
    if (awake || !this.#replica) await this.#client.query("SET CONSTRAINTS ALL DEFERRED");
    const conflict = (found: Conflict): void => void this.#conflicts.push(found);
    await applyInOrder(this.#client, {
      log,
      tables,
      from,
      to,
      awake,
      commitLsn,
      uncopied: this.#uncopied.of(tables).uncopied,
      conflict,
      arena,
      renewed,
      parking: new RowParking(this.#client, this.#parking, { log, tables, commitLsn, conflicts: this.#conflicts }),
    });
  }

  /**
   * A transaction of work that waits for answers. The tables are asked for at its end, when none that was written can be altered any more.
   *
   * @param tables that are written; complete when `work` has ended
   * @throws TablesChanged, NotMergeable, OfftakeError; the server's own error
   */
  async #inTransaction({ end, marks }: Omit<Part, "from">, tables: Iterable<TargetTable>, work: () => Promise<void>): Promise<void> {
    const client = this.#client;
    const next = positionBehind(end, this.#options);
    this.#conflicts = [];
    try {
      await this.#run(this.#opening(this.position, next, marks));
      await work();
      await this.#run([marksStatement(tables)]);
      failpoint?.("before-target-commit-sent@alone", () => this.#cut());
      const committing = client.query("COMMIT");
      failpoint?.("after-target-commit-sent@alone", () => this.#cut());
      const { command } = await committing;
      failpoint?.("before-target-commit-acknowledged@alone", () => this.#cut());
      if (command !== "COMMIT") throw new OfftakeError("INTERNAL", "A transaction that was to be committed had failed before.");
    } catch (error) {
      await this.#rollback(error);
      throw error;
    }
    this.position = next;
    this.#uncopied.changed(marks);
    this.#parking.committed();
    for (const conflict of this.#conflicts) this.#options.conflict(conflict);
    failpoint?.("after-target-commit-acknowledged@alone", () => this.#cut());
  }

  #cut(): void {
    socketOf(this.#client).destroy();
  }

  async #run(group: readonly GroupStatement[]): Promise<void> {
    const { error } = await runGroup(this.#client, group);
    if (error !== undefined) throw error;
  }

  /** What has left behind a transaction that fails, fails with it, and has to be sent again. */
  async #rollback(failure: unknown): Promise<void> {
    for (const flight of this.#flights) flight.sent = undefined;
    this.#parking.rolledBack();
    await this.#client.query("ROLLBACK").catch((error: unknown) => {
      // What is left open must not take in what comes next; where nothing comes next, the first error says more.
      throw isWorthOrder(failure) || failure instanceof TablesChanged ? error : failure;
    });
  }

  #opening(expected: AppliedPosition | undefined, next: AppliedPosition, { copied, gaps }: MarkChanges): GroupStatement[] {
    const { service, connector } = this.#options;
    const position = positionStatement(connector, expected, next, () => positionMoved(service.name));
    return [
      begin,
      position,
      ...(copied.length === 0 ? [] : [copiedStatement(connector, copied)]),
      ...gaps.map((gap) => gapStatement(connector, gap)),
    ];
  }

  /** @param left updates of rows that were never copied, and that lack columns: they come with the copy */
  #leftOut({ offset }: TransactionEnd, left: readonly LeftOut[]): void {
    for (const { table, rows } of left) this.#conflicts.push({ kind: "partial-missing", table, key: "(several)", offset: offset - 1, rows });
  }

  /** @returns undefined when the batch has to be applied in source order */
  #merged({ log, transactions }: Batch, tables: readonly TargetTable[], arena: ByteArena, { from, end }: Part): Merged | undefined {
    arena.reset();
    try {
      const queued = this.#parking.queued(log, tables, end.changes, transactions.commitLsns(), from);
      const merging = { tables, ...this.#uncopied.of(tables), arena, queued: queued?.changes };
      return { sent: mergedStatements(log, merging, end.changes, from), queued };
    } catch (error) {
      if (error instanceof NotMergeable) return undefined;
      throw error;
    }
  }
}

/** The applier has to stop in the middle of a large transaction: nothing of it is applied. */
class Stopped extends Error {}
