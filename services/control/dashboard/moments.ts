/**
 * Moments as text, in UTC or in the time of the browser, always with which of the two: a log of the monolith is in UTC, and the pager's message is not. Pure but for the time zone of the browser.
 */
import { secondsText } from "./measures.ts";

export type Zone = "UTC" | "local";

/** @param iso ISO 8601. @returns `2026-11-22 06:50:12 UTC`, or with the difference, `2026-11-22 07:50:12 +01:00` */
export function momentText(iso: string | null | undefined, zone: Zone): string {
  const moment = momentOf(iso);
  if (moment === undefined) return "unknown";
  if (zone === "UTC") return `${moment.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const minutes = -moment.getTimezoneOffset();
  const local = new Date(moment.getTime() + minutes * 60_000).toISOString().slice(0, 19).replace("T", " ");
  return `${local} ${differenceText(minutes)}`;
}

/** @returns the time of day alone, `06:50:12 UTC` */
export function timeText(iso: string | null | undefined, zone: Zone): string {
  const text = momentText(iso, zone);
  return text === "unknown" ? text : text.slice(11);
}

/** @param minutes east of Greenwich */
export function differenceText(minutes: number): string {
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
  return `${minutes < 0 ? "-" : "+"}${String(hours).padStart(2, "0")}:${String(rest).padStart(2, "0")}`;
}

/** @param now of the same clock, ISO 8601. @returns `5 min 3 s ago`; `never` for null */
export function ageText(iso: string | null | undefined, now: string | undefined): string {
  if (iso === null) return "never";
  const seconds = ageSeconds(iso, now);
  // Two processes look at the same clock at different times.
  return seconds === undefined ? "unknown" : seconds < 1 ? "just now" : `${secondsText(Math.floor(seconds)).replace(/\.0 s$/, " s")} ago`;
}

/** @returns undefined where one of the two is not known */
export function ageSeconds(iso: string | null | undefined, now: string | undefined): number | undefined {
  const [then, at] = [momentOf(iso), momentOf(now)];
  return then === undefined || at === undefined ? undefined : (at.getTime() - then.getTime()) / 1000;
}

function momentOf(iso: string | null | undefined): Date | undefined {
  const moment = new Date(iso ?? Number.NaN);
  return Number.isNaN(moment.getTime()) ? undefined : moment;
}
