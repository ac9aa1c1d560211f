/**
 * Waits for a condition instead of for a time: as short as the machine allows, and with a limit that only a failure reaches.
 */
import { setTimeout as pause } from "node:timers/promises";

/**
 * Calls `condition` until it returns something other than undefined, null and false, and returns that.
 * What it throws counts as "not yet", and is the cause of the error when the time is up.
 *
 * @param options.what completes "waited 10 s for …"
 * @param options.timeout in milliseconds, default 30 s
 */
export async function waitFor<T>(
  condition: () => T | Promise<T>,
  options: { what: string; timeout?: number },
): Promise<Exclude<T, undefined | null | false>> {
  const timeout = options.timeout ?? 30_000;
  const limit = performance.now() + timeout;
  for (;;) {
    let cause: unknown;
    try {
      const value = await condition();
      if (isThere(value)) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > limit) throw new Error(`waited ${timeout / 1000} s for ${options.what}`, { cause });
    await pause(20);
  }
}

function isThere<T>(value: T): value is Exclude<T, undefined | null | false> {
  return value !== undefined && value !== null && value !== false;
}
