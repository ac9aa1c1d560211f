/**
 * Rows of which the target refuses some, and the ledger of what the monolith has acknowledged of them: of each row whether the target must have it, and in which state,
 * or which of its events must wait, in which order.
 *
 * An event has a number of its own, so that one that is lost, or there twice, or in another's place, shows.
 */
import type { Client } from "pg";
import { readQueues } from "../../services/apply/queues.ts";
import { showDeadLetters } from "../../services/cli/dlq.ts";
import type { Configuration } from "../../services/runtime/configuration.ts";

export const schemaSql = `
  CREATE TABLE event (id bigint PRIMARY KEY, origin bigint NOT NULL, n integer NOT NULL, note text NOT NULL);
  CREATE TABLE beside (id integer PRIMARY KEY, transactions integer NOT NULL)`;

/** What the monolith does not have. */
export const refuseSql = "ALTER TABLE event ADD CONSTRAINT fits CHECK (note <> 'refused')";
export const mendSql = "ALTER TABLE event DROP CONSTRAINT fits";

/** What must be at the target, or is: each list in an order of its own. */
interface ParkedState {
  /** Id, origin, number of the last event, and note. */
  readonly rows: readonly string[];
  /** Of each queue its row's origin, and the numbers of its events. */
  readonly queues: readonly string[];
  /** Ids that are parked. */
  readonly keys: readonly number[];
}

/** A row since it began. */
interface Row {
  readonly origin: number;
  /** It has had, the newest last. */
  readonly ids: number[];
  /** Numbers of its events. */
  readonly events: number[];
  readonly note: "fits" | "refused";
  /** Whether its events wait at the target. */
  waits: boolean;
}

/** Between a row's id and the one that it gets by a change of key. */
const step = 1_000_000;

export class ParkedRows {
  /** Transactions that were acknowledged. */
  transactions = 0;
  /** Events that had to wait, of all queues that there have been. */
  waited = 0;
  readonly #source: Client;
  readonly #rows: Row[] = [];
  #event = 0;

  constructor(source: Client) {
    this.#source = source;
  }

  /**
   * One transaction: rows that fit come and change, and events come for rows that are put aside.
   *
   * @param refuses whether one more row is refused, and one that is put aside gets another key: the target's rows are written one by one then, and else merged
   */
  async transact(refuses: boolean): Promise<void> {
    const put = this.#rows.filter(({ waits }) => waits);
    const sound = this.#rows.filter(({ note }) => note === "fits");
    await this.#source.query("BEGIN");
    if (refuses) await this.#insert("refused");
    await this.#insert("fits");
    if (sound.length > 0) await this.#update(sound.at(-1)!);
    for (const row of put.slice(-2)) await this.#update(row);
    if (refuses && put.length > 0) await this.#move(put.at(-1)!);
    await this.#end();
  }

  /** One transaction that changes every row. */
  async changeAll(): Promise<void> {
    await this.#source.query("BEGIN");
    for (const row of this.#rows) await this.#update(row);
    await this.#end();
  }

  /** Of each row that is put aside the id that it had first, in the order of their queues. */
  get waiting(): readonly number[] {
    return this.#rows.filter(({ waits }) => waits).map(({ origin }) => origin);
  }

  /** The queues of the first so many rows are replayed. */
  replayed(queues: number): void {
    for (const row of this.#rows.filter(({ waits }) => waits).slice(0, queues)) row.waits = false;
  }

  expected(): ParkedState {
    const there = this.#rows.filter(({ waits }) => !waits);
    const put = this.#rows.filter(({ waits }) => waits);
    return {
      rows: there.map(({ origin, ids, events, note }) => `${ids.at(-1)} ${origin} ${events.at(-1)} ${note}`).toSorted(),
      queues: put.map(({ origin, events }) => `${origin}: ${events.join()}`).toSorted(),
      keys: put.flatMap(({ ids }) => ids).toSorted((a, b) => a - b),
    };
  }

  async #insert(note: Row["note"]): Promise<void> {
    const origin = this.#rows.length + 1;
    const row: Row = { origin, ids: [origin], events: [], note, waits: note === "refused" };
    await this.#source.query("INSERT INTO event VALUES ($1, $1, $2, $3)", [origin, this.#next(row), note]);
    this.#rows.push(row);
  }

  async #update(row: Row): Promise<void> {
    await this.#source.query("UPDATE event SET n = $2 WHERE id = $1", [row.ids.at(-1), this.#next(row)]);
  }

  async #move(row: Row): Promise<void> {
    const id = row.ids.at(-1)!;
    await this.#source.query("UPDATE event SET n = $2, id = $3 WHERE id = $1", [id, this.#next(row), id + step]);
    row.ids.push(id + step);
  }

  async #end(): Promise<void> {
    await this.#source.query("UPDATE beside SET transactions = transactions + 1");
    await this.#source.query("COMMIT");
    this.transactions += 1;
  }

  #next(row: Row): number {
    this.#event += 1;
    row.events.push(this.#event);
    if (row.waits) this.waited += 1;
    return this.#event;
  }
}

/** How many transactions the target has. */
export async function transactionsAt(target: Client): Promise<number> {
  return (await target.query<{ n: number }>("SELECT max(transactions) AS n FROM beside")).rows[0]!.n;
}

const newestSql = (table: string): string => `coalesce(pg_sequence_last_value(pg_get_serial_sequence('offtake.${table}', 'id')::regclass), 0)::int4`;

/** Numbers that were drawn for letters and for keys, also by transactions that are not committed: how far one of them has come. */
export async function drawnAt(target: Client): Promise<{ readonly letters: number; readonly keys: number }> {
  const sql = `SELECT ${newestSql("dead_letter")} AS letters, ${newestSql("parked")} AS keys`;
  return (await target.query<{ letters: number; keys: number }>(sql)).rows[0]!;
}

/** The target as it is. */
export async function stateAt(target: Client, configuration: Configuration, connector: string): Promise<ParkedState> {
  const { rows } = await target.query<{ row: string }>("SELECT format('%s %s %s %s', id, origin, n, note) AS row FROM event");
  const keys = await target.query<{ key: number }>("SELECT key[1]::int4 AS key FROM offtake.parked ORDER BY 1");
  const queues: string[] = [];
  for (const { first } of await readQueues(target, connector)) {
    const { deadLetters } = (await showDeadLetters(configuration, "trading", first.id)).object;
    const origins = new Set(deadLetters.map(({ row }) => row["origin"]));
    queues.push(`${[...origins].join()}: ${deadLetters.map(({ row }) => row["n"]).join()}`);
  }
  return { rows: rows.map(({ row }) => row).toSorted(), queues: queues.toSorted(), keys: keys.rows.map(({ key }) => key) };
}
