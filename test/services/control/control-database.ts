/** A control database of a test's own, with the schema of this version, and sessions with it. */
import { Client } from "pg";
import { ControlSession } from "../../../services/control/control-session.ts";
import { migrateControl } from "../../../services/control/migrate-control.ts";
import { Complaints } from "../../../services/runtime/complaints.ts";
import { createLog, type Log } from "../../../services/runtime/log.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { Secret } from "../../../services/runtime/secret.ts";
import { freshDatabase } from "../../support/databases.ts";

export interface ControlDatabase extends AsyncDisposable {
  readonly url: Secret;
  /** A superuser's sessions, of which one may wait. */
  readonly admin: Client;
  readonly watcher: Client;
  readonly control: ControlSession;
  /** Another session with it, as another process has one. */
  session(): ControlSession;
}

export async function controlDatabase(): Promise<ControlDatabase> {
  const database = await freshDatabase("target");
  const admin = new Client({ connectionString: database.url });
  await admin.connect();
  await migrateControl(admin);
  const watcher = new Client({ connectionString: database.url });
  await watcher.connect();
  const url = new Secret(database.url);
  const sessions: ControlSession[] = [];
  const session = (): ControlSession => {
    const made = new ControlSession(url, "offtake test");
    sessions.push(made);
    return made;
  };
  return {
    url,
    admin,
    watcher,
    control: session(),
    session,
    async [Symbol.asyncDispose]() {
      for (const each of sessions) await each.end();
      await admin.end();
      await watcher.end();
      await database.drop();
    },
  };
}

export const silentLog: Log = createLog({ env: { OFFTAKE_LOG_LEVEL: "silent" }, terminal: false, write: () => {} });

export function unheard(): Complaints {
  return new Complaints(silentLog, createMetrics("test"));
}
