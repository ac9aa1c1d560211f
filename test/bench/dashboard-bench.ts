/**
 * The dashboard in a real browser: how much is sent, how long until something is painted, and how busy the page's main thread is where 50 services with 200 tables each change every second. The page, the API
 * and its stream of events are the product's; behind them stands a generated installation (test/support/many-services.ts), since a machine that ran so many services would measure those.
 */
import type { CDPSession, Page } from "playwright-core";
import { dashboardBundle } from "../../services/control/dashboard-bundle.ts";
import { openBrowser, type TestBrowser } from "../support/browser.ts";
import { type ManyServices, manyServices } from "../support/many-services.ts";
import { median, round } from "./figures.ts";

export interface DashboardOptions {
  /** Pages that are opened, one after the other. */
  readonly runs: number;
  /** For which each view is watched. */
  readonly seconds: number;
}

const size = { services: 50, tables: 200 };

/** Each view by what it is called in the answer. */
const views = { overview: "#/", service: "#/service/service-03", slots: "#/slots" };

export async function dashboardBench({ runs, seconds }: DashboardOptions, say: (line: string) => void): Promise<object> {
  const { page, assets } = await dashboardBundle();
  const bundleGzipBytes = [...assets.values()].reduce((sum, { gzip }) => sum + gzip.length, Buffer.byteLength(page));
  say(`bundle: ${bundleGzipBytes} bytes, compressed`);
  await using installation = await manyServices(size);
  await using browser = await openBrowser();
  const openings: Opening[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const one = await open(browser, installation);
    openings.push(one);
    say(`run ${run} of ${runs}: painted after ${round(one.firstPaintMs, 1)} ms, the services there after ${round(one.figuresMs, 1)} ms`);
  }
  const busyShare: Record<string, number> = {};
  for (const [name, hash] of Object.entries(views)) {
    busyShare[name] = round(await busy(browser, installation, hash, seconds), 3);
    say(`${name}: main thread busy for ${round(busyShare[name] * 100, 1)} % of ${seconds} s`);
  }
  return {
    bench: "dashboard",
    bundleGzipBytes,
    firstPaintMs: medianAndWorst(openings.map(({ firstPaintMs }) => firstPaintMs)),
    figuresMs: medianAndWorst(openings.map(({ figuresMs }) => figuresMs)),
    ...size,
    updatesPerSecond: 1,
    busyShare,
    seconds,
    runs,
    browser: browser.version,
  };
}

interface Opening {
  /** From the beginning of the navigation, in milliseconds: until something was painted, and until the services were there. */
  readonly firstPaintMs: number;
  readonly figuresMs: number;
}

const opening = `(async () => {
  while (!document.body.innerText.includes("service-00")) await new Promise((resolve) => requestAnimationFrame(resolve));
  const figuresMs = performance.now();
  return { firstPaintMs: performance.getEntriesByName("first-contentful-paint")[0].startTime, figuresMs };
})()`;

/** Nothing is in the browser's cache: each page is of a profile of its own. */
async function open(browser: TestBrowser, installation: ManyServices): Promise<Opening> {
  await using opened = await browser.open(installation.address);
  return await opened.page.evaluate<Opening>(opening);
}

async function busy(browser: TestBrowser, installation: ManyServices, hash: string, seconds: number): Promise<number> {
  await using opened = await browser.open(installation.address);
  const { page, faults } = opened;
  await page.evaluate(opening);
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
  const session = await page.context().newCDPSession(page);
  // The thread's own time: what else the machine does is not the page's.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const [busyBefore, looksBefore, since] = [await taskSeconds(session), installation.looks, performance.now()];
  await watched(page, seconds);
  const [busySeconds, looks, elapsed] = [
    (await taskSeconds(session)) - busyBefore,
    installation.looks - looksBefore,
    (performance.now() - since) / 1000,
  ];
  if (faults.length > 0) throw new Error(`the page has failed: ${faults.join("; ")}`);
  if (looks < seconds * 0.8) throw new Error(`there were ${looks} updates in ${seconds} s: the machine was too busy for one a second`);
  return busySeconds / elapsed;
}

/** Until so many seconds are over in the page; a view that shows nothing new all the while has none to be measured. */
async function watched(page: Page, seconds: number): Promise<void> {
  const changes = await page.evaluate<number>(`new Promise((resolve) => {
    let changes = 0;
    new MutationObserver((records) => { changes += records.length; }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    setTimeout(() => resolve(changes), ${seconds * 1000});
  })`);
  if (changes < seconds) throw new Error(`the page has changed ${changes} times in ${seconds} s: it does not follow what happens`);
}

async function taskSeconds(session: CDPSession): Promise<number> {
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "TaskDuration")?.value ?? Number.NaN;
}

function medianAndWorst(values: readonly number[]): { readonly median: number; readonly worst: number } {
  return { median: round(median(values), 1), worst: round(Math.max(...values), 1) };
}
