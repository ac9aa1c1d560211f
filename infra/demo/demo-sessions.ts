/**
 * The demo's own sessions: one with the monolith, one with each service's database. They see what any client sees; the product has its own.
 */
import type { Client } from "pg";
import { endSession, openSession } from "../../connectors/postgres/session.ts";
import type { Configuration } from "../../services/runtime/configuration.ts";

export interface DemoSessions extends AsyncDisposable {
  readonly source: Client;
  /** By service. */
  readonly targets: ReadonlyMap<string, Client>;
}

const options = { applicationName: "offtake demo", statementTimeoutMs: 60_000, settings: { search_path: "public" } } as const;

/** @throws OfftakeError SOURCE_UNREACHABLE and the like */
export async function openSessions({ source: { url }, services }: Configuration): Promise<DemoSessions> {
  const source = await openSession(url, { ...options, side: "source" });
  const targets = new Map<string, Client>();
  const dispose = async (): Promise<void> => {
    await Promise.all([source, ...targets.values()].map(endSession));
  };
  try {
    for (const { name, target } of services) targets.set(name, await openSession(target.url, { ...options, side: "target" }));
  } catch (error) {
    await dispose();
    throw error;
  }
  return { source, targets, [Symbol.asyncDispose]: dispose };
}
