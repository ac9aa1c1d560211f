/**
 * How a process learns that it must stop.
 *
 * A process that is killed in the middle loses nothing (that is what positions are for), but one that ignores SIGTERM is killed by its
 * supervisor after ten seconds of silence, and one that cannot be interrupted while it drains makes people reach for kill -9. So the first
 * SIGTERM or SIGINT aborts the signal, and the loops drain; the second exits at once.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** The part of `process` that is needed here. */
interface SignalSource {
  on(event: "SIGTERM" | "SIGINT", listener: (name: NodeJS.Signals) => void): unknown;
  off(event: "SIGTERM" | "SIGINT", listener: (name: NodeJS.Signals) => void): unknown;
  exit(code: number): unknown;
}

export interface StopSignal {
  /** Aborted once the process must stop. */
  readonly signal: AbortSignal;
  /** Gives the signals back to Node, whose own handling ends the process at once. */
  dispose(): void;
}

/** 128 + the signal's number, as shells report a process that a signal ended. */
const exitCodes = { SIGINT: 130, SIGTERM: 143 } as const;

/** One Ctrl-C below `npm run` comes twice: from the terminal, and passed on by npm. */
const sameKeyMs = 500;

/**
 * Listens from now on. Call it once per process, before anything is started that needs draining.
 *
 * @param now milliseconds on a clock that only goes forward
 */
export function listenForStop(source: SignalSource = process, now: () => number = () => performance.now()): StopSignal {
  const controller = new AbortController();
  let interruptedAt = Number.NEGATIVE_INFINITY;
  const listener = (name: NodeJS.Signals): void => {
    const again = name === "SIGINT" && now() - interruptedAt < sameKeyMs;
    if (name === "SIGINT" && !again) interruptedAt = now();
    if (again) return;
    if (controller.signal.aborted) source.exit(name === "SIGINT" ? exitCodes.SIGINT : exitCodes.SIGTERM);
    else controller.abort();
  };
  source.on("SIGTERM", listener);
  source.on("SIGINT", listener);
  return {
    signal: controller.signal,
    dispose() {
      source.off("SIGTERM", listener);
      source.off("SIGINT", listener);
    },
  };
}

/** Node takes a longer timer for one of 1 ms. */
const longestTimerMs = 2 ** 31 - 1;

/** Waits, but no longer than until the process must stop. Says which of the two ended it; never throws. */
export async function waitOrStop(ms: number, signal: AbortSignal): Promise<"elapsed" | "stopped"> {
  try {
    await sleep(Math.min(ms, longestTimerMs), undefined, { signal });
    return "elapsed";
  } catch {
    return "stopped"; // An aborted signal is the only reason for which a timer rejects.
  }
}
