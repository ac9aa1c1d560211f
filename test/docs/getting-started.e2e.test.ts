/** docs/getting-started.md: every command and statement of it, in its order, with the addresses of the tests' servers in place of those of the page. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { createPipeline } from "../support/pipeline.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { waitFor } from "../support/wait-for.ts";

const page = readFileSync(new URL("../../docs/getting-started.md", import.meta.url), "utf8");
const blocks = [...page.matchAll(/^```(\w+) ?(\w*)\n(.*?)^```/gms)].map(([, language = "", where = "", text = ""]) => ({ language, where, text }));
const program = fileURLToPath(new URL("../../services/cli/main.ts", import.meta.url));

test("from nothing to one table that is in two databases", async () => {
  await using pipeline = await createPipeline("SELECT");
  const { source, target } = pipeline;
  await using folder = await temporaryFolder();
  const database = new URL(pipeline.sourceUrl).pathname.slice(1);
  const here: Readonly<Record<string, string>> = {
    "postgres://postgres@monolith.example:5432/shop": pipeline.sourceUrl,
    "postgres://postgres@services.example:5432/offtake_state": pipeline.controlUrl,
    "postgres://postgres@services.example:5432/customers": pipeline.targetUrl,
    "kafka.example:9092": inject("kafka").join(","),
    "http://registry.example:8081": inject("registry"),
    "/^  shop:/": `/^  ${database.replaceAll("_", "-")}:/`,
    "env:SHOP_URL": `env:${database.toUpperCase()}_URL`,
  };
  const placed = (text: string): string => Object.entries(here).reduce((all, [there, own]) => all.replaceAll(there, own), text);
  const exported: string[] = [];
  const script = (text: string): string => `set -e\nofftake() { "${process.execPath}" "${program}" "$@"; }\n${exported.join("\n")}\n${text}`;
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("OFFTAKE_")));
  const options = { cwd: folder.path, env: own };

  const said: string[] = [];
  const found: unknown[] = [];
  let running: ReturnType<typeof spawn> | undefined;
  try {
    for (const { language, where, text } of blocks) {
      if (language === "sql") {
        // What was written a moment ago is on its way.
        if (where === "service")
          await waitFor(async () => (await target.query("SELECT FROM customers WHERE credit = 0")).rowCount === 1, { what: "the update" });
        found.push((await (where === "monolith" ? source : target).query(text)).rows);
      } else if (where === "run") {
        running = spawn("bash", ["-c", script(placed(text).replace("offtake run", `exec "${process.execPath}" "${program}" run --http-port 0`))], {
          ...options,
          stdio: "ignore",
        });
      } else if (where === "") {
        exported.push(...(placed(text).match(/^export .*$/gm) ?? []));
        // A person types it seconds after `run`.
        if (text.includes("--watch"))
          await waitFor(async () => (await target.query("SELECT FROM customers")).rowCount !== 0, { what: "the copy to begin" });
        said.push((await promisify(execFile)("bash", ["-c", script(placed(text))], options)).stdout);
      }
    }
    expect(found.at(-1)).toEqual([{ id: "7", name: "customer 7", credit: "0.00" }]);
    expect(said.join("\n")).toMatch(/public\.customers: copied, 10000 rows/);
    expect(said.at(-1)).toMatch(/equal/);
    expect(found[0]).toEqual([{ wal_level: "logical" }]);
  } finally {
    if (running?.exitCode === null) {
      running.kill("SIGTERM");
      await once(running, "exit");
    }
    await source.query("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'offtake_customers'");
    const cluster = new KafkaCluster(pipeline.configuration.kafka, "getting-started");
    await cluster.admin.deleteTopics({ topics: ["offtake.customers"] }).catch(() => undefined);
    await cluster.close();
  }
  expect(running?.exitCode).toBe(0);
});

test("the page shows what is true: the clone's command is there, and no block is of a kind that this test does not run", () => {
  expect(
    blocks
      .map(({ language, where }) => `${language} ${where}`.trim())
      .filter((kind) => !["sh", "sh run", "sh clone", "sql monolith", "sql service"].includes(kind)),
  ).toEqual([]);
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(scripts["offtake"]).toContain("services/cli/main.ts");
});
