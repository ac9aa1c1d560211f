/** What `offtake up` does with the control database: it gets the schema `offtake`. */
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { migrateControl } from "../control/migrate-control.ts";
import type { Configuration } from "../runtime/configuration.ts";
import type { Terminal } from "./terminal.ts";

/** @throws OfftakeError CONTROL_UNREACHABLE, CONTROL_REFUSED, SERVER_TOO_OLD */
export async function upControl({ control: { url } }: Configuration, terminal: Terminal): Promise<void> {
  const client = await openSession(url, { side: "control", applicationName: "offtake up", statementTimeoutMs: 120_000 });
  try {
    const versions = await migrateControl(client);
    if (versions.length > 0) terminal.progress(`control database: schema offtake, version ${versions.at(-1)}`);
  } catch (error) {
    throw sessionError(error, "control", url);
  } finally {
    await endSession(client);
  }
}
