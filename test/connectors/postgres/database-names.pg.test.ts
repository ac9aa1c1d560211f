/** How a database is named in a URL: what configuration-secrets.ts advises is what the client and the server make of it. */
import { expect, inject, test } from "vitest";
import { createDatabase, dropDatabase } from "../../../infra/local/postgres-server.ts";
import { endSession, openSession } from "../../../connectors/postgres/session.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { uniqueName } from "../../support/databases.ts";
import { errorOf } from "../../support/error-of.ts";

const server = inject("target");

/** @param written as it stands in the URL. @returns what the server calls the database */
async function opened(written: string): Promise<string> {
  const url = new URL(server);
  url.pathname = "/";
  const client = await openSession(new Secret(url.href.replace(/\/(\?|$)/, `/${written}$1`)), {
    side: "target",
    applicationName: "offtake test",
    statementTimeoutMs: 10_000,
  });
  try {
    return (await client.query<{ name: string }>("SELECT current_database() AS name")).rows[0]!.name;
  } finally {
    await endSession(client);
  }
}

test("a name is written as it is, or with a % where that is decoded; what stays encoded leads to no database", async () => {
  const name = `${uniqueName("p")} %;:@&=+$,ä`;
  await createDatabase(server, name);
  try {
    const written = encodeURI(name);
    expect(await opened(written)).toBe(name);
    const reserved = [";", ":", "@", "&", "=", "+", "$", ","];
    const refused = await Promise.all(
      reserved.map(async (character) => errorOf(opened(written.replace(character, `%${character.charCodeAt(0).toString(16)}`)))),
    );
    for (const error of refused) expect(error).toMatchObject({ code: "TARGET_REFUSED" });
  } finally {
    await dropDatabase(server, name);
  }
});

test.each(["/", "?", "#"])("a name with %s in it is reached by no encoding", async (character) => {
  const name = `${uniqueName("p")}${character}x`;
  await createDatabase(server, name);
  try {
    expect(await errorOf(opened(encodeURIComponent(name)))).toMatchObject({ code: "TARGET_REFUSED" });
  } finally {
    await dropDatabase(server, name);
  }
});
