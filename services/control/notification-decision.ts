/**
 * What a webhook is to be told: that something has begun that somebody has to know, and that it is over. Told twice, it is a nuisance; told again each time that it comes and goes, it is what people
 * learn to ignore; not told, nobody comes.
 *
 * Pure.
 */

/** Something that is not well. */
export interface Concern {
  /** The same for the same thing, as `slot trading`. */
  readonly key: string;
  /** A service, or a unit. */
  readonly where: string;
  /** A sentence. */
  readonly what: string;
}

/** What a webhook was told last of a concern. */
export interface Told extends Concern {
  readonly state: "raised" | "cleared";
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface News {
  readonly event: "raised" | "cleared";
  readonly concern: Concern;
}

/**
 * @param told the newest of each concern
 * @param coolDownMs since the last word of a concern, for which it is not raised again; its end is told at once
 * @param now milliseconds since 1970
 */
export function newsOf(told: readonly Told[], concerns: readonly Concern[], coolDownMs: number, now: number): News[] {
  const last = new Map(told.map((each) => [each.key, each]));
  const raised = concerns.filter(({ key }) => {
    const before = last.get(key);
    return before === undefined || (before.state === "cleared" && now - before.at >= coolDownMs);
  });
  const over = told.filter(({ key, state }) => state === "raised" && !concerns.some((concern) => concern.key === key));
  return [
    ...raised.map((concern): News => ({ event: "raised", concern })),
    ...over.map(({ key, where, what }): News => ({ event: "cleared", concern: { key, where, what } })),
  ];
}

/** What has lasted for a while: a process that starts is not ready yet, and nobody has to come for it. */
export class Lasting {
  readonly #forMs: number;
  #since = new Map<string, number>();

  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  /** @param now milliseconds since 1970 */
  of(concerns: readonly Concern[], now: number): Concern[] {
    this.#since = new Map(concerns.map(({ key }) => [key, this.#since.get(key) ?? now]));
    return concerns.filter(({ key }) => now - this.#since.get(key)! >= this.#forMs);
  }
}
