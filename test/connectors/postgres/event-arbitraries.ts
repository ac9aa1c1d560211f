/** Random tables, rows of them as PostgreSQL prints them, and the transactions that change them. */
import fc from "fast-check";
import { oid as anyOid, lsn, text } from "../../support/pgoutput-arbitraries.ts";
import { type Cell, unchanged } from "../../support/pgoutput-messages.ts";
import type { ModelSource, ModelTransaction, RowChange, TableShape } from "./event-model.ts";

type Column = TableShape["columns"][number];

const edge = (bits: bigint): fc.Arbitrary<string> =>
  fc.oneof(fc.bigInt({ min: -(1n << bits), max: (1n << bits) - 1n }), fc.constantFrom(-(1n << bits), (1n << bits) - 1n, 0n, -1n)).map(String);

const special = fc.constantFrom("NaN", "Infinity", "-Infinity", "0", "-0", "1");

/** The fewest digits that are this float4 and no other, which is what the server prints. */
function shortest(value: number): string {
  for (let digits = 1; ; digits += 1) if (Math.fround(Number(value.toPrecision(digits))) === value) return value.toPrecision(digits);
}

/** Texts of each type. Those that are not native are any text, since they are text to Offtake. */
const texts: ReadonlyMap<number, fc.Arbitrary<string>> = new Map([
  [16, fc.constantFrom("t", "f")],
  [21, edge(15n)],
  [23, edge(31n)],
  [20, edge(63n)],
  [700, fc.oneof(special, fc.float({ noNaN: true, noDefaultInfinity: true }).map(shortest))],
  [701, fc.oneof(special, fc.double({ noNaN: true, noDefaultInfinity: true }).map(String))],
  [17, fc.uint8Array({ maxLength: 60 }).map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`)],
  [25, fc.oneof({ weight: 9, arbitrary: text(40) }, { weight: 1, arbitrary: fc.nat(20_000).map((length) => "é".repeat(length)) })],
  [1700, fc.constantFrom("0.00", "NaN", "-1.50", "123456789012345678901234567890.1")],
  [1184, fc.constantFrom("infinity", "0044-03-15 12:00:00+00 BC", "2026-11-21 13:00:00.123456+00")],
  [99_999, text(10)],
]);

const name = fc.oneof(
  { weight: 3, arbitrary: fc.stringMatching(/^[a-z_][a-z0-9_]{0,20}$/) },
  { weight: 2, arbitrary: text(20).filter((value) => value !== "") },
  { weight: 1, arbitrary: fc.constantFrom("order-id", "_u0041", "__proto__", "constructor", "select", "Größe", "1st", "😀") },
);

export const tableShape: fc.Arbitrary<TableShape> = fc.record({
  topicPrefix: fc.constantFrom("offtake", "acme.prod"),
  schema: name,
  table: name,
  columns: fc.uniqueArray(fc.record({ name, oid: fc.constantFrom(...texts.keys()), key: fc.boolean() }), {
    selector: (column) => column.name,
    minLength: 1,
    maxLength: 8,
  }),
  keyId: anyOid,
  valueId: anyOid,
});

function cell(column: Column, options: { nullable: boolean; toasted: boolean }): fc.Arbitrary<Cell> {
  const value = texts.get(column.oid) ?? text();
  return fc.oneof(
    { weight: 6, arbitrary: value },
    ...(options.nullable && !column.key ? [{ weight: 1, arbitrary: fc.constant(null) }] : []),
    ...(options.toasted ? [{ weight: 2, arbitrary: fc.constant(unchanged) }] : []),
  );
}

/** Under which replica identity a table is: its key, or FULL. */
export type Identity = "key" | "full";

/** A change as pgoutput can give it: what is TOASTed and unchanged, which columns of the old row come along. */
export function rowChange({ columns }: TableShape, identity: Identity): fc.Arbitrary<RowChange> {
  const whole = fc.tuple(...columns.map((column) => cell(column, { nullable: true, toasted: false })));
  const keyOnly = fc.tuple(...columns.map((column) => (column.key ? cell(column, { nullable: false, toasted: false }) : fc.constant(null))));
  const toasted = (withOld: boolean) =>
    fc.tuple(...columns.map((column) => cell(column, { nullable: true, toasted: column.oid === 25 && (withOld || !column.key) })));
  const hasKey = columns.some(({ key }) => key);
  const insert = fc.record({ kind: fc.constant("insert" as const), row: whole });
  const truncate = fc.constant({ kind: "truncate" as const });
  const wholeOld = whole.map((row) => ({ which: "O" as const, row }));
  const keyOld = keyOnly.map((row) => ({ which: "K" as const, row }));
  // Half of the updates with an old row keep its key.
  const update = (old: typeof wholeOld | typeof keyOld) =>
    fc.tuple(old, toasted(true), fc.boolean()).map(([before, row, keeps]) => ({
      kind: "update" as const,
      old: before,
      row: row.map((value, i) => (keeps && columns[i]!.key ? before.row[i]! : value)),
    }));
  if (identity === "full")
    return fc.oneof(
      insert,
      truncate,
      update(wholeOld),
      wholeOld.map((old) => ({ kind: "delete" as const, old })),
    );
  if (!hasKey) return fc.oneof({ weight: 9, arbitrary: insert }, truncate);
  const inPlace = fc.record({ kind: fc.constant("update" as const), row: toasted(false) });
  return fc.oneof(
    insert,
    truncate,
    inPlace,
    update(keyOld),
    keyOld.map((old) => ({ kind: "delete" as const, old })),
  );
}

export const source: fc.Arbitrary<ModelSource> = fc.record({
  version: fc.constantFrom("0.1.0", "10.20.30-beta.1"),
  name: fc.constantFrom("offtake", "acme.prod"),
  database: text(20),
  systemIdentifier: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
  timeline: fc.integer({ min: 1, max: 0x7fff_ffff }),
});

/** Transactions of one source. */
export function transaction(of: ModelSource): fc.Arbitrary<ModelTransaction> {
  return fc
    .record({
      commitLsn: lsn,
      commitMicros: fc.bigInt({ min: 946_684_800_000_000n, max: 4_000_000_000_000_000n }),
      xid: fc.integer({ min: 3, max: 0xffff_ffff }),
      previous: fc.option(lsn, { nil: undefined }),
    })
    .map((place) => ({ ...of, ...place }));
}
