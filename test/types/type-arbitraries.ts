/**
 * Generated values of a type, as literals: those that somebody has written down (type-values.ts), random ones of the types of which almost any text is a value, and arrays
 * of both with NULLs, several dimensions and bounds that are shifted.
 */
import fc from "fast-check";
import type { PostgresMajor } from "../../infra/local/postgres-versions.ts";
import type { CatalogType } from "./type-catalog.ts";
import { valuesOf } from "./type-values.ts";

const text = fc.string({ unit: "binary", maxLength: 40 }).map((value) => value.replaceAll("\0", "").toWellFormed());

const number = fc
  .tuple(fc.constantFrom("", "-"), fc.stringMatching(/^[1-9][0-9]{0,40}$/), fc.option(fc.stringMatching(/^[0-9]{1,30}$/)))
  .map(([sign, whole, rest]) => `${sign}${whole}${rest === null ? "" : `.${rest}`}`);

const twoDigits = (max: number, min = 0): fc.Arbitrary<string> => fc.integer({ min, max }).map((value) => String(value).padStart(2, "0"));

const day = fc
  .tuple(fc.integer({ min: 1, max: 9999 }), twoDigits(12, 1), twoDigits(28, 1), fc.constantFrom("", "", " BC"))
  .map(([year, month, date, era]) => ({ date: `${String(year).padStart(4, "0")}-${month}-${date}`, era }));

const clock = fc
  .tuple(twoDigits(23), twoDigits(59), twoDigits(59), fc.option(fc.integer({ min: 0, max: 999_999 })))
  .map(([hour, minute, second, micros]) => `${hour}:${minute}:${second}${micros === null ? "" : `.${String(micros).padStart(6, "0")}`}`);

const whole = (bits: bigint): fc.Arbitrary<string> => fc.bigInt({ min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n }).map(String);

const interval = fc
  .array(fc.tuple(fc.integer({ min: -9999, max: 9999 }), fc.constantFrom("years", "mons", "days", "hours", "mins", "secs", "microseconds")), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.map(([count, unit]) => `${count} ${unit}`).join(" "));

const json = fc.json({ stringUnit: "grapheme", maxDepth: 3 });

const generators: Readonly<Record<string, fc.Arbitrary<string>>> = {
  int2: whole(16n),
  int4: whole(32n),
  int8: whole(64n),
  float4: fc.float().map((value) => (Object.is(value, -0) ? "-0" : String(value))),
  float8: fc.double().map((value) => (Object.is(value, -0) ? "-0" : String(value))),
  numeric: number,
  text,
  varchar: text,
  bpchar: text,
  citext: text,
  character_data: text,
  bytea: fc.uint8Array({ maxLength: 60 }).map((bytes) => `\\x${Buffer.from(bytes).toString("hex")}`),
  date: day.map(({ date, era }) => `${date}${era}`),
  time: clock,
  timetz: fc
    .tuple(clock, fc.integer({ min: -14, max: 14 }))
    .map(([at, zone]) => `${at}${zone < 0 ? "-" : "+"}${String(Math.abs(zone)).padStart(2, "0")}`),
  timestamp: fc.tuple(day, clock).map(([{ date, era }, at]) => `${date} ${at}${era}`),
  timestamptz: fc.tuple(day, clock).map(([{ date, era }, at]) => `${date} ${at}+00${era}`),
  interval,
  json,
  jsonb: json,
  uuid: fc.uuid(),
  varbit: fc.stringMatching(/^[01]{0,70}$/),
  int4range: fc.tuple(fc.integer({ min: -1000, max: 0 }), fc.integer({ min: 0, max: 1000 })).map(([from, to]) => `(${from},${to}]`),
  hstore: fc.dictionary(text, fc.option(text), { maxKeys: 4, noNullPrototype: true }).map((pairs) =>
    Object.entries(pairs)
      .map(([key, value]) => `${quoted(key)}=>${value === null ? "NULL" : quoted(value)}`)
      .join(", "),
  ),
};

/**
 * @param oldest the older of the two servers
 * @param random whether other values may be among them than those that are written down
 */
export function arbitraryOf({ name, element }: Pick<CatalogType, "name" | "element">, oldest: PostgresMajor, random = true): fc.Arbitrary<string> {
  if (element !== null) return arrayOf(arbitraryOf({ name: element.name, element: null }, oldest, random), element.delimiter);
  const written = fc.constantFrom(...valuesOf(name, oldest));
  const generated = random ? generators[name] : undefined;
  return generated === undefined ? written : fc.oneof(written, generated);
}

const bounds = fc.integer({ min: -3, max: 3 });

/** Of one and of two dimensions, with lower bounds of their own; or without any element. */
function arrayOf(element: fc.Arbitrary<string>, delimiter: string): fc.Arbitrary<string> {
  const item = fc.option(element, { freq: 4 }).map((value) => (value === null ? "NULL" : quoted(value)));
  const one = fc
    .tuple(bounds, fc.array(item, { minLength: 1, maxLength: 4 }))
    .map(([from, items]) => `${from === 1 ? "" : `[${from}:${from + items.length - 1}]=`}{${items.join(delimiter)}}`);
  const two = fc
    .tuple(bounds, fc.array(fc.tuple(item, item), { minLength: 1, maxLength: 2 }))
    .map(([from, rows]) => `[${from}:${from + rows.length - 1}][0:1]={${rows.map((row) => `{${row.join(delimiter)}}`).join(delimiter)}}`);
  return fc.oneof({ weight: 4, arbitrary: one }, { weight: 2, arbitrary: two }, { weight: 1, arbitrary: fc.constant("{}") });
}

function quoted(value: string): string {
  return `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}
