/**
 * Compares every table of the monolith with its service's, row by row, and says what was compared.
 *
 * It reads what any client reads, and uses nothing of the product's: a comparison that shared the product's idea of a value would share its faults.
 * What it says is no more than what it did: every column of every row of the named tables, at one moment on either side.
 */
import type { Client } from "pg";
import { canonicalSettings, endSession, openSession } from "../../connectors/postgres/session.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import type { TableName } from "../../services/runtime/table-pattern.ts";
import { compareKeys, readShape, rowStream, type TableShape, type TextRow } from "./row-stream.ts";

interface Difference {
  /** At the target: missing, extra, or with another value. */
  readonly kind: "missing" | "extra" | "differing";
  readonly key: string;
}

export interface TableProof {
  readonly service: string;
  /** schema.table */
  readonly table: string;
  readonly sourceRows: number;
  readonly targetRows: number;
  /** Rows that were compared: those of either side, counted once. */
  readonly rows: number;
  readonly different: number;
  /** The first of them. */
  readonly differences: readonly Difference[];
}

export interface Owned {
  readonly service: string;
  readonly target: Secret;
  readonly tables: readonly TableName[];
}

/**
 * Nobody may write meanwhile: the two sides are read one shortly after the other.
 *
 * @throws OfftakeError DEMO_STOPPED when it was stopped: half a comparison is none
 */
export async function prove(source: Secret, services: readonly Owned[], signal: AbortSignal): Promise<TableProof[]> {
  const proofs: TableProof[] = [];
  for (const { service, target, tables } of services)
    await withSnapshots(source, target, async (left, right) => {
      for (const table of tables) proofs.push({ service, ...(await proveTable(left, right, await readShape(left, table), signal)) });
    });
  return proofs;
}

const shown = 5;

async function proveTable(source: Client, target: Client, shape: TableShape, signal: AbortSignal): Promise<Omit<TableProof, "service">> {
  const differences: Difference[] = [];
  let [rows, sourceRows, targetRows, different] = [0, 0, 0, 0];
  for await (const [left, right] of sideBySide(rowStream(source, shape), rowStream(target, shape))) {
    if (signal.aborted) throw new OfftakeError("DEMO_STOPPED", "The comparison was stopped.");
    rows += 1;
    if (left !== undefined) sourceRows += 1;
    if (right !== undefined) targetRows += 1;
    if (left !== undefined && right !== undefined && left.row === right.row) continue;
    different += 1;
    if (differences.length >= shown) continue;
    const kind = left === undefined ? "extra" : right === undefined ? "missing" : "differing";
    differences.push({ kind, key: keyText(shape, left ?? right) });
  }
  return { table: `${shape.schema}.${shape.table}`, sourceRows, targetRows, rows, different, differences };
}

/** Rows of the same key, or the one of them that is there. */
async function* sideBySide(
  left: AsyncGenerator<TextRow, void>,
  right: AsyncGenerator<TextRow, void>,
): AsyncGenerator<readonly [TextRow | undefined, TextRow | undefined], void> {
  let [a, b] = [await left.next(), await right.next()];
  for (;;) {
    if (a.done === true && b.done === true) return;
    const order = a.done === true ? 1 : b.done === true ? -1 : compareKeys(a.value.key, b.value.key);
    yield [order <= 0 ? (a.value ?? undefined) : undefined, order >= 0 ? (b.value ?? undefined) : undefined];
    if (order <= 0) a = await left.next();
    if (order >= 0) b = await right.next();
  }
}

function keyText({ keys }: TableShape, row: TextRow | undefined): string {
  return keys.map((key, i) => `${key}=${row?.key[i]}`).join(", ");
}

async function withSnapshots(source: Secret, target: Secret, work: (source: Client, target: Client) => Promise<void>): Promise<void> {
  const options = { applicationName: "offtake demo proof", statementTimeoutMs: 300_000, settings: canonicalSettings } as const;
  const left = await openSession(source, { ...options, side: "source" });
  try {
    const right = await openSession(target, { ...options, side: "target" });
    try {
      for (const client of [left, right]) await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
      await work(left, right);
    } finally {
      await endSession(right);
    }
  } finally {
    await endSession(left);
  }
}
