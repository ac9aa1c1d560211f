/**
 * Which columns of the target a row does not fit into, and a type that takes it. PostgreSQL says "value too long for type character varying(5)" and "numeric
 * field overflow", and not of which of the table's forty columns.
 *
 * Only columns that are certainly too narrow are named: where none is found, PostgreSQL's own words stand alone.
 *
 * Pure. Source: PostgreSQL documentation, "Numeric Types", "Character Types".
 */

/** A column of the target, and what it was to take. */
export interface Candidate {
  /** Quoted. */
  readonly name: string;
  /** Its type with modifier, as format_type prints it. */
  readonly type: string;
  /** As PostgreSQL prints it. */
  readonly value: string;
}

export interface Misfit extends Pick<Candidate, "name" | "type"> {
  /** A type that takes the value, and all that the column holds. */
  readonly wider: string;
}

export function misfits(candidates: readonly Candidate[]): Misfit[] {
  return candidates.flatMap(({ name, type, value }) => {
    const wider = widerType(type, value);
    return wider === undefined ? [] : [{ name, type, wider }];
  });
}

const integers: Readonly<Record<string, bigint>> = { smallint: 1n << 15n, integer: 1n << 31n, bigint: 1n << 63n };

function widerType(type: string, value: string): string | undefined {
  const limit = integers[type];
  if (limit !== undefined) return widerInteger(limit, value);
  const [, kind, first = "0", second = "0"] = /^(character varying|character|bit varying|bit|numeric)\((\d+)(?:,(\d+))?\)$/.exec(type) ?? [];
  switch (kind) {
    case "numeric":
      return overflows(Number(first), Number(second), value) ? "numeric" : undefined;
    case "bit":
    case "bit varying":
      return value.length > Number(first) || (kind === "bit" && value.length !== Number(first)) ? "bit varying" : undefined;
    case undefined:
      return undefined;
    default:
      // Blanks beyond the length are dropped, and are no error.
      return Array.from(value.replace(/ +$/, "")).length > Number(first) ? "text" : undefined;
  }
}

function widerInteger(limit: bigint, value: string): string | undefined {
  if (!/^-?\d+$/.test(value)) return /^-?(\d+\.\d+|NaN|Infinity)$/.test(value) ? "numeric" : undefined;
  const number = BigInt(value);
  if (number >= -limit && number < limit) return undefined;
  return number >= -integers["bigint"]! && number < integers["bigint"]! ? "bigint" : "numeric";
}

/** After rounding to the scale, which is what the assignment does. */
function overflows(precision: number, scale: number, value: string): boolean {
  if (/^-?Infinity$/.test(value)) return true;
  const [, whole, fraction = ""] = /^-?(\d+)(?:\.(\d+))?$/.exec(value) ?? [];
  if (whole === undefined) return false;
  const digits = BigInt(whole + fraction.slice(0, scale + 1).padEnd(scale + 1, "0"));
  return (digits + 5n) / 10n >= 10n ** BigInt(precision);
}
