/**
 * A real browser for the tests of a file: the system's Chromium, without a window.
 *
 *     const browser = await openBrowser();
 *     afterAll(async () => browser[Symbol.asyncDispose]());
 *     await using opened = await browser.open(`${url}/#key=${key}`);
 *     await opened.page.getByText("trading").waitFor();
 *     expect(opened.faults).toEqual([]);
 */
import axe, { type AxeResults } from "axe-core";
import { chromium as driver, type Page } from "playwright-core";
import { chromium } from "./chromium.ts";

export interface OpenedPage extends AsyncDisposable {
  readonly page: Page;
  /** What the page has thrown, or Chromium complained of: an error nobody caught, a file that was refused, the Content-Security-Policy. */
  readonly faults: readonly string[];
}

export interface PageOptions {
  /** Default light. */
  readonly colorScheme?: "light" | "dark";
  /** Default 1280 x 800. */
  readonly viewport?: { readonly width: number; readonly height: number };
  /** As the tz database names it; default UTC. */
  readonly timezone?: string;
}

/** `await using`, or [Symbol.asyncDispose]() in afterAll, ends it with its pages. */
export interface TestBrowser extends AsyncDisposable {
  readonly version: string;
  /** A page of its own, which has nothing in its storage. */
  open(url: string, options?: PageOptions): Promise<OpenedPage>;
}

export async function openBrowser(): Promise<TestBrowser> {
  // Chromium refuses to run as root in a sandbox, which every container of a CI would make it do.
  const browser = await driver.launch({ executablePath: chromium(), chromiumSandbox: process.getuid?.() !== 0 });
  return {
    version: browser.version(),
    async open(url, { colorScheme = "light", viewport = { width: 1280, height: 800 }, timezone = "UTC" } = {}) {
      const context = await browser.newContext({ colorScheme, viewport, timezoneId: timezone, locale: "en-GB", reducedMotion: "reduce" });
      const page = await context.newPage();
      const faults: string[] = [];
      page.on("pageerror", (error) => faults.push(String(error)));
      page.on("console", (message) => void (message.type() === "error" && faults.push(message.text())));
      await page.goto(url);
      return { page, faults, [Symbol.asyncDispose]: async () => context.close() };
    },
    [Symbol.asyncDispose]: async () => browser.close(),
  };
}

/** What keeps somebody from using the page, as axe finds it: a rule and the element that breaks it, each. */
export async function barriersOf(page: Page): Promise<string[]> {
  // By the debugger, since the page's Content-Security-Policy lets nobody add a script to it.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>("axe.run()");
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary = "" }) => `${id}: ${html}: ${failureSummary}`));
}
