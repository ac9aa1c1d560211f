import { createServer } from "node:http";
import { afterAll, expect, test } from "vitest";
import { z } from "zod";
import { freePort } from "../../../infra/local/free-port.ts";
import { notificationTasks, testNotifications } from "../../../services/cli/notifications.ts";
import type { InstallationStatus } from "../../../services/cli/control-board.ts";
import { periodically } from "../../../services/control/periodically.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { parseConfiguration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { waitFor } from "../../support/wait-for.ts";
import { controlDatabase, unheard } from "../control/control-database.ts";
import { env, sample } from "../runtime/sample-configuration.ts";

const database = await controlDatabase();
const heard: { readonly path: string; readonly body: unknown }[] = [];
let isDown = true;
const receiver = createServer((request, response) => {
  let text = "";
  request.setEncoding("utf8").on("data", (part: string) => void (text += part));
  request.on("end", () => {
    const path = request.url ?? "";
    if (path === "/down" && isDown) return response.writeHead(503).end();
    // A receiver that chokes on what one of them says.
    if (path === "/picky" && text.includes("rows are wrong")) return response.writeHead(400).end();
    heard.push({ path, body: JSON.parse(text) });
    return response.writeHead(204).end();
  });
});
await new Promise<void>((resolve) => {
  receiver.listen(0, "127.0.0.1", resolve);
});
afterAll(async () => {
  receiver.closeAllConnections();
  receiver.close();
  await database[Symbol.asyncDispose]();
});

function configuration(): Configuration {
  const address = receiver.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const hook = (name: string, format: string): string =>
    `    - { name: ${name}, url: "http://127.0.0.1:${port}/${name}", format: ${format}, coolDown: 1h }`;
  return parseConfiguration(
    `${sample}notifications:\n  webhooks:\n${[hook("json", "json"), hook("slack", "slack"), hook("down", "json")].join("\n")}\n`,
    "offtake.yaml",
    env,
  );
}

const well: InstallationStatus = { at: "", services: [], units: [], validation: null };
const unit = { unit: "applier api", process: "host 1", ready: false, reason: "TARGET_UNREACHABLE: <away> & gone", ageSeconds: 1 };

async function alerts(sql: string): Promise<void> {
  await database.admin.query(sql);
}

function at(path: string): unknown[] {
  return heard.filter((each) => each.path === path).map(({ body }) => body);
}

test("webhooks are told what is not well and when it is over, once, over restarts; one that is down keeps nothing from the others and is told later", async () => {
  let status = well;
  const parts = { configuration: configuration(), control: database.session(), board: { status: async () => status } };
  const run = (): { stop: () => Promise<void> } => {
    const stop = new AbortController();
    const ended = notificationTasks(parts, 20, 0).map(async (task) => periodically(task, unheard(), stop.signal, () => 0));
    return {
      stop: async () => {
        stop.abort();
        await Promise.all(ended);
      },
    };
  };
  const first = run();
  status = { ...well, units: [unit] };
  await alerts(
    "INSERT INTO offtake.alert (connector, service, table_name, kind, detail) VALUES ('api', 'api', 'public.users', 'mismatch', '3 rows are wrong.')",
  );
  await waitFor(() => at("/json").length === 2 && at("/slack").length === 2, { what: "both webhooks to be told of both" });
  await first.stop();
  const second = run();
  isDown = false;
  await waitFor(() => at("/down").length === 2, { what: "the third to be told" });
  status = well;
  await alerts("UPDATE offtake.alert SET cleared_at = now()");
  await waitFor(() => heard.length === 12, { what: "all to be told that it is over" });
  // It comes back before it has cooled down.
  status = { ...well, units: [unit] };
  await second.stop();
  const untimed = (path: string): unknown[] => at(path).map((body) => z.object({ event: z.string(), concern: z.unknown() }).parse(body));
  expect(untimed("/down")).toEqual(untimed("/json"));
  expect(at("/json")).toMatchObject([
    {
      version: 1,
      installation: "offtake",
      event: "raised",
      concern: { key: "alert mismatch api public.users", where: "api, public.users", what: "3 rows are wrong." },
    },
    { event: "raised", concern: { key: "unit applier api", where: "applier api", what: "TARGET_UNREACHABLE: <away> & gone" } },
    { event: "cleared" },
    { event: "cleared" },
  ]);
  expect(at("/slack")[1]).toEqual({ text: ":red_circle: *offtake* applier api: TARGET_UNREACHABLE: &lt;away&gt; &amp; gone" });
});

test("a message that a webhook does not take keeps no other from it", async () => {
  await alerts("DELETE FROM offtake.notification; UPDATE offtake.alert SET cleared_at = NULL");
  const { notifications, ...rest } = configuration();
  const url = new Secret(notifications.webhooks[0]!.url.reveal().replace("/json", "/picky"));
  const picky = { ...rest, notifications: { webhooks: [{ ...notifications.webhooks[0]!, name: "picky", url }] } };
  const board = { status: async (): Promise<InstallationStatus> => ({ ...well, units: [unit] }) };
  const [task] = notificationTasks({ configuration: picky, control: database.session(), board }, 20, 0);
  const { signal } = new AbortController();
  await expect(task!.run(signal)).rejects.toMatchObject({ code: "NOTIFICATION_REFUSED", message: "The webhook picky answers with status 400." });
  expect(at("/picky")).toMatchObject([{ event: "raised", concern: { key: "unit applier api" } }]);
  await expect(task!.run(signal)).rejects.toMatchObject({ code: "NOTIFICATION_REFUSED" });
  expect(at("/picky")).toHaveLength(1);
});

test("a test tells each of them, and says which could not be told, without its address", async () => {
  isDown = true;
  const before = heard.length;
  const { object, text, exit } = await testNotifications(configuration(), []);
  expect([exit, object.webhooks.map(({ webhook, error }) => [webhook, error?.code ?? null])]).toEqual([
    1,
    [
      ["json", null],
      ["slack", null],
      ["down", "NOTIFICATION_FAILED"],
    ],
  ]);
  expect(heard.slice(before)).toHaveLength(2);
  expect(text).toContain("The webhook down answers with status 503.");
  expect(text).not.toContain("127.0.0.1");
  const { notifications, ...rest } = configuration();
  const away = { ...notifications.webhooks[0]!, url: new Secret(`http://127.0.0.1:${await freePort()}/hook?token=hidden`) };
  const refused = await testNotifications({ ...rest, notifications: { webhooks: [away] } }, []);
  expect(refused.text).toContain("could not be told: nobody listens at its address (ECONNREFUSED).");
  expect(refused.text).not.toMatch(/127\.0\.0\.1|hidden/);
  await expect(testNotifications(configuration(), ["nobody"])).rejects.toMatchObject({ code: "USAGE", cure: "It has json, slack, down." });
  expect((await testNotifications(configuration(), ["json"])).exit).toBe(0);
});
