import { setTimeout as sleep } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { endSession, openSession, sessionError } from "../../../connectors/postgres/session.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { TcpProxy } from "../../support/tcp-proxy.ts";

test.each([false, true])("a session whose server falls silent ends, and all that was asked with it (pipeline: %s)", async (pipeline) => {
  const server = new URL(inject("target"));
  await using proxy = await TcpProxy.start(() => ({ host: server.hostname, port: Number(server.port) }));
  const url = new URL(server);
  url.port = String(proxy.port);
  const client = await openSession(new Secret(url.href), { side: "target", applicationName: "silent", statementTimeoutMs: 100, pipeline });
  expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
  // Longer than it may owe an answer: it owes none.
  await sleep(700);
  expect((await client.query("SELECT 2 AS two")).rows).toEqual([{ two: 2 }]);
  proxy.swallow("back");
  const answers = await Promise.allSettled([client.query("SELECT 1"), client.query("SELECT 2")]);
  for (const answer of answers) {
    expect(answer.status).toBe("rejected");
    const error = answer.status === "rejected" ? sessionError(answer.reason, "target", new Secret(url.href)) : undefined;
    expect(error).toMatchObject({ code: "TARGET_UNREACHABLE", retry: "yes" });
  }
  await endSession(client);
});
