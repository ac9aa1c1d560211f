/**
 * Which keys of a target are parked, as an applier knows it: what is committed, and what the transaction under way makes of it. Only the applier parks keys; others take
 * them away (`offtake dlq`), so it may know of one too many, and finds out when it queues something behind it (dead-letter.ts). So nothing has to be asked where
 * nothing is parked, and no row is ever asked for.
 *
 * Source: docs/dead-letters.md.
 */
import type { Client } from "pg";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { fullName } from "../runtime/table-pattern.ts";
import { Change, type ChangeLog } from "./change-log.ts";
import { countParked, type Letter, type LetterSource, type ParkedCount, queueStatement, readParked } from "./dead-letter.ts";
import { keyText } from "./named-event.ts";
import { NotMergeable } from "./not-mergeable.ts";
import { keysOf, ParkedKeys } from "./parked-keys.ts";
import type { GroupStatement } from "./statement-group.ts";
import type { TargetTable } from "./target-table.ts";

/** An event that the target has refused, and that is in offtake.dead_letter now. No values: it goes to the log. */
export interface ParkedEvent {
  readonly table: string;
  readonly op: string;
  readonly offset: number;
  readonly position: string;
  readonly sqlState: string;
  readonly deadLetter: string;
}

export interface ParkingOptions {
  readonly service: ServiceConfiguration;
  readonly connector: string;
  /** Of the topic that the events come from. */
  readonly topicId: string;
  /** Told of each event once that is committed. */
  readonly parked: (event: ParkedEvent) => void;
  /** Told what waits, of each table that something waits of, whenever it has been counted. */
  readonly counted: (counts: readonly ParkedCount[]) => void;
}

/** Milliseconds after which what is parked is read again: only what is told of it depends on it. */
const readAgainMs = 10_000;

/** Changes that go into queues, and the statement that puts them there. */
export interface Queued {
  readonly changes: ReadonlySet<number>;
  readonly statement: GroupStatement;
}

export class Parking {
  readonly service: ServiceConfiguration;
  readonly source: LetterSource;
  readonly #client: Client;
  readonly #options: ParkingOptions;
  #committed = new ParkedKeys();
  /** Of the transaction under way, where it parks or frees keys. */
  #draft: ParkedKeys | undefined;
  #events: ParkedEvent[] = [];
  #readAt: number | undefined;

  constructor(client: Client, options: ParkingOptions) {
    const { service, connector, topicId } = options;
    this.#client = client;
    this.#options = options;
    this.service = service;
    this.source = { connector, topic: service.topic, topicId };
  }

  /** As the transaction under way has left them so far. */
  get keys(): ParkedKeys {
    return this.#draft ?? this.#committed;
  }

  /** Those of the transaction under way, to be changed. */
  get draft(): ParkedKeys {
    this.#draft ??= this.#committed.copy();
    return this.#draft;
  }

  /** Whether it is to be read before the next transaction is made. */
  get stale(): boolean {
    return this.#readAt === undefined || (this.#committed.size > 0 && performance.now() - this.#readAt > readAgainMs);
  }

  /** Reads what is parked, where that is due. No transaction may be under way. */
  async refresh(): Promise<void> {
    if (!this.stale) return;
    const { connector } = this.source;
    this.#committed = new ParkedKeys(await readParked(this.#client, connector));
    this.#options.counted(this.#committed.size === 0 ? [] : await countParked(this.#client, connector));
    this.#readAt = performance.now();
  }

  /** Somebody else has changed it. */
  forget(): void {
    this.#readAt = undefined;
  }

  /** An event is put aside in the transaction under way. */
  note(event: ParkedEvent): void {
    this.#events.push(event);
  }

  /** The transaction under way is committed. */
  committed(): void {
    if (this.#draft === undefined) return;
    this.#committed = this.#draft;
    this.#draft = undefined;
    this.forget();
    for (const event of this.#events.splice(0)) this.#options.parked(event);
  }

  /** Nothing of the transaction under way has happened. */
  rolledBack(): void {
    this.#draft = undefined;
    this.#events = [];
  }

  /**
   * What of a log goes into queues: changes whose key is parked.
   *
   * @param to how many changes are looked at, with those before `from`
   * @param commitLsnOf told of changes in their order
   * @returns undefined for nothing
   * @throws NotMergeable where a change parks or frees a key
   */
  queued(log: ChangeLog, tables: readonly TargetTable[], to: number, commitLsnOf: (change: number) => bigint, from = 0): Queued | undefined {
    const { keys } = this;
    if (keys.size === 0) return undefined;
    const names = log.plans.map((plan) => fullName(plan));
    const concerned = log.plans.map((plan, i) => {
      if (!keys.has(names[i]!)) return false;
      if (!keys.fits(plan)) throw new NotMergeable("a table with parked keys has another key now");
      return true;
    });
    if (!concerned.includes(true)) return undefined;
    const letters: Letter[] = [];
    for (let change = from; change < to; change += 1) {
      const plan = log.plan[change]!;
      if (!concerned[plan]!) continue;
      if (log.op[change] === Change.truncate) throw new NotMergeable("a truncate of a table with parked keys");
      const table = names[plan]!;
      const [queue, ...others] = keys.queuesOf(table, keysOf(log, change));
      if (others.some((other) => other !== queue)) throw new NotMergeable("a change of key from or to one that is parked");
      if (queue !== undefined) letters.push({ table, key: keyText(log, tables[plan]!, change), queue, change, commitLsn: commitLsnOf(change) });
    }
    if (letters.length === 0) return undefined;
    return { changes: new Set(letters.map(({ change }) => change)), statement: queueStatement(this.source, log, letters) };
  }
}
