/**
 * numeric from the text that PostgreSQL prints to its binary form: what the server would read from the text, without its reading it. Trailing zeros are part of
 * a value (1.0 and 1.00 are printed as they are), so the scale goes with it.
 *
 *     Numeric   digits:int16 weight:int16 sign:uint16 scale:uint16 Digit*
 *     Digit     int16                        (four decimal digits; the first one stands for 10000 to the power of the weight)
 *     sign      0x0000 +, 0x4000 -, 0xC000 NaN, 0xD000 Infinity, 0xF000 -Infinity
 *
 * Source: PostgreSQL's src/backend/utils/adt/numeric.c, numeric_recv.
 */

/** Bytes that the binary form may have more than the text. */
export const numericRoom = 12;

const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;

/** The header has 14 bits for the scale. */
const largestScale = 0x3fff;

/** As a ValueWriter. */
export function writeNumeric(to: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  const negative = bytes[start] === minus;
  const first = negative ? start + 1 : start;
  let dot = first;
  while (dot < end && bytes[dot] !== point) dot += 1;
  const fraction = Math.max(end - dot - 1, 0);
  const whole = dot - first;
  const head = Math.ceil(whole / 4);
  const digits = head + Math.ceil(fraction / 4);
  if (whole === 0 || fraction > largestScale || (dot < end && fraction === 0)) return -1;
  let to2 = at + 8;
  // The first group has what is left over of the digits before the point, the last one is filled up with zeros.
  for (let i = first, group = whole % 4 || 4; i < dot; i += group, group = 4) {
    const digit = groupOf(bytes, i, i + group);
    if (digit === -1) return i === first ? special(to, at, bytes, start, end) : -1;
    to2 = put(to, to2, digit);
  }
  for (let i = dot + 1; i < end; i += 4) {
    let digit = groupOf(bytes, i, Math.min(i + 4, end));
    if (digit === -1) return -1;
    for (let missing = i + 4 - end; missing > 0; missing -= 1) digit *= 10;
    to2 = put(to, to2, digit);
  }
  header(to, at, digits, head - 1, negative ? 0x4000 : 0, fraction);
  return to2;
}

/** @returns -1 where one of them is no digit */
function groupOf(bytes: Buffer, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i += 1) {
    const digit = bytes[i]! - zero;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

function put(to: Buffer, at: number, value: number): number {
  to[at] = value >> 8;
  to[at + 1] = value;
  return at + 2;
}

function header(to: Buffer, at: number, digits: number, weight: number, sign: number, scale: number): number {
  return put(to, put(to, put(to, put(to, at, digits), weight), sign), scale);
}

function special(to: Buffer, at: number, bytes: Buffer, start: number, end: number): number {
  const sign = { NaN: 0xc000, Infinity: 0xd000, "-Infinity": 0xf000 }[bytes.toString("latin1", start, Math.min(end, start + 10))];
  return sign === undefined ? -1 : header(to, at, 0, 0, sign, 0);
}
