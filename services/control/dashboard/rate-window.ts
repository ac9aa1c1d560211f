/** A rate out of a counter that is looked at about once a second: over some seconds, since the counter goes on in steps. Pure. */
interface Look {
  /** ISO 8601. */
  readonly at: string;
  readonly count: number;
}

/** Seconds that the rate is of. */
const windowSeconds = 10;

export class RateWindow {
  #looks: readonly Look[] = [];

  /** @param count null where it could not be read. @returns a second, over the last looks; null while there are not two of them, and where the counter has gone back: it is another one */
  add(at: string, count: number | null): number | null {
    const newest = this.#looks.at(-1);
    if (count === null || (newest !== undefined && newest.count > count)) this.#looks = [];
    if (count === null) return null;
    this.#looks = [...this.#looks.filter((look) => secondsBetween(look.at, at) <= windowSeconds), { at, count }];
    const first = this.#looks[0]!;
    const seconds = secondsBetween(first.at, at);
    return seconds <= 0 ? null : (count - first.count) / seconds;
  }
}

function secondsBetween(from: string, to: string): number {
  return (Date.parse(to) - Date.parse(from)) / 1000;
}
