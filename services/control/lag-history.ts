/**
 * The last hour of one service, for whoever asks since when it is behind. A process that lives for months and remembers everything would die of it: there is room for so many samples, in columns of
 * numbers, and the newest takes the place of the oldest. What was not known is told as such: a line that is drawn across an outage says that all was well.
 *
 * Pure: no clock.
 */

/** Milliseconds between two samples, and how many are kept. */
export const historyEveryMs = 10_000;
export const historyLength = 360;

/** What of a service is remembered. Names are public: the API has them. */
export const historyColumns = [
  "captureBytes",
  "captureSeconds",
  "applyBytes",
  "applySeconds",
  "applyEvents",
  "eventsPerSecond",
  "retainedBytes",
] as const;
export type HistoryColumn = (typeof historyColumns)[number];

/** Null is what was not known. */
export interface HistorySample extends Readonly<Record<Exclude<HistoryColumn, "eventsPerSecond">, number | null>> {
  /** Records applied so far: two of them make the rate. */
  readonly appliedOffset: number | null;
}

/** Oldest first, all of one length. */
export interface History extends Readonly<Record<HistoryColumn, readonly (number | null)[]>> {
  /** Seconds since 1970. */
  readonly times: readonly number[];
}

export class LagHistory {
  readonly #length: number;
  readonly #times: Float64Array;
  /** NaN is what was not known. */
  readonly #columns: Readonly<Record<HistoryColumn, Float64Array>>;
  /** How many were ever added. */
  #added = 0;
  #before: { readonly at: number; readonly appliedOffset: number | null } | undefined;

  constructor(length = historyLength) {
    this.#length = length;
    const column = (): Float64Array => new Float64Array(length);
    this.#times = column();
    this.#columns = {
      captureBytes: column(),
      captureSeconds: column(),
      applyBytes: column(),
      applySeconds: column(),
      applyEvents: column(),
      eventsPerSecond: column(),
      retainedBytes: column(),
    };
  }

  /** @param at seconds since 1970, later than those before */
  add(at: number, sample: HistorySample): void {
    const place = this.#added % this.#length;
    const values = { ...sample, eventsPerSecond: this.#rate(at, sample.appliedOffset) };
    this.#times[place] = at;
    for (const name of historyColumns) this.#columns[name][place] = values[name] ?? Number.NaN;
    this.#added += 1;
    this.#before = { at, appliedOffset: sample.appliedOffset };
  }

  read(): History {
    const values = (name: HistoryColumn): (number | null)[] =>
      this.#inOrder(this.#columns[name]).map((value) => (Number.isNaN(value) ? null : value));
    return {
      times: this.#inOrder(this.#times),
      captureBytes: values("captureBytes"),
      captureSeconds: values("captureSeconds"),
      applyBytes: values("applyBytes"),
      applySeconds: values("applySeconds"),
      applyEvents: values("applyEvents"),
      eventsPerSecond: values("eventsPerSecond"),
      retainedBytes: values("retainedBytes"),
    };
  }

  /** A target that was restored goes back: nothing is applied at less than nothing a second. */
  #rate(at: number, offset: number | null): number | null {
    const before = this.#before;
    if (before === undefined || before.appliedOffset === null || offset === null || offset < before.appliedOffset || at <= before.at) return null;
    return (offset - before.appliedOffset) / (at - before.at);
  }

  #inOrder(column: Float64Array): number[] {
    const next = this.#added % this.#length;
    if (this.#added < this.#length) return [...column.subarray(0, next)];
    return [...column.subarray(next), ...column.subarray(0, next)];
  }
}
