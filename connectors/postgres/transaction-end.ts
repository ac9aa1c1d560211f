/**
 * Waits until others at the source see a transaction that has come in the stream. The stream is ahead of the catalogs: a transaction comes as soon as its commit is
 * on disk, and other sessions see what it did, a new key too, only a moment later. What is read of the catalogs before is that of another table.
 *
 * That moment has no end while a commit waits for a synchronous standby that is away, and the whole stream of the service stands still with it, heartbeats too. So it
 * is said who waits for what: it was hours before anybody looked there.
 *
 * Source: PostgreSQL documentation, "pg_locks", "pg_stat_activity"; src/backend/access/transam/xact.c, CommitTransaction, for what happens in which order.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { ClientBase } from "pg";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Relation } from "./pgoutput.ts";

// Its lock on its own id goes after others see it.
const endingSql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'transactionid' AND transactionid = $1::xid) AS ending";

// The event is null where the role may not see it: of another role's session, without pg_read_all_stats.
const waiterSql = `
  SELECT l.pid, a.usename AS role, a.wait_event AS event
    FROM pg_catalog.pg_locks l
    JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
   WHERE l.locktype = 'transactionid' AND l.transactionid = $1::xid AND l.mode = 'ExclusiveLock' AND l.granted`;

interface Waiter {
  readonly pid: number;
  readonly role: string | null;
  readonly event: string | null;
}

/** Milliseconds between two looks whether it has ended. */
const lookEveryMs = 10;

/** Milliseconds after which it is said, and said again. */
const sayEveryMs = 2000;

export class TransactionEnd {
  /** Why the stream stands still, once it has for a while; another object whenever it has been looked at again. */
  waitsFor: OfftakeError | undefined;
  readonly #source: ClientBase;

  constructor(source: ClientBase) {
    this.#source = source;
  }

  /** @param relation that it brings rows of */
  async of(xid: number, relation: Relation): Promise<void> {
    let said: OfftakeError | undefined;
    try {
      for (let saidAt = performance.now(); await this.#isEnding(xid); await pause(lookEveryMs)) {
        if (performance.now() - saidAt < sayEveryMs) continue;
        saidAt = performance.now();
        said = notSeen(xid, relation, await this.#waiter(xid));
        this.waitsFor = said;
      }
    } finally {
      // A copy may ask for its table meanwhile.
      if (this.waitsFor === said) this.waitsFor = undefined;
    }
  }

  async #isEnding(xid: number): Promise<boolean> {
    return (await this.#source.query<{ ending: boolean }>(endingSql, [String(xid)])).rows[0]!.ending;
  }

  async #waiter(xid: number): Promise<Waiter | undefined> {
    return (await this.#source.query<Waiter>(waiterSql, [String(xid)])).rows[0];
  }
}

function notSeen(xid: number, { schema, name }: Relation, waiter: Waiter | undefined): OfftakeError {
  const event = waiter?.event ?? undefined;
  const what =
    event === "SyncRep"
      ? "for a synchronous standby that does not answer"
      : event === undefined
        ? "for what this role may not see: most likely a synchronous standby that is away"
        : `with the wait event ${event}`;
  const who = waiter === undefined ? "Its session waits" : `The backend ${waiter.pid} of the role ${waiter.role ?? "that is gone"} waits`;
  return new OfftakeError(
    "SOURCE_COMMIT_WAITS",
    `The stream waits before a row of ${schema}.${name}: its transaction ${xid} is committed, and others at the source do not see it yet. ${who} ${what}.`,
    { cure: "Bring the standby back, or take it out of synchronous_standby_names at the source: the stream goes on by itself." },
  );
}
