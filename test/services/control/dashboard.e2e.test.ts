/** The dashboard as `run all` serves it, in a real browser. */
import { afterAll, expect, test } from "vitest";
import { newApiKey } from "../../../services/control/api-keys.ts";
import { barriersOf, openBrowser } from "../../support/browser.ts";
import { createPipeline } from "../../support/pipeline.ts";
import { running } from "../../support/running-all.ts";

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

test("who comes without one is asked for it", async () => {
  await using opened = await browser.open(offtake.http);
  const { page, faults } = opened;
  await page.getByLabel("API key").fill(key);
  await page.keyboard.press("Enter");
  await page.getByText("trading").first().waitFor();
  expect(faults).toEqual([]);
});
