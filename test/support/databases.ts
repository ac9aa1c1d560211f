/**
 * Databases for tests: each test has its own, so that files can run side by side and none sees what another has left.
 */
import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { createDatabase, dropDatabase } from "../../infra/local/postgres-server.ts";

export interface TestDatabase extends AsyncDisposable {
  name: string;
  /** A superuser's connection string. */
  url: string;
  /** Ends its sessions and replication slots too. */
  drop: () => Promise<void>;
}

/**
 * An empty database on the shared source or target. `await using database = await freshDatabase("source")` in a test, or
 * `const database = await freshDatabase("source"); afterAll(database.drop)` at the top of a file.
 */
export async function freshDatabase(on: "source" | "target"): Promise<TestDatabase> {
  const server = inject(on);
  if (server === undefined)
    throw new Error(`no ${on} runs for this file: its name must end with .pg.test.ts, .kafka.test.ts, .e2e.test.ts or .browser.test.ts`);
  const name = uniqueName();
  await createDatabase(server, name);
  const url = new URL(server);
  url.pathname = `/${name}`;
  const drop = (): Promise<void> => dropDatabase(server, name);
  return { name, url: url.href, drop, [Symbol.asyncDispose]: drop };
}

/** For whatever must not meet that of another test: databases, slots, publications, topics. Lower-case letters, digits and underscores. */
export function uniqueName(prefix = "t"): string {
  return `${prefix}_${randomBytes(6).toString("hex")}`;
}
