/**
 * What a run of the demo has shown, and how it says so. A demo that says "equal" of what it has not looked at is worse than none.
 *
 * Pure. Source: docs/demo.md.
 */
import { ExitCode } from "../../services/cli/terminal.ts";
import { grouped } from "./live-table.ts";
import type { TableProof } from "./proof.ts";
import { quantile } from "./quantile.ts";

export interface Evidence {
  readonly proofs: readonly TableProof[];
  /** Row changes that load and probes have committed, and the events that they must have become. */
  readonly changes: number;
  readonly expectedEvents: number;
  /** Events of row changes in the topics. */
  readonly events: number;
  /** Committed at the monolith, with at least one row change. */
  readonly transactions: number;
  /** From the first statement of the load until all of it was applied. */
  readonly seconds: number;
  /** Milliseconds from commit to commit, of each probe. */
  readonly latencies: readonly number[];
}

/** The object that scripts get: names are public. */
export interface VerdictObject {
  readonly verdict: "equal" | "different";
  readonly tables: number;
  /** Compared. */
  readonly rows: number;
  readonly events: number;
  readonly transactions: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function verdictOf({ proofs, events, expectedEvents, transactions, seconds, latencies }: Evidence): VerdictObject {
  const equal = proofs.every(({ different }) => different === 0) && events === expectedEvents;
  return {
    verdict: equal ? "equal" : "different",
    tables: proofs.length,
    rows: sum(proofs.map(({ rows }) => rows)),
    events,
    transactions,
    seconds: Math.round(seconds * 100) / 100,
    p50Ms: Math.round(quantile(latencies, 0.5) * 10) / 10,
    p99Ms: Math.round(quantile(latencies, 0.99) * 10) / 10,
  };
}

export function exitCodeOf({ verdict }: Pick<VerdictObject, "verdict">): ExitCode {
  return verdict === "equal" ? ExitCode.done : ExitCode.no;
}

export function verdictText(evidence: Evidence): string {
  const { proofs, changes, expectedEvents, events, latencies } = evidence;
  const { verdict, tables, rows, transactions, seconds, p50Ms, p99Ms } = verdictOf(evidence);
  const different = sum(proofs.map((proof) => proof.different));
  const shown =
    verdict === "equal"
      ? `Equal: ${tables} tables, ${grouped(rows)} rows, every column of every row.`
      : different > 0
        ? `DIFFERENT: ${grouped(different)} of ${grouped(rows)} rows in ${proofs.filter((proof) => proof.different > 0).length} of ${tables} tables.`
        : `DIFFERENT: every row is equal, but the topics hold ${grouped(events)} events instead of ${grouped(expectedEvents)}.`;
  return [
    `${"table".padEnd(32)} ${"service".padEnd(16)} ${"monolith".padStart(10)} ${"service's".padStart(10)}`,
    ...proofs.flatMap(proofLines),
    "",
    shown,
    `${grouped(changes)} row changes in ${grouped(transactions)} transactions became ${grouped(events)} events, in ${seconds} s (${grouped(Math.round(events / seconds))}/s).`,
    `From commit to commit: p50 ${p50Ms} ms, p99 ${p99Ms} ms, of ${latencies.length} probes.`,
  ].join("\n");
}

function proofLines({ table, service, sourceRows, targetRows, different, differences }: TableProof): string[] {
  const verdict = different === 0 ? "equal" : `${different} DIFFERENT`;
  const line = `${table.padEnd(32)} ${service.padEnd(16)} ${grouped(sourceRows).padStart(10)} ${grouped(targetRows).padStart(10)}  ${verdict}`;
  const keys = differences.map(({ kind, key }) => `  ${kind} at ${service}: ${table} ${key}`);
  return different > differences.length ? [line, ...keys, `  and ${different - differences.length} more`] : [line, ...keys];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
