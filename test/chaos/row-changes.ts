/**
 * The load of `npm run chaos:copies`, and the ledger of what the monolith has acknowledged of it: updates, inserts, deletes, changes of key, and transactions over
 * all tables. Each connection has rows of its own, so that the order of the acknowledgements is the order of the changes to a row.
 *
 * A quarter of the changes goes to where the copies are: elsewhere a change and the chunk that has its row hardly ever meet.
 */
import { SeededRandom } from "../../infra/demo/seeded-random.ts";
import type { LoadTransaction } from "../bench/open-loop.ts";
import { type CopiedTable, copiedTables, moveSql, rowSql, wideEvery } from "./copied-tables.ts";

/** Numbers of rows that were not there at the beginning start here, some of them negative: before and behind all others. */
const firstFresh = 1_000_000_000;

const updateSql = "n = $2::int, amt = $2::int * 1.50, doc = doc || '{\"seen\": true}'";

/** One change of a row of a table. */
interface Change {
  readonly kind: "update" | "insert" | "delete" | "move";
  readonly from: number;
  /** Its number behind it; undefined for a deleted one. */
  readonly to: number | undefined;
}

/** A table as one connection knows it. */
interface OwnRows {
  readonly table: CopiedTable;
  readonly rows: number;
  readonly gone: Set<number>;
  readonly fresh: number[];
  /** What is acknowledged: number of the row to the transaction that wrote it last; 0 for none that may be there. */
  readonly ledger: Map<number, number>;
}

export interface ChangesOptions {
  readonly seed: number;
  readonly connections: number;
  /** By table. */
  readonly rows: ReadonlyMap<string, number>;
  /** How far the copy of a table is, from 0 to 1. */
  readonly front: (table: string) => number;
}

export class RowChanges {
  /** By table: number of a row to the transaction that wrote it last; 0 where it must not be there. */
  readonly ledgers: ReadonlyMap<string, Map<number, number>>;
  acknowledged = 0;
  readonly #connections: number;
  readonly #random: SeededRandom;
  readonly #own: readonly (readonly OwnRows[])[];
  readonly #front: (table: string) => number;
  #transaction = 0;
  #freshest = firstFresh;

  constructor({ seed, connections, rows, front }: ChangesOptions) {
    this.#random = new SeededRandom(seed, "row changes");
    this.#connections = connections;
    this.#front = front;
    this.ledgers = new Map(copiedTables.map(({ name }) => [name, new Map<number, number>()]));
    this.#own = Array.from({ length: connections }, () =>
      copiedTables.map((table) => ({
        table,
        rows: rows.get(table.name)!,
        gone: new Set<number>(),
        fresh: [],
        ledger: this.ledgers.get(table.name)!,
      })),
    );
  }

  /** The next transaction of a connection. */
  next(connection: number): LoadTransaction {
    const random = this.#random;
    const own = this.#own[connection]!;
    this.#transaction += 1;
    if (random.chance(0.05)) return this.#everywhere(connection, own);
    const of = own[random.chance(0.6) ? 0 : random.between(1, own.length - 1)]!;
    const dice = random.fraction();
    const kind = dice < 0.6 ? "update" : dice < 0.75 ? "insert" : dice < 0.87 ? "delete" : "move";
    const change = this.#change(of, connection, kind);
    return this.#statement(`${of.table.name} ${kind}`, changeSql(of.table, kind), [[of, change]]);
  }

  #everywhere(connection: number, [orders, parties, lines]: readonly OwnRows[]): LoadTransaction {
    const changes: [[OwnRows, Change], ...[OwnRows, Change][]] = [
      [orders!, this.#change(orders!, connection, "update")],
      [parties!, this.#change(parties!, connection, "insert")],
      [lines!, this.#change(lines!, connection, "update")],
    ];
    const text = `
      WITH first AS (${changeSql(orders!.table, "update")}), second AS (${changeSql(parties!.table, "insert", "$3")})
      ${changeSql(lines!.table, "update", "$4")}`;
    return this.#statement("all tables", text, changes);
  }

  #statement(name: string, text: string, changes: readonly [[OwnRows, Change], ...[OwnRows, Change][]]): LoadTransaction {
    const transaction = this.#transaction;
    const [[, { kind, from, to }], ...rest] = changes;
    const others = rest.map(([, change]) => change.from);
    const values = kind === "delete" ? [from] : to === undefined || to === from ? [from, -transaction, ...others] : [from, -transaction, to];
    return {
      statement: { name, text, values },
      acknowledged: (rows) => {
        if (rows !== 1) throw new Error(`${name}: the row ${from} is not at the source`);
        this.acknowledged += 1;
        for (const [{ ledger }, change] of changes) {
          if (change.to !== change.from) ledger.set(change.from, 0);
          if (change.to !== undefined) ledger.set(change.to, transaction);
        }
      },
    };
  }

  #change(of: OwnRows, connection: number, kind: Change["kind"]): Change {
    if (kind === "insert") {
      const to = this.#newNumber();
      of.fresh.push(to);
      return { kind, from: to, to };
    }
    const from = this.#present(of, connection);
    if (kind === "update") return { kind, from, to: from };
    const index = of.fresh.indexOf(from);
    if (index >= 0) of.fresh.splice(index, 1);
    else of.gone.add(from);
    if (kind === "delete") return { kind, from, to: undefined };
    const to = this.#newNumber();
    of.fresh.push(to);
    return { kind, from, to };
  }

  #newNumber(): number {
    this.#freshest += 1;
    return this.#random.chance(0.5) ? this.#freshest : -this.#freshest;
  }

  /** The number of a row that is there, and is this connection's. */
  #present({ table, rows, gone, fresh }: OwnRows, connection: number): number {
    const random = this.#random;
    if (fresh.length > 100 && random.chance(0.1)) return random.pick(fresh);
    for (;;) {
      const dice = random.fraction();
      const step = dice < 0.05 ? wideEvery : 1;
      const first =
        dice < 0.3 && step === 1 ? Math.floor((this.#front(table.name) + random.fraction() * 0.04 - 0.01) * rows) : random.between(1, rows);
      // The next one that is this connection's.
      let k = Math.ceil(first / step) * step;
      for (let i = 0; i < this.#connections && k % this.#connections !== connection; i += 1) k += step;
      if (k % this.#connections === connection && k >= 1 && k <= rows && !gone.has(k)) return k;
    }
  }
}

/** SQL of one change: the row's number is $1 (or `k`), its transaction $2, its new number $3. */
function changeSql(table: CopiedTable, kind: Change["kind"], k = "$1"): string {
  const from = `${k}::bigint`;
  if (kind === "update") return `UPDATE ${table.name} SET ${updateSql} WHERE ${table.where(from)}`;
  if (kind === "insert") return `INSERT INTO ${table.name} SELECT ${rowSql("k", "$2::int")} FROM (SELECT ${from} AS k) AS new`;
  if (kind === "delete") return `DELETE FROM ${table.name} WHERE ${table.where(from)}`;
  return `UPDATE ${table.name} SET n = $2::int, ${moveSql("$3::bigint")} WHERE ${table.where(from)}`;
}
