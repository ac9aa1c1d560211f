import fc from "fast-check";
import { expect, test } from "vitest";
import { debeziumSequence } from "../../../connectors/postgres/debezium-sequence.ts";
import { AvroCursor, AvroWriter } from "../../../schemas/avro-bytes.ts";

function written(commit: bigint, lsn: bigint): string {
  const writer = new AvroWriter(50);
  debeziumSequence(writer, Buffer.from(String(commit)), Number(lsn >> 32n), Number(lsn & 0xffff_ffffn));
  return new AvroCursor().over(writer.bytes, 0, writer.at).string();
}

test("both positions stand in decimal, whatever their size", () => {
  const lsn = fc.oneof(
    fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    fc.bigInt({ min: 0n, max: 2n ** 53n }),
    fc.bigInt({ min: 0n, max: 10n ** 10n }),
    fc.constantFrom(0n, 9n, 10n, 999_999_999n, 1_000_000_000n, 1_000_000_001n, 2_147_483_648n, 2n ** 53n - 1n, 2n ** 53n),
  );
  fc.assert(
    fc.property(lsn, lsn, (commit, change) => {
      expect(written(commit, change)).toBe(`["${commit}","${change}"]`);
    }),
    { numRuns: 2000 },
  );
});
