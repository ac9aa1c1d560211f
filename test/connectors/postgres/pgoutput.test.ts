import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Kind, Old, PgoutputDecoder, Value } from "../../../connectors/postgres/pgoutput.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { decodedMessage } from "../../support/decoded-message.ts";
import { message, oid } from "../../support/pgoutput-arbitraries.ts";
import { type Message, pgoutput, type Row, unchanged } from "../../support/pgoutput-messages.ts";

/** What the decoder keeps of a message: not the parts that Offtake has no use for. */
function kept(written: Message): Partial<Message> {
  switch (written.kind) {
    case "commit":
      return { kind: "commit", commitLsn: written.commitLsn, endLsn: written.endLsn };
    case "origin":
      return { kind: "origin" };
    case "relation":
    case "type":
      return { ...written, schema: written.schema === "" ? "pg_catalog" : written.schema };
    case "truncate":
      return { kind: "truncate", oids: written.oids };
    case "message":
      return { kind: "message", transactional: written.transactional, prefix: written.prefix, content: written.content };
    default:
      return written;
  }
}

/** The message in the middle of other bytes, as it lies in the buffer of the connection. */
function among(bytes: Buffer): { bytes: Buffer; start: number; end: number } {
  return { bytes: Buffer.concat([Buffer.alloc(3, 0x74), bytes, Buffer.alloc(40, 0x74)]), start: 3, end: 3 + bytes.length };
}

/** What comes out of it: the message, or the code of the error. Anything else that is thrown is a fault. */
function outcome(decoder: PgoutputDecoder, bytes: Buffer): Partial<Message> | string {
  const place = among(bytes);
  try {
    return decodedMessage(decoder, decoder.decode(place.bytes, place.start, place.end), place.bytes);
  } catch (error) {
    if (error instanceof OfftakeError) return error.code;
    throw error;
  }
}

/** Begin and end of everything that the decoder points at in the message; none when it refuses it. */
function placesOf(decoder: PgoutputDecoder, { bytes, start, end }: ReturnType<typeof among>): Places {
  let kind: number;
  try {
    kind = decoder.decode(bytes, start, end);
  } catch (error) {
    if (error instanceof OfftakeError && error.code === "PGOUTPUT_MALFORMED") return { start, end, found: [] };
    throw error;
  }
  decodedMessage(decoder, kind, bytes);
  const { old, new: row, contentStart, contentEnd } = decoder;
  const tuples =
    kind === Kind.insert ? [row] : kind === Kind.update ? [...(decoder.oldKind === Old.none ? [] : [old]), row] : kind === Kind.delete ? [old] : [];
  const values = tuples.flatMap((tuple) =>
    Array.from({ length: tuple.count }, (_, i) => (tuple.kind[i] === Value.text ? [tuple.start[i]!, tuple.end[i]!] : [])),
  );
  return { start, end, found: kind === Kind.message ? [[contentStart, contentEnd]] : values.filter((place) => place.length === 2) };
}

interface Places {
  readonly start: number;
  readonly end: number;
  readonly found: readonly (readonly number[])[];
}

function liesWithin({ start, end, found }: Places): boolean {
  return found.every(([from, to]) => start <= from! && from! <= to! && to! <= end);
}

describe("PgoutputDecoder", () => {
  test("gives back every message that was written, and keeps nothing of the one before", () => {
    const decoder = new PgoutputDecoder();
    fc.assert(
      fc.property(message, (written) => {
        expect(outcome(decoder, pgoutput(written))).toEqual(kept(written));
      }),
      { numRuns: 2000 },
    );
  });

  test("refuses a message of which the end is missing, wherever it ends", () => {
    const decoder = new PgoutputDecoder();
    fc.assert(
      fc.property(message, (written) => {
        const bytes = pgoutput(written);
        for (let length = 0; length < bytes.length; length += 1) expect(outcome(decoder, bytes.subarray(0, length))).toBe("PGOUTPUT_MALFORMED");
      }),
    );
  });

  test("refuses bytes behind the end of a message", () => {
    const decoder = new PgoutputDecoder();
    fc.assert(
      fc.property(message, fc.uint8Array({ minLength: 1, maxLength: 5 }), (written, more) => {
        expect(outcome(decoder, Buffer.concat([pgoutput(written), more]))).toBe("PGOUTPUT_MALFORMED");
      }),
    );
  });

  test("makes of damaged bytes an error or a row that lies within them", () => {
    const decoder = new PgoutputDecoder();
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(message, damage, (written, changes) => {
        const bytes = pgoutput(written);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        expect(placesOf(decoder, among(bytes))).toSatisfy(liesWithin);
      }),
      { numRuns: 3000 },
    );
  });

  test("takes a row of PostgreSQL's limit of 1600 columns", () => {
    const row: Row = Array.from({ length: 1600 }, (_, i) => (i % 3 === 0 ? `${i}` : i % 3 === 1 ? null : unchanged));
    expect(outcome(new PgoutputDecoder(), pgoutput({ kind: "insert", oid: 7, row }))).toEqual({ kind: "insert", oid: 7, row });
  });

  test("refuses a row with more columns than PostgreSQL can send", () => {
    const row: Row = Array.from({ length: 1665 }, () => null);
    expect(outcome(new PgoutputDecoder(), pgoutput({ kind: "insert", oid: 7, row }))).toBe("PGOUTPUT_MALFORMED");
  });

  test("refuses a binary value, which was not asked for", () => {
    const bytes = pgoutput({ kind: "insert", oid: 7, row: ["1"] });
    bytes[8] = "b".charCodeAt(0);
    expect(outcome(new PgoutputDecoder(), bytes)).toBe("PGOUTPUT_MALFORMED");
  });

  test.each(["S", "E", "c", "A", "b", "P", "K", "r", "p", "\0"])(
    "refuses a message of kind %j, of streaming, two-phase commit or nobody",
    (letter) => {
      expect(outcome(new PgoutputDecoder(), Buffer.from(`${letter}${"\0".repeat(40)}`, "latin1"))).toBe("PGOUTPUT_MALFORMED");
    },
  );

  test("refuses a truncate whose number of tables is not that of its tables", () => {
    fc.assert(
      fc.property(fc.array(oid, { maxLength: 5 }), fc.integer(), (oids, count) => {
        fc.pre(count !== oids.length);
        const bytes = pgoutput({ kind: "truncate", oids, options: 0 });
        bytes.writeInt32BE(count, 1);
        expect(outcome(new PgoutputDecoder(), bytes)).toBe("PGOUTPUT_MALFORMED");
      }),
    );
  });
});
