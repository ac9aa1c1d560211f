/** Our decoder against pg-logical-replication's, on bytes that nobody has chosen: docs/decisions/0002-replication-client.md. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { message, oid, text } from "../../support/pgoutput-arbitraries.ts";
import { type Cell, type Column, type Message, pgoutput, unchanged } from "../../support/pgoutput-messages.ts";
import { OwnDecoder, ReferenceDecoder } from "../../support/reference-decoder.ts";

/** A byte-order mark at the beginning of a text is lost by theirs: see the last test. */
const plain = (maxLength: number): fc.Arbitrary<string> => text(maxLength).map((value) => value.replace(/^\u{feff}+/u, ""));

type RelationMessage = Message & { kind: "relation" };

const columns: fc.Arbitrary<Column[]> = fc.uniqueArray(
  fc.record({ name: plain(10), key: fc.boolean(), typeOid: oid, typeModifier: fc.integer({ min: -1, max: 1000 }) }),
  { minLength: 1, maxLength: 8, selector: ({ name }) => name },
);

const relation: fc.Arbitrary<RelationMessage> = fc.record({
  kind: fc.constant("relation" as const),
  oid,
  schema: plain(10),
  name: plain(10),
  replicaIdentity: fc.constantFrom("d" as const, "n" as const, "f" as const, "i" as const),
  columns,
});

const value: fc.Arbitrary<Cell> = fc.oneof({ weight: 4, arbitrary: plain(30) }, { weight: 1, arbitrary: fc.constant(null) });

/** A change of a table, as the server could send it: an old row is whole, a key has what the identity has. */
function change({ oid: table, columns: of }: RelationMessage): fc.Arbitrary<Message> {
  const cells = (cell: fc.Arbitrary<Cell>): fc.Arbitrary<Cell[]> => fc.array(cell, { minLength: of.length, maxLength: of.length });
  const row = cells(fc.oneof({ weight: 6, arbitrary: value }, { weight: 1, arbitrary: fc.constant(unchanged) }));
  const old = fc.record({ which: fc.constantFrom("K" as const, "O" as const), row: cells(value) });
  return fc.oneof(
    fc.record({ kind: fc.constant("insert" as const), oid: fc.constant(table), row }),
    fc.record({ kind: fc.constant("update" as const), oid: fc.constant(table), row }),
    fc.record({ kind: fc.constant("update" as const), oid: fc.constant(table), old, row }),
    fc.record({ kind: fc.constant("delete" as const), oid: fc.constant(table), old }),
    fc.record({ kind: fc.constant("truncate" as const), oids: fc.constant([table]), options: fc.integer({ min: 0, max: 3 }) }),
  );
}

const ofTables = new Set<string>(["relation", "insert", "update", "delete", "truncate"]);

/** Messages that name no table, without texts that begin with a byte-order mark. */
const other = message.filter(
  (each) => !ofTables.has(each.kind) && !JSON.stringify(each, (_, part) => (typeof part === "bigint" ? 0 : part)).includes("\u{feff}"),
);

/** Tables are described, changed, described anew with other columns. */
const script: fc.Arbitrary<Message[]> = fc
  .array(
    fc.oneof(
      { weight: 2, arbitrary: relation.chain((table) => fc.array(change(table), { maxLength: 6 }).map((changes) => [table, ...changes])) },
      { weight: 1, arbitrary: other.map((each) => [each]) },
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.flat());

describe("our decoder and pg-logical-replication's", () => {
  test("say the same of every stream of messages", () => {
    fc.assert(
      fc.property(script, (messages) => {
        const [own, reference] = [new OwnDecoder(), new ReferenceDecoder()];
        for (const each of messages) {
          const bytes = pgoutput(each);
          expect(own.said(bytes)).toStrictEqual(reference.said(bytes));
        }
      }),
      { numRuns: 300 },
    );
  });

  test("differ in one thing: a byte-order mark at the beginning of a text is part of the value for ours, and lost by theirs", () => {
    const [own, reference] = [new OwnDecoder(), new ReferenceDecoder()];
    const table = pgoutput({
      kind: "relation",
      oid: 7,
      schema: "public",
      name: "t",
      replicaIdentity: "d",
      columns: [{ name: "note", key: false, typeOid: 25, typeModifier: -1 }],
    });
    expect(own.said(table)).toStrictEqual(reference.said(table));
    const insert = pgoutput({ kind: "insert", oid: 7, row: ["\u{feff}mark"] });
    expect(own.said(insert)).toStrictEqual({ kind: "insert", oid: 7, row: [["note", "\u{feff}mark"]] });
    expect(reference.said(insert)).toStrictEqual({ kind: "insert", oid: 7, row: [["note", "mark"]] });
  });
});
