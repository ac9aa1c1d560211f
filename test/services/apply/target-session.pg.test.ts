import { afterAll, describe, expect, test } from "vitest";
import { endSession } from "../../../connectors/postgres/session.ts";
import { migrateTarget } from "../../../services/apply/migrate-target.ts";
import { openTargetSession } from "../../../services/apply/target-session.ts";
import type { ServiceConfiguration } from "../../../services/runtime/configuration.ts";
import { OfftakeError } from "../../../services/runtime/errors.ts";
import { uniqueName } from "../../support/databases.ts";
import { plainRole, serviceOf, targetFixture } from "./target-fixture.ts";
import { sessionProxy, withoutOptions } from "./session-proxy.ts";

const target = await targetFixture('O\'Hara "svc"');
afterAll(() => target[Symbol.asyncDispose]());

async function settingsOf(service: ServiceConfiguration, names: readonly string[]): Promise<Record<string, string>> {
  const { client } = await openTargetSession(service);
  try {
    const { rows } = await client.query<{ name: string; value: string }>(
      "SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name",
      [names],
    );
    return Object.fromEntries(rows.map(({ name, value }) => [name, value]));
  } finally {
    await endSession(client);
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "none",
    (error: unknown) => (error instanceof OfftakeError ? error.code : String(error)),
  );
}

describe("the applier's session", () => {
  test("is the applier's own, whatever its database and role have set for their applications", async () => {
    const odd: Record<string, string> = {
      DateStyle: "'SQL, DMY'",
      IntervalStyle: "sql_standard",
      TimeZone: "'Asia/Kathmandu'",
      array_nulls: "off",
      default_transaction_isolation: "serializable",
      default_transaction_read_only: "on",
      idle_session_timeout: "'1h'",
      transaction_timeout: "'1h'",
      statement_timeout: "'1h'",
      enable_hashjoin: "on",
      lc_monetary: "'C.UTF-8'",
      xmloption: "document",
      search_path: "nowhere",
      synchronous_commit: "on",
    };
    for (const [name, value] of Object.entries(odd))
      await target.admin.query(`ALTER DATABASE ${new URL(target.url).pathname.slice(1)} SET ${name} = ${value}`);
    expect(await settingsOf(target.service, [...Object.keys(odd), "session_replication_role", "row_security"])).toEqual({
      DateStyle: "ISO, YMD",
      IntervalStyle: "postgres",
      TimeZone: "UTC",
      array_nulls: "on",
      default_transaction_isolation: "read committed",
      default_transaction_read_only: "off",
      idle_session_timeout: "0",
      transaction_timeout: "0",
      statement_timeout: "2min",
      enable_hashjoin: "off",
      lc_monetary: "C",
      xmloption: "content",
      search_path: `pg_catalog,"O'Hara ""svc""",public`,
      synchronous_commit: "off",
      session_replication_role: "replica",
      row_security: "off",
    });
  });

  test("waits for the disk where the service wants it", async () => {
    const service = { ...target.service, apply: { ...target.service.apply, synchronousCommit: true } };
    expect(await settingsOf(service, ["synchronous_commit"])).toEqual({ synchronous_commit: "on" });
  });

  test("leaves triggers awake where the role may not put them to sleep", async () => {
    await target.reset("");
    await migrateTarget(target.admin);
    const role = uniqueName("plain");
    const service = serviceOf(await plainRole(target, role));
    const session = await openTargetSession(service);
    expect(session.replica).toBe(false);
    await endSession(session.client);
    await target.admin.query(`GRANT SET ON PARAMETER session_replication_role TO ${role}`);
    const granted = await openTargetSession(service);
    expect(granted.replica).toBe(true);
    await endSession(granted.client);
    await target.admin.query(`REVOKE ALL ON PARAMETER session_replication_role FROM ${role}; DROP OWNED BY ${role}; DROP ROLE ${role}`);
  });

  test("by way of a pooler that drops its settings is refused", async () => {
    await using proxy = await sessionProxy(target.url, { startUp: withoutOptions });
    expect(await codeOf(openTargetSession(serviceOf(proxy.url)))).toBe("TARGET_POOLED");
  });

  test("that breaks while it is made ready is tried again", async () => {
    await using proxy = await sessionProxy(target.url, { muteAfter: "pg_settings" });
    const opening = codeOf(openTargetSession(serviceOf(proxy.url)));
    // Not by a look at pg_stat_activity: other sessions of the server ask for their settings as well, and the cut came before this one had begun.
    await proxy.muted;
    proxy.cut();
    expect(await opening).toBe("TARGET_UNREACHABLE");
  });

  test.each([
    ["nobody:x", "TARGET_REFUSED"],
    ["postgres:wrong", "TARGET_REFUSED"],
  ])("as %s: %s", async (login, code) => {
    const url = new URL(target.url);
    [url.username = "", url.password = ""] = login.split(":");
    expect(await codeOf(openTargetSession(serviceOf(url.href)))).toBe(code);
  });

  test("with a server that is not there is tried again", async () => {
    const url = new URL(target.url);
    url.port = "1";
    expect(await codeOf(openTargetSession(serviceOf(url.href)))).toBe("TARGET_UNREACHABLE");
  });
});
