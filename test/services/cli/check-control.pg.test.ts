import { Client } from "pg";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { checkControl } from "../../../services/cli/check-control.ts";
import { databaseIdentity } from "../../../services/cli/own-target.ts";
import { upControl } from "../../../services/cli/up-control.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase, uniqueName } from "../../support/databases.ts";
import { errorOf } from "../../support/error-of.ts";
import { read, sample } from "../runtime/sample-configuration.ts";

const database = await freshDatabase("target");
const admin = new Client({ connectionString: database.url });
await admin.connect();
const role = uniqueName("role");
await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
afterAll(async () => {
  await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  await admin.end();
  await database.drop();
});

beforeEach(async () => {
  await admin.query(`DROP SCHEMA IF EXISTS offtake CASCADE; REVOKE CREATE ON DATABASE ${database.name} FROM ${role}`);
});

function configurationOf(url: string): Configuration {
  return { ...read(sample), control: { url: new Secret(url) } };
}

/** The database as the role without any rights sees it. */
const own = new URL(database.url);
[own.username, own.password] = [role, "x"];
const plain = configurationOf(own.href);

const said: string[] = [];
const terminal = { json: true, progress: (line: string) => void said.push(line), answer: () => {} };

describe("`check` of the control database", () => {
  test("one that `up` has not seen yet is a note, and after it nothing; a second `up` has nothing to do", async () => {
    const configuration = configurationOf(database.url);
    expect(await checkControl(configuration, "another")).toMatchObject([
      { level: "note", where: "control", what: "it has no schema offtake yet: `offtake up` creates it" },
    ]);
    await upControl(configuration, terminal);
    await upControl(configuration, terminal);
    expect(said).toEqual(["control database: schema offtake, version 9"]);
    expect(await checkControl(configuration, "another")).toEqual([]);
  });

  test("a role that may not create the schema, and what lets it", async () => {
    const [finding] = await checkControl(plain, undefined);
    expect(finding).toMatchObject({ level: "fault", what: `the role ${role} may not create the schema offtake` });
    expect((await errorOf(upControl(plain, terminal))).code).toBe("CONTROL_REFUSED");
    await admin.query(finding!.cure);
    expect((await checkControl(plain, undefined)).map(({ level }) => level)).toEqual(["note"]);
    await upControl(plain, terminal);
    expect(await checkControl(plain, undefined)).toEqual([]);
  });

  test("a role that may not use what another one has made", async () => {
    await upControl(configurationOf(database.url), terminal);
    const [finding] = await checkControl(plain, undefined);
    expect(finding).toMatchObject({ level: "fault", what: `the role ${role} may not use the schema offtake, which holds the state of copies` });
    await admin.query(finding!.cure);
    expect(await checkControl(plain, undefined)).toEqual([]);
  });

  test("the monolith's own database, and one of a newer Offtake", async () => {
    const configuration = configurationOf(database.url);
    expect(await checkControl(configuration, await databaseIdentity(admin))).toMatchObject([
      { level: "fault", what: "it is the monolith's own database" },
    ]);
    await upControl(configuration, terminal);
    await admin.query("INSERT INTO offtake.control_migration VALUES (99)");
    expect(await checkControl(configuration, undefined)).toMatchObject([
      { level: "fault", what: "its schema offtake was made by a newer Offtake (version 99)" },
    ]);
  });
});
