/**
 * The stream as passes ask it about hot rows: followed from the moment when somebody asks first, since most passes have none. A topic that cannot be read decides nothing, and is no fault
 * of the tables: the row stays undecided.
 */
import type { Configuration, ServiceConfiguration } from "../runtime/configuration.ts";
import type { ComparedTable } from "./compared-table.ts";
import { type AppliedMoment, HotRows, type ReadKey } from "./hot-rows.ts";
import type { Judgement } from "./sandwich.ts";
import { TopicFollower } from "./topic-follower.ts";

/** Milliseconds until the follower has what the target has: both read the same topic. */
const patienceMs = 2000;

export class HotStream {
  readonly #configuration: Configuration;
  readonly #service: ServiceConfiguration;
  readonly #stopped = new AbortController();
  readonly #rows = new HotRows();
  #following: Promise<TopicFollower | undefined> | undefined;

  constructor(configuration: Configuration, service: ServiceConfiguration) {
    this.#configuration = configuration;
    this.#service = service;
  }

  /** As HotRows.judge(). Never throws. */
  async judge(table: ComparedTable, keys: readonly ReadKey[], moment: AppliedMoment): Promise<readonly (Judgement | undefined)[]> {
    this.#following ??= this.#follow(moment.position);
    const follower = await this.#following;
    const isThere = follower !== undefined && (await follower.reached(moment.position.offset, patienceMs, this.#stopped.signal));
    return isThere ? this.#rows.judge(table, keys, moment) : [];
  }

  async end(): Promise<void> {
    this.#stopped.abort();
    await (await this.#following)?.close();
  }

  async #follow(from: AppliedMoment["position"]): Promise<TopicFollower | undefined> {
    const rows = this.#rows;
    const told = { event: rows.note.bind(rows), takenOver: rows.forget.bind(rows) };
    try {
      const follower = await TopicFollower.open(this.#configuration, this.#service, from, told);
      void follower
        .run(this.#stopped.signal)
        // The next one who asks begins anew.
        .catch(() => undefined)
        .finally(() => {
          rows.forget();
          this.#following = undefined;
          if (!this.#stopped.signal.aborted) void follower.close();
        });
      return follower;
    } catch {
      this.#following = undefined;
      return undefined;
    }
  }
}
