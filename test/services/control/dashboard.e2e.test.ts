/** The dashboard as `run all` serves it, in a real browser. */
import { afterAll, expect, test } from "vitest";
import { newApiKey } from "../../../services/control/api-keys.ts";
import type { History } from "../../../services/control/lag-history.ts";
import { barriersOf, openBrowser } from "../../support/browser.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { running } from "../../support/running-all.ts";
import { waitFor } from "../../support/wait-for.ts";

const { key, hash } = newApiKey();
const pipeline = await createPipeline("CREATE TABLE trades (id int8 PRIMARY KEY, note text)");
await pipeline.up();
const { configuration } = pipeline;
const offtake = await running({ ...configuration, http: { ...configuration.http, apiKeys: [{ name: "ada", role: "viewer", hash }] } });
const browser = await openBrowser();
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await offtake[Symbol.asyncDispose]();
  await pipeline[Symbol.asyncDispose]();
});

test("who comes with a key sees the service, and the key leaves the address", async () => {
  await using opened = await browser.open(`${offtake.http}/#key=${key}`);
  const { page, faults } = opened;
  await page.getByText("trading").first().waitFor();
  expect(page.url()).toBe(`${offtake.http}/#/`);
  expect(await barriersOf(page)).toEqual([]);
  await page.reload();
  await page.getByText("trading").first().waitFor();
  expect(faults).toEqual([]);
});

async function history(): Promise<History> {
  const response = await fetch(`${offtake.http}/api/v1/services/trading/history`, { headers: { authorization: `Bearer ${key}` } });
  const body: History = JSON.parse(await response.text());
  return body;
}

test("the last hour is sampled while nobody looks", async () => {
  await waitFor(async () => (await history()).times.length > 0, { what: "a sample" });
  const { times, captureBytes, retainedBytes, applySeconds } = await history();
  expect([captureBytes.length, retainedBytes.length, applySeconds.length]).toEqual([times.length, times.length, times.length]);
  expect(retainedBytes[0]).toBeGreaterThan(0);
  expect(times[0]! * 1000).toBeGreaterThan(Date.now() - 3_600_000);
});

test("who comes without one is asked for it", async () => {
  await using opened = await browser.open(offtake.http);
  const { page, faults } = opened;
  await page.getByLabel("API key").fill(key);
  await page.keyboard.press("Enter");
  await page.getByText("trading").first().waitFor();
  expect(faults).toEqual([]);
});
