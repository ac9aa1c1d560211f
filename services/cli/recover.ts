/**
 * What `offtake up --recover` does at the target and in the control database: the marks that say of every table that rows of it are in no stream, and the orders of
 * their copies. A table that is left out here looks whole behind the gap.
 */
import type { Client } from "pg";
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import type { SlotLoss } from "../../connectors/postgres/slot-loss.ts";
import { checkPosition } from "../apply/prepare.ts";
import { addNeedsCopy, readMarks } from "../apply/needs-copy.ts";
import { readPosition } from "../apply/position.ts";
import { withControl } from "../control/control-session.ts";
import { requestCopies, restartCopies } from "../control/snapshot-orders.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";

export interface RecoverContext {
  readonly configuration: Configuration;
  readonly connector: ConnectorConfiguration;
  readonly service: ServiceConfiguration;
  readonly cluster: KafkaCluster;
}

/** The connectors that are prepared: all, or the one that is recovered. @throws OfftakeError USAGE */
export function chosenConnectors({ connectors, file }: Configuration, recover: string | undefined): readonly ConnectorConfiguration[] {
  const chosen = connectors.filter(({ name }) => recover === undefined || name === recover);
  if (recover === undefined || chosen.length > 0) return chosen;
  throw new OfftakeError("USAGE", `There is no connector ${recover} in ${file}.`, {
    cure: `It has ${connectors.map(({ name }) => name).join(", ")}.`,
  });
}

/**
 * Whether the target can go on behind the topic's end: one that was applied from another topic, or has what this one has lost, cannot.
 *
 * @throws OfftakeError APPLIED_POSITION_FOREIGN, TOPIC_RECREATED, TOPIC_LOST_TAIL
 */
export async function checkApplied(target: Client, { connector, service, cluster }: RecoverContext): Promise<void> {
  const { topicId } = await cluster.leader(service.topic);
  const { end } = await offsetRange(cluster, service.topic);
  // What retention has taken from the beginning, its applier says.
  checkPosition(await readPosition(target, connector.name), service, topicId, { start: 0, end });
}

/** Why tables are marked; the same for each run until something is published again. */
export function gapReason({ after }: Pick<SlotLoss, "after">): string {
  return `what was committed after ${formatLsn(after)} is in no stream, since the slot was lost`;
}

/**
 * Marks the tables and orders their copies. Copies that are under way begin anew: what they have copied is in front of the gap.
 *
 * @param tables schema.table of the source
 */
export async function markGap(
  target: Client,
  { configuration, connector, service }: RecoverContext,
  tables: readonly string[],
  reason: string,
): Promise<void> {
  await addNeedsCopy(target, connector.name, tables, reason);
  const marks = (await readMarks(target, connector.name)).filter(({ table }) => tables.includes(table));
  await withControl(configuration.control.url, "offtake up", async (control) => {
    await restartCopies(control, connector.name);
    await requestCopies(control, { connector: connector.name, service: service.name, tables: marks, requestedBy: "offtake up --recover" });
  });
}
