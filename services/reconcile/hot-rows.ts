/**
 * Rows that change so often that two reads of them never fit: held against the stream instead. What the target has at an applied position must be what the newest event before that
 * position says (streamed-row.ts). Nothing is said of a row before an event of it was followed from its place in the topic to the target, of a table that was altered
 * meanwhile or is compared by its values, or of keys whose events are not told apart by their text.
 *
 * Whoever reads asks again after each read of the target, and follows the topic meanwhile.
 */
import type { EventReader } from "../../schemas/event-reader.ts";
import { Change } from "../apply/change-log.ts";
import type { AppliedPosition } from "../apply/position.ts";
import { fullName } from "../runtime/table-pattern.ts";
import { changeOfEvent, keyOfEvent, keyPlaces } from "./change-texts.ts";
import type { ComparedTable } from "./compared-table.ts";
import type { KeyText } from "./key-range.ts";
import type { Judgement, RowVersion } from "./sandwich.ts";
import { type KnownColumns, StreamedRow } from "./streamed-row.ts";

/** A key as it was read last. */
export interface ReadKey {
  readonly key: KeyText;
  readonly source?: RowVersion | undefined;
  readonly target?: RowVersion | undefined;
}

/** Of the target's read. */
export interface AppliedMoment {
  /** All records before its offset are applied. */
  readonly position: Pick<AppliedPosition, "offset" | "commitLsn" | "sequence">;
  /** As readShape() gives it. */
  readonly shape: string;
}

interface Watched {
  readonly table: ComparedTable;
  readonly shape: string;
  /** Events before it may have been applied under another shape. */
  readonly from: number;
  readonly rows: Map<string, StreamedRow>;
}

export class HotRows {
  readonly #tables = new Map<string, Watched>();

  /** A change of the topic, in its order. */
  note(event: EventReader, offset: number): void {
    const { plan, op } = event;
    const name = fullName(plan);
    const watched = this.#tables.get(name);
    if (watched === undefined) return;
    if (op === Change.truncate) {
      for (const row of watched.rows.values()) row.add({ offset, xid: event.xid, row: undefined, kept: [] });
      return;
    }
    const { table } = watched;
    const places = keyPlaces(
      plan,
      table.key.map((i) => table.columns[i]!),
    );
    // Which rows it is about cannot be told.
    if (places === undefined) this.#tables.delete(name);
    else {
      const row = watched.rows.get(keyOfEvent(event, places).join("\0"));
      if (row === undefined || offset < watched.from) return;
      row.add(changeOfEvent(event, offset, (column) => isShown(table, table.columns.indexOf(column))));
    }
  }

  /** What was noted says nothing any more. */
  forget(): void {
    this.#tables.clear();
  }

  /** @returns for each key what the stream says; undefined where it says nothing yet: from now on it is listened to */
  judge(table: ComparedTable, keys: readonly ReadKey[], { position: { offset }, shape }: AppliedMoment): (Judgement | undefined)[] {
    const name = fullName(table.name);
    let watched = this.#tables.get(name);
    if (watched !== undefined && watched.shape !== shape) {
      this.#tables.delete(name);
      watched = undefined;
    }
    if (!table.keyIsText || table.source.hashing === "value") return keys.map(() => undefined);
    if (watched === undefined) {
      watched = { table, shape, from: offset, rows: new Map() };
      this.#tables.set(name, watched);
    }
    const { rows } = watched;
    const wanted = new Map(keys.map((each) => [each.key.join("\0"), each]));
    for (const key of rows.keys()) if (!wanted.has(key)) rows.delete(key);
    return [...wanted].map(([key, { source, target }]) => {
      const row = rows.get(key) ?? new StreamedRow();
      rows.set(key, row);
      if (source !== undefined) row.seed(source.xmin, knownOf(table, source));
      const said = row.at(offset);
      return said === undefined ? undefined : judgement(table, said.row, target);
    });
  }
}

/** Whether a value of it is the same text wherever it is read, and may be seen. */
function isShown({ plain, redacted }: ComparedTable, column: number): boolean {
  return plain[column] === true && redacted[column] !== true;
}

function knownOf({ columns, plain }: ComparedTable, { values }: RowVersion): KnownColumns {
  return new Map(columns.flatMap((column, i): [string, string | null][] => (plain[i] === true ? [[column, values[i] ?? null]] : [])));
}

function judgement({ columns }: ComparedTable, known: KnownColumns | undefined, target: RowVersion | undefined): Judgement {
  if (known === undefined) return target === undefined ? { state: "clean" } : { state: "mismatch", kind: "extra", source: undefined, target };
  const values = columns.map((column, i) => (known.has(column) ? known.get(column)! : (target?.values[i] ?? null)));
  const source = { xmin: "", values };
  if (target === undefined) return { state: "mismatch", kind: "missing", source, target };
  // Rows of one key are judged by nobody but the sandwich.
  if (target.values.length !== columns.length) return { state: "hot" };
  if (values.some((value, i) => value !== target.values[i])) return { state: "mismatch", kind: "differing", source, target };
  return { state: columns.every((column) => known.has(column)) ? "clean" : "hot" };
}
