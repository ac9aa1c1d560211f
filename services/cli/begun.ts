/**
 * Whether a connector has worked before: its service's target holds an applied position. What does not exist *yet* before that does not exist *any more* after
 * it, and `offtake up` alone would begin anew behind a gap.
 */
import { endSession, openSession } from "../../connectors/postgres/session.ts";
import { readPosition } from "../apply/position.ts";
import type { Configuration } from "../runtime/configuration.ts";

/** @returns names of the connectors; one whose target cannot be asked is not among them, which the target's own findings say */
export async function begunConnectors({ connectors, services }: Configuration): Promise<ReadonlySet<string>> {
  const begun = new Set<string>();
  for (const { name, service } of connectors) {
    const url = services.find((each) => each.name === service)?.target.url;
    if (url !== undefined && (await isBegun(url, name).catch(() => false))) begun.add(name);
  }
  return begun;
}

async function isBegun(url: Parameters<typeof openSession>[0], connector: string): Promise<boolean> {
  const client = await openSession(url, { side: "target", applicationName: "offtake check", statementTimeoutMs: 10_000 });
  try {
    const { rows } = await client.query<{ there: boolean }>("SELECT to_regclass('offtake.applied_position') IS NOT NULL AS there");
    return rows[0]?.there === true && (await readPosition(client, connector)) !== undefined;
  } finally {
    await endSession(client);
  }
}
