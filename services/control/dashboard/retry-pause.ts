/** How long to wait before the stream is asked for again: longer each time, since a control process that is being started has a hundred dashboards waiting for it. Pure. */
const firstMs = 500;
const mostMs = 15_000;

/** @param failures in a row, from 1. @param chance from 0 to 1, so that not all come back at once. @returns milliseconds */
export function retryPauseMs(failures: number, chance: number): number {
  const whole = Math.min(firstMs * 2 ** (failures - 1), mostMs);
  return Math.round(whole * (0.5 + chance / 2));
}
