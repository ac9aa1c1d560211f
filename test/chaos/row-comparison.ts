/**
 * Compares two tables row by row: the text of every row, both sides, walked in the same order. A count and a hash would say that something is different, and not what;
 * and a sum of hashes says nothing of two faults that outweigh each other.
 */
import type { Client } from "pg";

/** Rows of one FETCH. */
const atOnce = 20_000;

/** Differences that are named. */
const mostExamples = 5;

/** Key and row, as text. */
export type KeyedRow = readonly [key: string, row: string];

export interface Comparison {
  /** Rows of the source. */
  rows: number;
  /** At the source and not at the target. */
  missing: number;
  different: number;
  /** At the target and not at the source. */
  extra: number;
  /** Of the first that are wrong: what is wrong, and the rows. */
  readonly examples: string[];
}

/** Every row of a table, in the order of its key's text. Under one snapshot: the session has no other use meanwhile. */
export async function* orderedRows(client: Client, table: string, key: string): AsyncGenerator<KeyedRow[]> {
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL work_mem = '512MB'");
  await client.query(`DECLARE walk NO SCROLL CURSOR FOR SELECT row(${key})::text COLLATE "C", t::text FROM ${table} t ORDER BY 1`);
  for (;;) {
    const { rows } = await client.query<[string, string]>({ text: `FETCH ${atOnce} FROM walk`, rowMode: "array" });
    if (rows.length === 0) break;
    yield rows;
  }
  await client.query("COMMIT");
}

/** @param seen gets each row of the target */
export async function compareRows(
  source: AsyncIterable<readonly KeyedRow[]>,
  target: AsyncIterable<readonly KeyedRow[]>,
  seen: (row: string) => void = () => {},
): Promise<Comparison> {
  const found: Comparison = { rows: 0, missing: 0, different: 0, extra: 0, examples: [] };
  const [left, right] = [new Walk(source), new Walk(target)];
  await Promise.all([left.refill(), right.refill()]);
  for (;;) {
    const [a, b] = [left.row, right.row];
    if (a === undefined && b === undefined) return found;
    const order = a === undefined ? 1 : b === undefined ? -1 : compareTexts(a[0], b[0]);
    if (order === 0 && a![1] !== b![1]) note(found, "different", `${a![1]} is ${b![1]}`);
    if (order < 0) note(found, "missing", a![1]);
    if (order > 0) note(found, "extra", b![1]);
    if (order <= 0) {
      found.rows += 1;
      left.step();
    }
    if (order >= 0) {
      seen(b![1]);
      right.step();
    }
    if (left.isEmpty || right.isEmpty) await Promise.all([left.refill(), right.refill()]);
  }
}

/** As the C collation has it, for what is ASCII. */
function compareTexts(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

function note(found: Comparison, what: "missing" | "different" | "extra", row: string): void {
  found[what] += 1;
  if (found.examples.length < mostExamples) found.examples.push(`${what}: ${row}`);
}

/** Where one side is. */
class Walk {
  readonly #pages: AsyncIterator<readonly KeyedRow[]>;
  #page: readonly KeyedRow[] = [];
  #at = 0;
  #ended = false;

  constructor(rows: AsyncIterable<readonly KeyedRow[]>) {
    this.#pages = rows[Symbol.asyncIterator]();
  }

  get row(): KeyedRow | undefined {
    return this.#page[this.#at];
  }

  /** Whether it has to be refilled before its row is looked at. */
  get isEmpty(): boolean {
    return !this.#ended && this.#at === this.#page.length;
  }

  step(): void {
    this.#at += 1;
  }

  async refill(): Promise<void> {
    while (this.isEmpty) {
      const { value, done } = await this.#pages.next();
      this.#ended = done === true;
      [this.#page, this.#at] = [done === true ? [] : value, 0];
    }
  }
}
