/** Fifty services with two hundred tables each, all of which change every second: on-call's laptop has other things to do than to draw them. */
import { afterAll, expect, test } from "vitest";
import type { BoardService } from "../../../../services/cli/control-board.ts";
import { rateText, secondsText } from "../../../../services/control/dashboard/measures.ts";
import { openBrowser } from "../../../support/browser.ts";
import { manyServices } from "../../../support/many-services.ts";
import { waitFor } from "../../../support/wait-for.ts";

const installation = await manyServices();
const browser = await openBrowser();
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await installation[Symbol.asyncDispose]();
});

/** Most of the page's main thread, by the processor's time and not by the clock: a machine that is busy with something else does not make the page slow. */
const mostBusy = 0.2;
const updates = 4;

/** In the page: until what it shows has changed so many times. Changes of one update come within a moment of each other. */
const untilChanged = `new Promise((resolve) => {
  let [left, last] = [${updates}, performance.now()];
  const observer = new MutationObserver(() => {
    if (performance.now() - last < 300) return;
    last = performance.now();
    left -= 1;
    if (left > 0) return;
    observer.disconnect();
    resolve();
  });
  observer.observe(document.querySelector("main"), { subtree: true, childList: true, characterData: true });
})`;

test.each([
  ["#/", "service-49"],
  ["#/service/service-07", "public.table_199"],
])("%s, where %s is, leaves the main thread idle most of the time", async (view, shown) => {
  await using opened = await browser.open(installation.address);
  const { page, faults } = opened;
  await page.evaluate(`location.hash = ${JSON.stringify(view)}`);
  await page.getByText(shown).first().waitFor();
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async (): Promise<number> =>
    (await devtools.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration")!.value;
  const [before, since] = [await worked(), performance.now()];
  await page.evaluate(untilChanged);
  const busy = ((await worked()) - before) / ((performance.now() - since) / 1000);
  expect(busy).toBeGreaterThan(0);
  expect(busy).toBeLessThan(mostBusy);
  expect(faults).toEqual([]);
});

test("and all of them are shown as they are", async () => {
  await using opened = await browser.open(installation.address);
  const { page, faults } = opened;
  await page.getByText("service-49").first().waitFor();
  const services: readonly BoardService[] = installation.freeze().services;
  const expected = services.map(({ service, lag, eventsPerSecond }) =>
    [service, rateText(eventsPerSecond), `${secondsText(lag.apply.seconds)},`].join(" "),
  );
  const shown = async (): Promise<string[]> => {
    const rows = await page.locator(".flow tbody tr").all();
    return Promise.all(
      rows.map(async (row) => {
        const name = await row.locator("th").innerText();
        const apply = row.locator("td.edge").nth(1);
        return [name, await apply.locator(".rate").innerText(), (await apply.locator(".lag").innerText()).split(",")[0]].join(" ") + ",";
      }),
    );
  };
  await waitFor(async () => (await shown()).toSorted().join() === expected.toSorted().join(), { what: "every service to be as it is" });
  expect(faults).toEqual([]);
});
