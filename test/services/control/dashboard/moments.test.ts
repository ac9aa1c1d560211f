import { expect, test } from "vitest";
import { ageSeconds, ageText, differenceText, momentText, timeText } from "../../../../services/control/dashboard/moments.ts";

const at = "2026-11-22T06:50:12.345Z";

test("a moment says which time it is", () => {
  expect([momentText(at, "UTC"), timeText(at, "UTC")]).toEqual(["2026-11-22 06:50:12 UTC", "06:50:12 UTC"]);
  const local = momentText(at, "local");
  const [, date, time, difference] = /^(\S+) (\S+) ([+-]\d\d:\d\d)$/.exec(local) ?? [];
  expect(new Date(`${date}T${time}${difference}`).toISOString()).toBe("2026-11-22T06:50:12.000Z");
  expect([0, 60, -210, 345].map(differenceText)).toEqual(["+00:00", "+01:00", "-03:30", "+05:45"]);
  expect([momentText(null, "UTC"), momentText("soon", "local"), timeText(undefined, "UTC")]).toEqual(["unknown", "unknown", "unknown"]);
});

test("an age is counted from what the server's clock said", () => {
  expect(ageSeconds(at, "2026-11-22T06:51:12.345Z")).toBe(60);
  expect(ageText(at, "2026-11-22T06:55:15.345Z")).toBe("5 min 3 s ago");
  expect(ageText(at, "2026-11-22T06:50:17.999Z")).toBe("5 s ago");
  expect(ageText(at, "2026-11-22T06:50:11.000Z")).toBe("just now");
  expect([ageText(null, at), ageText(at, undefined)]).toEqual(["never", "unknown"]);
});
