/**
 * Figures as people read them at three in the morning: two or three digits and a unit. What is not known is said to be that, and is never 0. Pure.
 */
const unknown = "unknown";
const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** @param seconds of a lag or an age; null for unknown */
export function secondsText(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return unknown;
  if (seconds < 0.9995) return `${Math.max(Math.round(seconds * 1000), 0)} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < minute) return `${whole} s`;
  if (whole < hour) return parts(whole, minute, "min", 1, "s");
  if (whole < day) return parts(whole, hour, "h", minute, "min");
  return parts(whole, day, "d", hour, "h");
}

function parts(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  const most = `${Math.floor(seconds / large)} ${largeName}`;
  return rest === 0 ? most : `${most} ${rest} ${smallName}`;
}

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytesText(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined || !Number.isFinite(bytes)) return unknown;
  let scaled = bytes;
  let unit = 0;
  // What is rounded to 1024 of a unit is 1 of the next.
  while (Math.abs(scaled) >= 1023.95 && unit < byteUnits.length - 1) {
    scaled /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? Math.round(scaled) : scaled.toFixed(1)} ${byteUnits[unit]}`;
}

/** @param count a whole number, with a comma between thousands */
export function countText(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return unknown;
  return Math.round(count)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",");
}

/** @param perSecond events or rows */
export function rateText(perSecond: number | null | undefined): string {
  const count = countText(perSecond);
  return count === unknown ? unknown : `${count}/s`;
}

/** @param share from 0 to 1 */
export function shareText(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** `1 table`, `2 tables`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}
