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
  const raised = concerns.filter(({ key }, i) => {
    // One server that is away fails several questions about a service.
    if (concerns.findIndex((each) => each.key === key) < i) return false;
    const before = last.get(key);
    return before === undefined || (before.state === "cleared" && now - before.at >= coolDownMs);
  });
  const over = told.filter(({ key, state }) => state === "raised" && !concerns.some((concern) => concern.key === key));
  return [
    ...raised.map((concern): News => ({ event: "raised", concern })),
    ...over.map(({ key, where, what }): News => ({ event: "cleared", concern: { key, where, what } })),
  ];
}

/**
 * What has lasted for a while: a process that starts is not ready yet, and nobody has to come for it. Nor is anything over because somebody has only begun to look: a webhook was told so by each
 * process that took over, and nothing more of the trouble, which went on, before it had cooled down.
 */
export class Lasting {
  readonly #forMs: number;
  #since = new Map<string, number>();
  #begunAt: number | undefined;

  constructor(forMs: number) {
    this.#forMs = forMs;
  }

  /**
   * @param told of those that a webhook was told of
   * @param now milliseconds since 1970
   */
  of(concerns: readonly Concern[], told: readonly Told[], now: number): Concern[] {
    this.#begunAt ??= now;
    this.#since = new Map(concerns.map(({ key }) => [key, this.#since.get(key) ?? now]));
    const raised = told.filter(({ state }) => state === "raised");
    const lasting = concerns.filter(({ key }) => now - this.#since.get(key)! >= this.#forMs || raised.some((each) => each.key === key));
    if (now - this.#begunAt >= this.#forMs) return lasting;
    // Who reports what is not well may not have begun either.
    return [...lasting, ...raised.filter(({ key }) => !this.#since.has(key))];
  }
}
