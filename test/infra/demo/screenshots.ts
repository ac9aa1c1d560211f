/**
 * `npm run screenshots`: pictures of the dashboard's views for docs/dashboard.md, light and dark, of the real demo. So that there is something to be seen, it does what goes wrong elsewhere: rows of a
 * target are changed by hand, an event comes that a target refuses, a service is paused. A picture of a view is taken when the view says what it is to show, and never of one that is empty.
 */
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { openBrowser } from "../../support/browser.ts";
import { waitFor } from "../../support/wait-for.ts";
import { DemoProcess } from "./demo-process.ts";

const folder = fileURLToPath(new URL("../../../docs/dashboard/", import.meta.url));

/** Samples of a service's history, one in ten seconds: what makes a line. */
const samples = 12;

/** Each view with what it says as soon as there is something to be seen. */
const views = [
  ["overview", "#/", "5 services"],
  ["service", "#/service/trading-engine", "public.trades"],
  ["slots", "#/slots", "offtake_trading_engine"],
  ["mismatches", "#/mismatches", "source_code"],
  ["dead-letters", "#/dead-letters", "users_full_name_fits"],
  ["jobs", "#/jobs", "reconcile"],
  ["audit", "#/audit", "resume"],
] as const;

const progress = (line: string): void => void process.stderr.write(`${line}\n`);

await using demo = new DemoProcess("--hold", "--rows", "2000", "--json");
progress("Starting the demo");
await demo.untilItSays(/^held: [1-9]/m);
const address = new URL(said(/^Dashboard: (\S+)$/m));
await unwell();
progress(`Waiting for ${samples} samples of the history`);
await waitFor(
  async () =>
    JSON.stringify(await ask("GET", "/services/trading-engine/history"))
      .split('"times":')[1]!
      .split("]")[0]!
      .split(",").length >= samples,
  {
    what: "the history",
    timeout: 600_000,
  },
);
await pictures();
demo.child.kill("SIGINT");
await demo.ended;

function said(pattern: RegExp): string {
  const found = pattern.exec(demo.stderr)?.[1];
  if (found === undefined) throw new Error(`the demo has not said ${pattern}`);
  return found;
}

async function ask(method: "GET" | "POST", path: string, body?: object): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${address.origin}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${address.hash.replace("#key=", "")}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer: Record<string, unknown> = JSON.parse(await response.text());
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
  return answer;
}

/** One statement, of the monolith or of a service's database, by the name that the demo gives it. */
async function query(database: string, sql: string): Promise<void> {
  const client = new pg.Client(said(new RegExp(String.raw`^  ${database} +(postgres\S+)$`, "m")));
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function unwell(): Promise<void> {
  progress("Changing rows of a target by hand");
  const untouched = "SELECT id FROM strategies s WHERE NOT EXISTS (SELECT FROM agent_status a WHERE a.strategy_id = s.id) ORDER BY id";
  await query("orchestrator", `UPDATE strategies SET source_code = '-- tried something', max_drawdown = 0.9 WHERE id = (${untouched} LIMIT 1)`);
  await query("orchestrator", `DELETE FROM strategies WHERE id = (${untouched} OFFSET 1 LIMIT 1)`);
  await query("orchestrator", "INSERT INTO agent_status (agent, host) VALUES ('tried', 'by-hand')");
  const wrong = async (): Promise<number> => JSON.stringify(await ask("GET", "/mismatches?service=orchestrator")).split('"foundAt"').length - 1;
  await waitFor(
    async () => {
      await done("/services/orchestrator/reconcile", { tables: [], level: "detailed" });
      return (await wrong()) >= 3;
    },
    { what: "the mismatches", timeout: 180_000 },
  );
  progress("Having an event refused");
  await query("api-gateway", "ALTER TABLE users ADD CONSTRAINT users_full_name_fits CHECK (length(full_name) <= 60)");
  const [ada, long] = ["ada@example.com", "Ada Augusta King, Countess of Lovelace, born Byron, of Ockham Park"];
  await query("monolith", `INSERT INTO users (email, full_name, country, password_hash) VALUES ('${ada}', 'Ada Lovelace', 'GB', '\\x00')`);
  await query("monolith", `UPDATE users SET full_name = '${long}' WHERE email = '${ada}'`);
  await query("monolith", `UPDATE users SET two_factor = true WHERE email = '${ada}'`);
  await waitFor(async () => JSON.stringify(await ask("GET", "/dead-letters?service=api-gateway")).includes('"deadLetters":2'), {
    what: "both to wait",
  });
  await ask("POST", "/services/analytics/pause", {});
  await ask("POST", "/services/analytics/resume", {});
  await done("/services/orchestrator/repair", { tables: [], dryRun: true });
  await done("/services/trading-engine/snapshot", { tables: ["positions"] });
  await done("/services/trading-engine/reconcile", { tables: [], level: "detailed" });
}

/** Asks for a job, and waits for its end. */
async function done(path: string, body: object): Promise<void> {
  const [, id] = /"id":"(\w+)"/.exec(JSON.stringify(await ask("POST", path, body))) ?? [];
  await waitFor(async () => ["done", "failed", "cancelled"].includes(String((await ask("GET", `/jobs/${id}`))["state"])), {
    what: `the job of ${path}`,
    timeout: 180_000,
  });
}

async function pictures(): Promise<void> {
  await mkdir(folder, { recursive: true });
  await using browser = await openBrowser();
  for (const colorScheme of ["light", "dark"] as const) {
    await using opened = await browser.open(address.href, { colorScheme, viewport: { width: 1280, height: 640 } });
    const { page, faults } = opened;
    for (const [name, hash, text] of views) {
      await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
      const main = page.locator("main");
      await main.getByText(text).first().waitFor();
      if (name === "dead-letters") {
        await main.getByText("Events of the queue").click();
        await main.getByText("[redacted]").first().waitFor();
      }
      await waitFor(async () => !(await main.innerText()).includes("Waiting for"), { what: "all of the view" });
      // Rates are known once a second patch has come.
      if (name === "overview") await waitFor(async () => !(await main.innerText()).includes("unknown"), { what: "the rates" });
      // Whoever opens a view by its address has the heading in focus, framed.
      await page.evaluate("document.activeElement.blur()");
      await page.screenshot({ path: `${folder}${name}-${colorScheme}.png`, fullPage: true });
      progress(`docs/dashboard/${name}-${colorScheme}.png`);
    }
    if (faults.length > 0) throw new Error(`the page has failed: ${faults.join("; ")}`);
  }
}
