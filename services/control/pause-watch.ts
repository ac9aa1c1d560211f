/**
 * What one process knows of pauses: looked at every second, for all its appliers and reconcilers. While the control database is away everything stays as it was, paused or not; where
 * it was never asked, it is taken for not paused. An applier that waited for that database would make it one more thing that replication needs.
 */
import type { Complaints } from "../runtime/complaints.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import type { ControlSession } from "./control-session.ts";
import { type Pause, readPauses } from "./pauses.ts";

/** Milliseconds between two looks, and for which an applier that starts waits for the first of them. */
const lookMs = 1000;
const firstLookMs = 5000;

interface Waiting {
  readonly connector: string;
  readonly paused: boolean;
  readonly met: () => void;
}

export interface PauseWatchOptions {
  readonly connectors: readonly string[];
  readonly complaints: Complaints;
  /** Told at each look, of each connector. */
  readonly looked: (connector: string, paused: boolean) => void;
}

export class PauseWatch {
  readonly #control: ControlSession;
  readonly #options: PauseWatchOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #firstLook = new AbortController();
  #pauses: ReadonlyMap<string, Pause> = new Map();

  constructor(control: ControlSession, options: PauseWatchOptions) {
    this.#control = control;
    this.#options = options;
  }

  /** Until it is stopped; the session is the caller's to end. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      await waitOrStop(lookMs, signal);
    }
  }

  /** As it is known; waits a little for the first look. */
  async pauseOf(connector: string, signal: AbortSignal): Promise<Pause | undefined> {
    if (!this.#firstLook.signal.aborted) await waitOrStop(firstLookMs, AbortSignal.any([signal, this.#firstLook.signal]));
    return this.#pauses.get(connector);
  }

  /** Ends once the service is so, or the signal is aborted. */
  async until(connector: string, wanted: "paused" | "resumed", signal: AbortSignal): Promise<void> {
    const paused = wanted === "paused";
    if (this.#pauses.has(connector) === paused || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = { connector, paused, met: resolve };
    this.#waiting.add(waiting);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    this.#waiting.delete(waiting);
  }

  /** Runs `work` with a signal that is aborted, too, once the service is so: it ends then, as when it is stopped. @throws what `work` does */
  async workUntil(connector: string, wanted: "paused" | "resumed", work: (turn: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const turn = AbortSignal.any([signal, over.signal]);
    const met = this.until(connector, wanted, turn).then(() => over.abort());
    try {
      await work(turn);
    } finally {
      over.abort();
      await met;
    }
  }

  /** As workUntil() a pause. @throws what `work` does, but for INTERRUPTED after its signal */
  async untilPaused(connector: string, work: (turn: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void> {
    const interruptible = async (turn: AbortSignal): Promise<void> => {
      try {
        await work(turn);
      } catch (error) {
        if (!turn.aborted || asOfftakeError(error).code !== "INTERRUPTED") throw error;
      }
    };
    await this.workUntil(connector, "paused", interruptible, signal);
  }

  async #look(): Promise<void> {
    const { connectors, complaints, looked } = this.#options;
    try {
      this.#pauses = await readPauses(this.#control, connectors);
    } catch (error) {
      complaints.say(asOfftakeError(error), "whether somebody has paused or resumed an applier cannot be seen: they stay as they are");
    }
    this.#firstLook.abort();
    for (const connector of connectors) looked(connector, this.#pauses.has(connector));
    for (const { connector, paused, met } of this.#waiting) if (this.#pauses.has(connector) === paused) met();
  }
}
