import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { tellerOf } from "../../../services/control/api-events.ts";

test("a listener that reads nothing is cut, and is not told on into memory", () => {
  const stuck = new Writable({ write: () => {}, decodeStrings: false });
  const tell = tellerOf(stuck);
  for (let told = 0; told < 100 && !stuck.destroyed; told += 1) tell("x".repeat(1 << 20));
  expect([stuck.destroyed, stuck.writableLength <= 6 << 20]).toEqual([true, true]);
});

test("one that reads is told everything", () => {
  const heard: string[] = [];
  const reading = new Writable({
    decodeStrings: false,
    write: (text: string, _, done) => {
      heard.push(text);
      done();
    },
  });
  const tell = tellerOf(reading);
  for (let told = 0; told < 10; told += 1) tell(String(told).repeat(1 << 20));
  expect([heard.map((text) => text[0]).join(""), reading.destroyed]).toEqual(["0123456789", false]);
});
