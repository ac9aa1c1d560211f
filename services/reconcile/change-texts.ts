/**
 * A change event as the reconciler compares it: its key, and its row, as texts. A text that PostgreSQL would print otherwise makes a row look wrong that is right, so values whose text
 * depends on more than themselves are not known: floats that are printed with an exponent, and what is longer than reports show.
 *
 * Pure.
 */
import type { EventPlan } from "../../schemas/event-plan.ts";
import type { Columns, EventReader } from "../../schemas/event-reader.ts";
import { Change } from "../apply/change-log.ts";
import { textOf } from "../apply/value-writer.ts";
import { shownBytes } from "./row-hash.ts";
import type { StreamedChange } from "./streamed-row.ts";

/** PostgreSQL and JavaScript print the same shortest digits, and turn to exponents at other sizes. */
const withoutExponent = /^-?\d{1,14}(?:\.\d+)?$/;
const smallest = 1e-3;

/** For each of the key's columns where the plan has it; undefined where the events' key is of other columns. */
export function keyPlaces(plan: EventPlan, key: readonly string[]): readonly number[] | undefined {
  const places = key.map((name) => plan.keys.find((i) => plan.columns[i]!.name === name) ?? -1);
  return plan.keys.length === key.length && !places.includes(-1) ? places : undefined;
}

/** Of the row that the event is about; of a deleted one, of the row that was there. */
export function keyOfEvent({ plan, bytes, op, before, after }: EventReader, places: readonly number[]): string[] {
  const row = op === Change.delete ? before : after;
  return places.map((i) => textOf(bytes, row.start[i]!, row.end[i]!, plan.columns[i]!.form));
}

/** @param isPlain whether a column's values print alike on every server */
export function changeOfEvent(event: EventReader, offset: number, isPlain: (column: string) => boolean): StreamedChange {
  const { op, plan, isBeside } = event;
  const xid = isBeside ? -1 : event.xid;
  if (op === Change.delete) return { offset, xid, row: undefined, kept: [] };
  const row = new Map<string, string | null>();
  const kept: string[] = [];
  const { after, unchanged, unchangedCount } = event;
  for (const [i, { name }] of plan.columns.entries()) {
    if (unchangedCount > 0 && unchanged[i] === 1) {
      // The row that a change of key has moved is another one here.
      if (op === Change.update) kept.push(name);
    } else if (isPlain(name)) {
      const text = valueText(event, after, i);
      if (text !== undefined) row.set(name, text);
    }
  }
  return { offset, xid, row, kept };
}

/** @returns undefined where it is not known */
function valueText({ plan, bytes }: EventReader, row: Columns, i: number): string | null | undefined {
  const [start, end] = [row.start[i]!, row.end[i]!];
  if (start === -1) return null;
  const { form } = plan.columns[i]!;
  if (form === "float" || end - start > shownBytes) return undefined;
  const text = textOf(bytes, start, end, form);
  if (form === "double" && (!withoutExponent.test(text) || (Math.abs(Number(text)) < smallest && Number(text) !== 0))) return undefined;
  return Buffer.byteLength(text) > shownBytes ? undefined : text;
}
