import avro from "avsc";
import fc from "fast-check";
import pg from "pg";
import { expect, inject, test } from "vitest";
import { canonicalSettings } from "../../../connectors/postgres/session.ts";
import { noPlan } from "../../../schemas/event-plan.ts";
import { EventReader } from "../../../schemas/event-reader.ts";
import { Change } from "../../../services/apply/change-log.ts";
import { changeOfEvent } from "../../../services/reconcile/change-texts.ts";

test("a float of an event is the text that PostgreSQL prints, or is not known", async () => {
  const client = new pg.Client(inject("target"));
  await client.connect();
  await client.query("SELECT set_config('extra_float_digits', $1, false)", [canonicalSettings["extra_float_digits"]]);
  const parts = fc.tuple(fc.integer(), fc.integer({ min: 1, max: 1_000_000 }), fc.integer({ min: -8, max: 8 }));
  const drawn = fc.sample(fc.oneof(fc.double(), ...[1, 2, 3].map(() => parts.map(([a, b, e]) => (a / b) * 10 ** e))), { numRuns: 3000, seed: 1 });
  const values = [0, -0, 1, 0.1, 1 / 3, 4 / 3, 1e-3, 9.99e-4, 1e-4, 99_999_999_999_999.9, 1e14, 1e15, 123_456_789_012_345.6, ...drawn];
  const { rows } = await client.query<{ text: string }>(
    "SELECT format('%s', v) AS text FROM unnest($1::float8[]) WITH ORDINALITY AS u (v, i) ORDER BY i",
    [values.map((value) => (Object.is(value, -0) ? "-0" : String(value)))],
  );
  await client.end();
  const plan = {
    ...noPlan,
    kind: "row" as const,
    columns: [{ name: "f", field: "f", form: "double" as const, valueBranch: 1 }],
    source: avro.Type.forSchema("null"),
  };
  const texts = values.map((value) => {
    const event = new EventReader(plan);
    event.op = Change.update;
    event.bytes = Buffer.alloc(8);
    event.bytes.writeDoubleLE(value);
    event.after.resize(1);
    event.after.end[0] = 8;
    return changeOfEvent(event, 1, () => true).row?.get("f");
  });
  const known = texts.flatMap((text, i) => (text === undefined ? [] : [[text, rows[i]!.text]]));
  expect(known.filter(([ours, theirs]) => ours !== theirs)).toEqual([]);
  expect(known.length).toBeGreaterThan(1000);
});
