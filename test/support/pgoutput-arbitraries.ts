/** Random pgoutput messages: of every kind, with any names, values and positions that PostgreSQL could send. */
import fc from "fast-check";
import { type Cell, type Column, type Message, type OldRow, type Row, unchanged } from "./pgoutput-messages.ts";

/** Any text that PostgreSQL can hold: no zero character, and no half of a surrogate pair, which is not UTF-8. */
export const text = (maxLength = 20): fc.Arbitrary<string> =>
  fc.string({ unit: "binary", maxLength }).map((value) => value.toWellFormed().replaceAll("\0", "\u{1F600}"));

export const oid = fc.integer({ min: 1, max: 0xffff_ffff });
export const lsn = fc.bigInt({ min: 0n, max: (1n << 63n) - 1n });

const cell: fc.Arbitrary<Cell> = fc.oneof(
  { weight: 4, arbitrary: text(40) },
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constant(unchanged) },
);
const row: fc.Arbitrary<Row> = fc.array(cell, { maxLength: 12 });
const old: fc.Arbitrary<OldRow> = fc.record({ which: fc.constantFrom("K" as const, "O" as const), row });

const column: fc.Arbitrary<Column> = fc.record({
  name: text(),
  key: fc.boolean(),
  typeOid: oid,
  typeModifier: fc.oneof(fc.constant(-1), fc.nat()),
});

export const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant("begin" as const), commitLsn: lsn, commitTime: fc.bigInt({ min: 0n, max: 1n << 60n }), xid: oid }),
  fc.record({ kind: fc.constant("commit" as const), commitLsn: lsn, endLsn: lsn, commitTime: fc.bigInt({ min: 0n, max: 1n << 60n }) }),
  fc.record({ kind: fc.constant("origin" as const), lsn, name: text() }),
  fc.record({
    kind: fc.constant("relation" as const),
    oid,
    schema: text(),
    name: text(),
    replicaIdentity: fc.constantFrom("d" as const, "n" as const, "f" as const, "i" as const),
    columns: fc.array(column, { maxLength: 12 }),
  }),
  fc.record({ kind: fc.constant("type" as const), oid, schema: text(), name: text() }),
  fc.record({ kind: fc.constant("insert" as const), oid, row }),
  fc.record({ kind: fc.constant("update" as const), oid, old, row }),
  fc.record({ kind: fc.constant("update" as const), oid, row }),
  fc.record({ kind: fc.constant("delete" as const), oid, old }),
  fc.record({ kind: fc.constant("truncate" as const), oids: fc.array(oid, { maxLength: 6 }), options: fc.integer({ min: 0, max: 3 }) }),
  fc.record({
    kind: fc.constant("message" as const),
    transactional: fc.boolean(),
    lsn,
    prefix: text(),
    content: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  }),
);
