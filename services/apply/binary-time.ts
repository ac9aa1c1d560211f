/**
 * date, time, timestamp and timestamptz from the text that PostgreSQL prints (DateStyle ISO, TimeZone UTC) to their binary forms. A day that is counted wrongly
 * is a wrong value in every row: the tests put every day of some centuries, and both ends of each type, through a server.
 *
 *     Date          days:int32              since 2000-01-01
 *     Time          microseconds:int64      since midnight; 24:00:00 is a time
 *     Timestamp     microseconds:int64      since 2000-01-01 00:00:00, UTC
 *     -infinity and infinity are the least and the greatest number of each (not of time, which has none)
 *
 * Source: PostgreSQL's src/backend/utils/adt/date.c and timestamp.c, the _recv functions; datetime.c, EncodeDateTime, for the text.
 */
import { writeWords } from "./value-writer.ts";

const zero = 0x30;
const dash = 0x2d;
const colon = 0x3a;
const point = 0x2e;
const blank = 0x20;
const plus = 0x2b;
const letterB = 0x42;
const letterC = 0x43;
const letterI = 0x69;
const letterY = 0x79;

const microsecondsOfDay = 86_400_000_000;

/** 2000-01-01, in days since 1970-01-01. */
const epochDay = 10_957;

/** Days either way whose microseconds a double counts exactly: to the years 1715 and 2284. */
const exactDays = 104_000;

const greatest = 2n ** 63n - 1n;
const least = -(2n ** 63n);

/** Where the text is read on, where it ends, and whether it was what PostgreSQL prints so far. One value is read at a time. */
let at = 0;
let limit = 0;
let wrong = false;

/** As a ValueWriter, like those below. */
export function writeDate(to: Buffer, into: number, bytes: Buffer, start: number, end: number): number {
  const infinity = infinityOf(bytes, start, end);
  if (infinity !== 0) return to.writeInt32BE(infinity > 0 ? 0x7fff_ffff : -0x8000_0000, into);
  begin(bytes, start, end);
  const days = day(bytes, limit < end);
  return wrong || at !== limit ? -1 : to.writeInt32BE(days, into);
}

export function writeTime(to: Buffer, into: number, bytes: Buffer, start: number, end: number): number {
  begin(bytes, start, end);
  const micros = timeOfDay(bytes);
  return wrong || at !== end ? -1 : writeWords(to, into, micros);
}

export function writeTimestamp(to: Buffer, into: number, bytes: Buffer, start: number, end: number): number {
  return timestamp(to, into, bytes, start, end, false);
}

export function writeTimestamptz(to: Buffer, into: number, bytes: Buffer, start: number, end: number): number {
  return timestamp(to, into, bytes, start, end, true);
}

function timestamp(to: Buffer, into: number, bytes: Buffer, start: number, end: number, zoned: boolean): number {
  const infinity = infinityOf(bytes, start, end);
  if (infinity !== 0) return to.writeBigInt64BE(infinity > 0 ? greatest : least, into);
  begin(bytes, start, end);
  const days = day(bytes, limit < end);
  expect(bytes, blank);
  const micros = timeOfDay(bytes);
  if (zoned) {
    expect(bytes, plus);
    expect(bytes, zero);
    expect(bytes, zero);
  }
  if (wrong || at !== limit) return -1;
  if (days > -exactDays && days < exactDays) return writeWords(to, into, days * microsecondsOfDay + micros);
  return to.writeBigInt64BE(BigInt(days) * BigInt(microsecondsOfDay) + BigInt(micros), into);
}

/** @returns 1 and -1 for the two infinities, 0 for anything else */
function infinityOf(bytes: Buffer, start: number, end: number): number {
  if (bytes[end - 1] !== letterY) return 0;
  const negative = bytes[start] === dash;
  return bytes[negative ? start + 1 : start] === letterI ? (negative ? -1 : 1) : 0;
}

/** ` BC` stands behind everything else, and is left out of it. */
function begin(bytes: Buffer, start: number, end: number): void {
  at = start;
  limit = end - start > 3 && bytes[end - 1] === letterC ? end - 3 : end;
  wrong = limit < end && (bytes[limit] !== blank || bytes[limit + 1] !== letterB);
}

/** Days since 2000-01-01, as the Gregorian calendar counts them back for ever; the year before 1 is 1 BC. */
function day(bytes: Buffer, beforeChrist: boolean): number {
  const start = at;
  const printed = digits(bytes, 7);
  if (at - start < 4) wrong = true;
  expect(bytes, dash);
  const month = digits(bytes, 2);
  expect(bytes, dash);
  const ofMonth = digits(bytes, 2);
  if (month < 1 || month > 12 || ofMonth < 1 || ofMonth > 31) wrong = true;
  // Years that begin in March have their leap day at the end, so that it falls out of the count of days before a month.
  const year = (beforeChrist ? 1 - printed : printed) - (month <= 2 ? 1 : 0);
  const era = Math.floor(year / 400);
  const ofEra = year - era * 400;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + ofMonth - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468 - epochDay;
}

/** Microseconds of `HH:MM:SS[.ffffff]`, from `at` on. */
function timeOfDay(bytes: Buffer): number {
  const hours = digits(bytes, 2);
  expect(bytes, colon);
  const minutes = digits(bytes, 2);
  expect(bytes, colon);
  const seconds = digits(bytes, 2);
  if (hours > 24 || minutes > 59 || seconds > 59) wrong = true;
  let fraction = 0;
  if (at < limit && bytes[at] === point) {
    at += 1;
    const from = at;
    fraction = digits(bytes, 6);
    if (at === from) wrong = true;
    for (let missing = from + 6 - at; missing > 0; missing -= 1) fraction *= 10;
  }
  const micros = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction;
  if (micros > microsecondsOfDay) wrong = true;
  return micros;
}

/** At least one digit, and at most so many. */
function digits(bytes: Buffer, most: number): number {
  const from = at;
  let value = 0;
  while (at < limit && at - from < most) {
    const digit = bytes[at]! - zero;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
    at += 1;
  }
  if (at === from) wrong = true;
  return value;
}

function expect(bytes: Buffer, byte: number): void {
  if (at >= limit || bytes[at] !== byte) wrong = true;
  at += 1;
}
