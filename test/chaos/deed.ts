/**
 * What one transaction of the bank did, in words that its rows can be computed from: the ledger keeps deeds, and what the tables must hold is the sum of them.
 * "Both sides are equal" proves nothing when both have lost the same write.
 *
 * Pure.
 */
import { createHash } from "node:crypto";
import { accounts, opening, type Table } from "./bank.ts";

/** A note that is there afterwards, or one that is not. */
export type NoteChange =
  { readonly note: number; readonly origin: number; readonly long: boolean; readonly touched: number } | { readonly noNote: number };

/** A run of postings that is there afterwards, or one that is not. */
export type RunChange = { readonly run: number; readonly size: number; readonly mark: number } | { readonly noRun: number };

export interface Deed {
  /** Of its transfer. */
  readonly id: number;
  readonly from: number;
  readonly to: number;
  readonly amount: number;
  readonly changes: readonly (NoteChange | RunChange)[];
}

/** The text of a note: a long one is 8 kB that do not compress, and lies outside of its row. */
export function bodyOf(origin: number, long: boolean): string {
  if (!long) return `note ${origin}`;
  return Array.from({ length: 256 }, (_, i) => md5(`${origin}:${i}`)).join("");
}

export function md5(text: string): string {
  return createHash("md5").update(text).digest("hex");
}

/** Rows that are the sum of all deeds, each as what factSql makes of it. */
export type Facts = Readonly<Record<Table, ReadonlySet<string>>>;

/** SQL of a row as a fact: all that the deeds decide. */
export const factSql: Readonly<Record<Table, string>> = {
  account: "format('%s %s %s', id, balance, moves)",
  transfer: "format('%s %s %s %s', id, source, target, amount)",
  note: "format('%s %s %s', id, touched, md5(body))",
  posting: "format('%s %s %s %s', run, n, size, mark)",
};

/** @param deeds those that were committed; of one clerk in the order in which they were */
export function factsOf(deeds: Iterable<Deed>): Facts {
  const balance = new Float64Array(accounts + 1).fill(opening);
  const moves = new Int32Array(accounts + 1);
  const transfer = new Set<string>();
  const notes = new Map<number, string>();
  const runs = new Map<number, { readonly size: number; readonly mark: number }>();
  for (const { id, from, to, amount, changes } of deeds) {
    balance[from]! -= amount;
    balance[to]! += amount;
    moves[from]! += 1;
    moves[to]! += 1;
    transfer.add(`${id} ${from} ${to} ${amount}`);
    for (const change of changes) {
      if ("note" in change) notes.set(change.note, `${change.note} ${change.touched} ${md5(bodyOf(change.origin, change.long))}`);
      else if ("noNote" in change) notes.delete(change.noNote);
      else if ("run" in change) runs.set(change.run, change);
      else runs.delete(change.noRun);
    }
  }
  const account = new Set(Array.from({ length: accounts }, (_, i) => `${i + 1} ${balance[i + 1]} ${moves[i + 1]}`));
  const posting = new Set<string>();
  for (const [run, { size, mark }] of runs) for (let n = 1; n <= size; n += 1) posting.add(`${run} ${n} ${size} ${mark}`);
  return { account, transfer, note: new Set(notes.values()), posting };
}
