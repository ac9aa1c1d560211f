/**
 * Which connectors have worked before: their services' targets hold an applied position. What does not exist *yet* before that does not exist *any more* after
 * it, and `offtake up` alone would begin anew behind a gap.
 */
import { endSession, openSession } from "../../connectors/postgres/session.ts";
import { type PipelineNames, pipelineNames } from "../../connectors/postgres/start-over.ts";
import { findPosition } from "../apply/position.ts";
import type { Configuration } from "../runtime/configuration.ts";
import type { Secret } from "../runtime/secret.ts";

/** @returns by connector what starting over needs; one whose target cannot be asked is not there, which the target's own findings say */
export async function begunConnectors(configuration: Configuration): Promise<ReadonlyMap<string, PipelineNames>> {
  const begun = await Promise.all(
    configuration.connectors.map(async (connector): Promise<[string, PipelineNames][]> => {
      const service = configuration.services.find((each) => each.name === connector.service)!;
      const isBegun = await hasPosition(service.target.url, connector.name).catch(() => false);
      return isBegun ? [[connector.name, pipelineNames(configuration, connector, service)]] : [];
    }),
  );
  return new Map(begun.flat());
}

async function hasPosition(url: Secret, connector: string): Promise<boolean> {
  const client = await openSession(url, { side: "target", applicationName: "offtake check", statementTimeoutMs: 10_000 });
  try {
    return (await findPosition(client, connector)) !== undefined;
  } finally {
    await endSession(client);
  }
}
