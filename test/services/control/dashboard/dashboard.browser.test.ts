/**
 * The dashboard of a real installation in a real browser: what each view says, and what each of its actions does to the monolith's and the service's databases. The tests follow one another,
 * as a night on call does.
 */
import type { Page } from "playwright-core";
import { afterAll, describe, expect, test } from "vitest";
import type { History } from "../../../../services/control/lag-history.ts";
import { barriersOf } from "../../../support/browser.ts";
import { waitFor } from "../../../support/wait-for.ts";
import { servedApi } from "../../cli/served-api.ts";
import { watchedInstallation } from "./watched-installation.ts";

const installation = await watchedInstallation();
const { pipeline, all, keys } = installation;
const { source, target } = pipeline;
afterAll(async () => installation[Symbol.asyncDispose]());

const views = ["#/", "#/service/trading", "#/slots", "#/mismatches", "#/dead-letters", "#/jobs", "#/audit"] as const;

/** Waits until the view says all of it. */
async function says(page: Page, ...texts: readonly string[]): Promise<void> {
  const main = page.locator("main");
  for (const text of texts) await main.getByText(text).first().waitFor();
}

/** The row, or the item, that has a text. */
function rowOf(page: Page, text: string): ReturnType<Page["locator"]> {
  return page.locator("tr, li.queue").filter({ hasText: text });
}

/** The state and the buttons of an action, by its label. */
function button(page: Page, name: string): ReturnType<Page["getByRole"]> {
  return page.getByRole("button", { name, exact: true });
}

async function go(page: Page, view: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(view)}`);
}

/** Types what a dangerous action wants to know. */
async function confirm(page: Page, label: string, reason?: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  expect(await dialog.getByRole("button", { name: label, exact: true }).isDisabled()).toBe(true);
  await dialog.getByText("Type trading to go on.").waitFor();
  await dialog.getByLabel("Name of the service").fill("trading");
  if (reason !== undefined) {
    await dialog.getByText("Say why, for the audit.").waitFor();
    await dialog.getByLabel("Reason").fill(reason);
  }
  await dialog.getByRole("button", { name: label, exact: true }).click();
}

async function rows(sql: string): Promise<string[]> {
  return (await target.query<{ row: string }>(sql)).rows.map(({ row }) => row);
}

/** Failed requests are Chromium's to tell, and the page's to show. */
function ownFaults(faults: readonly string[]): string[] {
  return faults.filter((fault) => !fault.startsWith("Failed to load resource"));
}

async function waiting(): Promise<number | null> {
  return (await target.query("SELECT FROM offtake.dead_letter WHERE state = 'waiting'")).rowCount;
}

async function history(): Promise<History> {
  const answer = await fetch(`${all.http}/api/v1/services/trading/history`, { headers: { authorization: `Bearer ${keys.viewer}` } });
  const body: History = JSON.parse(await answer.text());
  return body;
}

const notesSql = "SELECT id || ' ' || note AS row FROM trades WHERE id <= 3 ORDER BY id";

await source.query(
  "INSERT INTO trades SELECT i, 'note ' || i, 'DE' || i FROM generate_series(1, 20) i; INSERT INTO orders SELECT i, i FROM generate_series(1, 5) i",
);
await waitFor(async () => (await target.query("SELECT FROM trades UNION ALL SELECT FROM orders")).rowCount === 25, {
  what: "the rows to be applied",
});

describe("somebody without a key", () => {
  test("is asked for one, told how it is made, and told why one was not taken", async () => {
    await using opened = await installation.open("", undefined);
    const { page, faults } = opened;
    await says(page, "offtake config api-key ada --role viewer");
    expect(await barriersOf(page)).toEqual([]);
    await page.getByLabel("API key").fill("offtake_wrong");
    await page.keyboard.press("Enter");
    await says(page, "The request has no key that is known.", "`offtake config api-key` makes one.");
    await page.getByLabel("API key").fill(keys.viewer);
    await page.keyboard.press("Enter");
    await says(page, "1 service: 1 ok");
    expect(await page.getByText("the viewer (viewer)").isVisible()).toBe(true);
    await page.reload();
    await says(page, "1 service: 1 ok");
    await button(page, "Sign out").click();
    await page.getByLabel("API key").waitFor();
    expect(await page.evaluate("Object.keys(sessionStorage)")).toEqual([]);
    expect(ownFaults(faults)).toEqual([]);
  });

  test("may bring one in the address, which it leaves at once", async () => {
    await using opened = await installation.open("#/slots", "viewer");
    expect(opened.page.url()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#\/slots$/);
    await says(opened.page, pipeline.connector.slot);
    expect(opened.faults).toEqual([]);
  });
});

test("the overview is the way of the data, each node with a word, each edge with rate and lag", async () => {
  await using opened = await installation.open("#/", "viewer");
  const { page, faults } = opened;
  await says(page, "1 service: 1 ok");
  expect(await page.getByRole("region", { name: "Monolith" }).innerText()).toMatch(/^monolith\s+●\s*ok$/);
  const cells = async (): Promise<string[]> => rowOf(page, "trading").first().locator("th, td").allInnerTexts();
  await waitFor(async () => !(await cells()).join().includes("unknown"), { what: "rates" });
  const rate = String.raw`[\d,]+\/s\s+[\d.]+ m?s`;
  expect(await cells()).toEqual(
    [
      "^trading$",
      String.raw`^●\s*ok \S+$`,
      `^${rate}, .* [KM]?i?B$`,
      String.raw`^●\s*ok \d+ records$`,
      `^${rate}, 0 events$`,
      String.raw`^●\s*ok trading$`,
    ].map((pattern) => expect.stringMatching(new RegExp(pattern))),
  );
  await page.getByRole("link", { name: "trading" }).click();
  await page.getByRole("heading", { name: "Service trading", level: 1 }).waitFor();
  expect(await page.evaluate("document.activeElement.textContent")).toBe("Service trading");
  expect(faults).toEqual([]);
});

describe("a viewer", () => {
  test("sees the service's figures, tables and history, and why no button may be pressed", async () => {
    await using opened = await installation.open("#/service/trading", "viewer");
    const { page, faults } = opened;
    await says(page, "public.trades", "public.orders", "Apply lag, time");
    for (const name of ["Pause", "Resume", "Reconcile now", "Snapshot what is not copied", "Preview the repair", "Repair"]) {
      expect(await button(page, name).isDisabled()).toBe(true);
      const reason = await button(page, name).getAttribute("aria-describedby");
      expect(await page.locator(`[id="${reason}"]`).innerText()).toBe("Your key the viewer has the role viewer; this needs operator.");
    }
    for (const command of ["offtake pause trading", "offtake resume trading", "offtake reconcile trading", "offtake repair trading --dry-run"])
      expect(await page.getByText(command, { exact: true }).count()).toBe(1);
    await page.getByText("Apply lag, time as a table").click();
    await page.getByRole("columnheader", { name: "Apply lag, time, at most" }).waitFor();
    await page.getByLabel("WAL kept for the slot").check();
    await page.getByText("WAL kept for the slot as a table").waitFor();
    expect(await page.locator("canvas").count()).toBe(1);
    expect(faults).toEqual([]);
  });

  test("sees how much WAL each slot keeps", async () => {
    await using opened = await installation.open("#/slots", "viewer");
    const { page, faults } = opened;
    await says(page, pipeline.connector.slot);
    const text = await rowOf(page, pipeline.connector.slot).innerText();
    expect(text).toMatch(/●\s*ok\s+.* of 10\.0 GiB, 0 %\s/);
    expect(text).toMatch(/[0-9A-F]+\/[0-9A-F]+/);
    expect(faults).toEqual([]);
  });

  test("reads moments in UTC or in local time, and the page in the colours of choice, which stay", async () => {
    await using opened = await installation.open("#/audit", "viewer", { timezone: "Asia/Kathmandu", colorScheme: "dark" });
    const { page, faults } = opened;
    const background = async (): Promise<string> => page.evaluate("getComputedStyle(document.body).backgroundColor");
    await page.getByRole("heading", { name: "Audit" }).waitFor();
    expect(await background()).toBe("rgb(20, 22, 26)");
    await button(page, "light").click();
    expect(await background()).toBe("rgb(251, 251, 250)");
    await button(page, "local").click();
    await page.reload();
    await page.getByRole("heading", { name: "Audit" }).waitFor();
    expect([await background(), await button(page, "local").getAttribute("aria-pressed")]).toEqual(["rgb(251, 251, 250)", "true"]);
    await go(page, "#/jobs");
    await page.getByRole("heading", { name: "Jobs" }).waitFor();
    expect(faults).toEqual([]);
  });
});

test("the last hour is sampled while nobody looks", async () => {
  await waitFor(async () => (await history()).times.length > 0, { what: "a sample" });
  const { times, captureBytes, retainedBytes, applySeconds } = await history();
  expect([captureBytes.length, retainedBytes.length, applySeconds.length]).toEqual([times.length, times.length, times.length]);
  expect(retainedBytes[0]).toBeGreaterThan(0);
  expect(times[0]! * 1000).toBeGreaterThan(Date.now() - 3_600_000);
});

test("by the keyboard alone a service is found and paused, and its applier pauses; then it is resumed", async () => {
  await using opened = await installation.open("", undefined);
  const { page, faults } = opened;
  await page.getByLabel("API key").waitFor();
  const focused = async (): Promise<string> => page.evaluate("document.activeElement.textContent");
  const tabTo = async (text: string): Promise<void> => {
    for (let i = 0; i < 60 && (await focused()) !== text; i += 1) await page.keyboard.press("Tab");
    expect(await focused()).toBe(text);
    // Where the focus is has to be seen.
    expect(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")).not.toBe("none");
  };
  await page.keyboard.type(keys.operator);
  await page.keyboard.press("Enter");
  await says(page, "1 service: 1 ok");
  await page.keyboard.press("Tab");
  await tabTo("trading");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Service trading" }).waitFor();
  await waitFor(async () => !(await button(page, "Pause").isDisabled()), { what: "the button to be ready" });
  await tabTo("Pause");
  await page.keyboard.press("Enter");
  await says(page, "Paused: the applier stops within seconds.", "by api key the operator", "It is paused already, by api key the operator.");
  await waitFor(async () => (await all.reason()).startsWith("paused by api key the operator"), { what: "the applier to be paused" });
  await source.query("INSERT INTO orders VALUES (6, 6)");
  expect(await button(page, "Reconcile now").isDisabled()).toBe(true);
  await says(page, "A paused service is not compared: resume it first.");
  await waitFor(async () => (await page.getByLabel("Apply lag, events").locator("..").innerText()).includes("1"), { what: "the lag to be shown" });
  expect(await rows("SELECT id::text AS row FROM orders WHERE id = 6")).toEqual([]);
  await tabTo("Resume");
  await page.keyboard.press("Enter");
  await says(page, "Resumed: the applier goes on within seconds.");
  await waitFor(async () => (await rows("SELECT id::text AS row FROM orders WHERE id = 6")).length === 1, { what: "the row to be applied" });
  expect(faults).toEqual([]);
});

describe("an operator", () => {
  test("compares, sees what is wrong column by column, looks at the repair before it is made, and makes it", async () => {
    await target.query("UPDATE trades SET note = 'wrong', iban = 'FR2' WHERE id = 2; DELETE FROM trades WHERE id = 3");
    await using opened = await installation.open("#/service/trading", "operator");
    const { page, faults } = opened;
    await page.getByLabel("public.trades").check();
    await page.getByText("offtake reconcile trading public.trades", { exact: true }).waitFor();
    await button(page, "strict").click();
    await page.getByText("offtake reconcile trading public.trades --level strict", { exact: true }).waitFor();
    await button(page, "Reconcile now").click();
    await says(page, "Asked for: job j", "public.trades: mismatch, 20 rows compared, 1 differing, 1 missing, 0 extra");

    await go(page, "#/mismatches");
    await says(page, "1 differing, 1 missing, 0 extra. Last clean pass: never.");
    expect(await rowOf(page, "id = 2").innerText()).toMatch(
      /note:?\s+source "note 2", target wrong\s+iban:?\s+source \[[\da-f:]+\], target \[[\da-f:]+\]/,
    );
    expect(await rowOf(page, "id = 3").innerText()).toContain("in the monolith, not at the target");
    expect(await page.locator("main").innerText()).not.toContain("FR2");
    expect(await button(page, "Repair").isDisabled()).toBe(true);
    await says(page, "Look at the preview first.", "offtake repair trading public.trades --dry-run");
    await button(page, "Preview the repair").click();
    await says(
      page,
      "public.trades: 2 rows would be published again: 1 differing, 1 missing, 0 extra",
      "public.trades: rows that would be published again",
    );
    expect(await rows(notesSql)).toEqual(["1 note 1", "2 wrong"]);
    await button(page, "Repair").click();
    await confirm(page, "Repair");
    await waitFor(async () => (await rows(notesSql)).join() === "1 note 1,2 note 2,3 note 3", { what: "the rows to be repaired" });
    await says(page, "Mismatches that are listed are those of the last pass: the next one says what is left.");
    await go(page, "#/jobs");
    await says(page, "public.trades: 2 rows published again: all of them are equal now");
    await go(page, "#/service/trading");
    await button(page, "Reconcile now").click();
    await says(page, "public.trades: equal, 20 rows compared, 0 differing, 0 missing, 0 extra");
    await go(page, "#/mismatches");
    await says(page, "The newest passes have found no row wrong.");
    expect(faults).toEqual([]);
  });

  test("has a table copied again, and calls off a job that hangs", async () => {
    await target.query("DELETE FROM orders WHERE id = 1");
    await using opened = await installation.open("#/service/trading", "operator");
    const { page, faults } = opened;
    await says(page, "No table is marked as not copied. Select the tables that are to be copied again.");
    await page.getByLabel("public.orders").check();
    await button(page, "Snapshot").click();
    await page.getByRole("dialog").getByText("offtake snapshot start trading public.orders", { exact: true }).waitFor();
    await confirm(page, "Snapshot");
    await waitFor(async () => (await rows("SELECT id::text AS row FROM orders WHERE id = 1")).length === 1, { what: "the table to be copied" });
    await says(page, "copied");

    // Nothing can be written there, so that the pass waits for the target.
    await target.query("BEGIN; LOCK TABLE orders IN SHARE MODE");
    await source.query("INSERT INTO orders VALUES (7, 7)");
    try {
      await button(page, "Reconcile now").click();
      await go(page, "#/jobs");
      const running = rowOf(page, "running");
      const cancel = running.getByRole("button", { name: "Cancel", exact: true });
      await cancel.waitFor();
      expect(await running.locator("td").nth(4).innerText()).toBe("unknown");
      expect(await running.innerText()).toMatch(/curl -X POST -H "Authorization: Bearer \$OFFTAKE_API_KEY" http:\S+\/api\/v1\/jobs\/j\d+\/cancel/);
      await cancel.click();
      await rowOf(page, "cancelled").first().waitFor();
    } finally {
      await target.query("ROLLBACK");
    }
    expect(faults).toEqual([]);
  });

  test("finds a dead letter with its row, replays it in vain, mends the table and replays it, and may skip none", async () => {
    await target.query("ALTER TABLE trades ADD CONSTRAINT wanted CHECK (note <> 'bad')");
    // Of two events that are applied together the later one is what counts.
    await source.query("UPDATE trades SET note = 'bad' WHERE id IN (5, 6)");
    await waitFor(async () => (await waiting()) === 2, { what: "the events to wait" });
    await source.query("UPDATE trades SET note = 'worse' WHERE id = 5");
    await waitFor(async () => (await waiting()) === 3, { what: "the next event to wait" });
    await using opened = await installation.open("#/dead-letters", "operator");
    const { page, faults } = opened;
    await says(page, "2 queues of dead letters, oldest first.", "wanted");
    await page.getByLabel("Table, key or error has").fill("(6)");
    await says(page, "1 of 2 queues of dead letters, oldest first.");
    await page.getByLabel("Table, key or error has").fill("(5)");
    const queue = rowOf(page, "(5)");
    await queue.getByText("1 event behind it, of 1 key.").waitFor();
    await queue.getByText("Events of the queue, decoded").click();
    await queue.getByText("waits behind another").waitFor();
    const text = await queue.innerText();
    expect(text).toMatch(/note:?\s+bad/);
    expect(text).toMatch(/iban:?\s+\[redacted\]/);
    expect(text).toContain("Your key the operator has the role operator; this needs admin.");
    await queue.getByRole("button", { name: "Replay", exact: true }).click();
    await queue.getByText("Replay failed").waitFor();
    await target.query("ALTER TABLE trades DROP CONSTRAINT wanted");
    await queue.getByRole("button", { name: "Replay", exact: true }).click();
    await waitFor(async () => (await rows("SELECT note AS row FROM trades WHERE id = 5")).join() === "worse", { what: "the queue to be applied" });
    await page.getByLabel("Table, key or error has").fill("");
    await says(page, "1 queue of dead letters, oldest first.");
    expect(ownFaults(faults)).toEqual([]);
  });
});

describe("an admin", () => {
  test("skips an event with a reason, and replays all that is left", async () => {
    await target.query("ALTER TABLE trades ADD CONSTRAINT wanted CHECK (note <> 'bad')");
    await source.query("UPDATE trades SET note = 'bad' WHERE id = 7");
    await waitFor(async () => (await waiting()) === 2, { what: "the events to wait" });
    await using opened = await installation.open("#/dead-letters", "admin");
    const { page, faults } = opened;
    const queue = rowOf(page, "(7)");
    const skip = queue.getByRole("button", { name: "Skip", exact: true });
    await skip.click();
    await page.getByRole("dialog").waitFor();
    expect(await barriersOf(page)).toEqual([]);
    // Whoever thinks better of it is where they were.
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip");
    await skip.click();
    await confirm(page, "Skip", "known to be wrong");
    await waitFor(async () => (await target.query("SELECT FROM offtake.dead_letter WHERE state = 'skipped'")).rowCount === 1, {
      what: "the event to be dropped",
    });
    await says(page, "1 queue of dead letters, oldest first.");
    await target.query("ALTER TABLE trades DROP CONSTRAINT wanted");
    await button(page, "Replay all of trading").click();
    await says(page, "Nothing is put aside.");
    expect(await rows("SELECT note AS row FROM trades WHERE id IN (6, 7) ORDER BY id")).toEqual(["bad", "note 7"]);

    await go(page, "#/audit");
    await says(page, "skip dead letter", "reason: known to be wrong");
    const entries = await page.locator("tbody tr").allInnerTexts();
    const actions = ["replay", "skip", "replay", "replay", "reconcile", "snapshot", "reconcile", "repair", "resume", "pause"];
    for (const action of actions) expect(entries.some((entry) => entry.includes(`\t${action} `))).toBe(true);
    expect(entries.at(-1)).toMatch(/api key the operator\s+pause applier trading\s+trading\s+paused: false\s+paused: true/);
    expect(faults).toEqual([]);
  });
});

test("a stream that breaks is told of, with since when the figures are old, and comes back by itself with what was missed", async () => {
  await using opened = await installation.open("#/", "viewer");
  const { page, faults } = opened;
  await says(page, "1 service: 1 ok");
  installation.network.cut();
  const banner = page.locator(".banner");
  await banner.getByText(/^Live updates have stopped: the figures are of \d\d:\d\d:\d\d UTC\.$/).waitFor();
  expect(await banner.getAttribute("aria-live")).toBe("polite");
  await source.query("INSERT INTO orders SELECT i, i FROM generate_series(100, 149) i");
  await waitFor(async () => (await rows("SELECT id::text AS row FROM orders WHERE id = 149")).length === 1, { what: "the rows to be applied" });
  const records = async (): Promise<number> => Number(/ok (\d+) records/.exec(await rowOf(page, "trading").first().innerText())?.[1]);
  const before = await records();
  installation.network.mend();
  await waitFor(async () => (await records()) >= before + 50, { what: "what was missed" });
  await waitFor(async () => (await banner.innerText()) === "", { what: "the banner to go" });
  expect(ownFaults(faults)).toEqual([]);
});

test.each(["light", "dark"] as const)("nothing keeps anybody from using a view, %s", async (colorScheme) => {
  await using opened = await installation.open("#/", "admin", { colorScheme });
  const { page, faults } = opened;
  for (const view of views) {
    await go(page, view);
    await waitFor(async () => !/Waiting for|^$/.test(await page.locator("main").innerText()), { what: `the figures of ${view}` });
    expect([view, await barriersOf(page)]).toEqual([view, []]);
  }
  expect(faults).toEqual([]);
});

test("a connector and an applier that nobody runs are seen", async () => {
  await all.stop();
  await using api = await servedApi(pipeline.configuration);
  await using opened = await installation.browser.open(`${api.url}/#key=${api.keys.viewer}`);
  const { page, faults } = opened;
  await says(page, "1 service: 1 in trouble");
  expect(await rowOf(page, "trading").first().locator("td.node").allInnerTexts()).toEqual([
    expect.stringMatching(/^■\s*stopped \S+\s+no process runs it$/),
    expect.stringMatching(/^●\s*ok \d+ records$/),
    expect.stringMatching(/^■\s*stopped trading\s+no process runs it$/),
  ]);
  await page.getByRole("link", { name: "trading" }).click();
  await says(page, "no process runs it");
  expect(faults).toEqual([]);
});
