/**
 * What `offtake check` asks of a service's database and topic.
 */
import { escapeIdentifier } from "pg";
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { readTopicSettings, topicFaults } from "../../connectors/kafka/topic.ts";
import { endSession, sessionError } from "../../connectors/postgres/session.ts";
import { type PipelineNames, startingOver } from "../../connectors/postgres/start-over.ts";
import { targetVersion } from "../apply/migrate-target.ts";
import { openTargetSession } from "../apply/target-session.ts";
import type { Configuration, ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { checkMarks } from "./check-marks.ts";
import { checkOwnSchema, checkOwnVersion } from "./check-own-schema.ts";
import { checkTargetTables } from "./check-target-tables.ts";
import { majorVersion, versionFindings } from "./check-versions.ts";
import { fault, type Finding, note, warning } from "./finding.ts";
import { databaseIdentity, ownTarget } from "./own-target.ts";
import type { TableShape } from "./table-shape.ts";

/** @param over names for starting over, where events of the topic are applied: one that does not exist has been there, then */
export async function checkTopic(
  cluster: KafkaCluster,
  configuration: Configuration,
  { topic }: Pick<ServiceConfiguration, "topic">,
  over: PipelineNames | undefined,
): Promise<Finding[]> {
  const where = `topic ${topic}`;
  try {
    const faults = topicFaults(
      topic,
      await cluster.leader(topic),
      await readTopicSettings(cluster, topic),
      configuration.kafka.maxEventBytes,
      configuration.mode === "production",
    );
    return faults.map(({ what, cure }) => fault(where, `it ${what}`, cure));
  } catch (error) {
    if (!(error instanceof OfftakeError) || error.code !== "TOPIC_MISSING") throw error;
    return over === undefined
      ? [note(where, "it does not exist yet: `offtake up` creates it")]
      : [fault(where, "it does not exist any more, and events of it are applied: those that were not are gone", startingOver(over))];
  }
}

const databaseSql = "SELECT current_user AS role, to_regnamespace('offtake') IS NOT NULL AS prepared";

/** What is known of the monolith; undefined where it could not be asked. */
export interface KnownSource {
  /** Of each service's tables. */
  readonly shapes: ReadonlyMap<string, readonly TableShape[]>;
  readonly major: number | undefined;
  /** As own-target.ts has it. */
  readonly identity: string | undefined;
}

/** @param connector the service's */
export async function checkTarget(service: ServiceConfiguration, source: KnownSource, connector: string | undefined): Promise<Finding[]> {
  const shapes = source.shapes.get(service.name) ?? [];
  const { client, replica } = await openTargetSession(service);
  const where = `service ${service.name}`;
  try {
    const { rows } = await client.query<{ role: string; prepared: boolean }>(databaseSql);
    const { role, prepared } = rows[0]!;
    const refused = prepared ? await checkOwnSchema(client, where, "which holds the applied position") : [];
    const findings = refused.length > 0 ? [] : await checkOwnVersion(client, where, "its target has", await targetVersion(client));
    if (!replica)
      findings.push(
        warning(
          where,
          "triggers and foreign keys of the target stay awake while rows are applied: slower, and its triggers fire again",
          `GRANT SET ON PARAMETER session_replication_role TO ${escapeIdentifier(role)};`,
        ),
      );
    if (source.identity === (await databaseIdentity(client))) {
      const error = ownTarget(service, shapes, [...source.shapes.values()].flat());
      if (error !== undefined) findings.push(fault(where, error.message, error.cure));
    }
    if (source.major !== undefined) findings.push(...versionFindings(where, source.major, await majorVersion(client), shapes));
    findings.push(...refused);
    if (prepared && refused.length === 0 && connector !== undefined) findings.push(...(await checkMarks(client, where, service.name, connector)));
    return [...findings, ...(await checkTargetTables({ client, replica }, service, shapes))];
  } catch (error) {
    throw sessionError(error, "target", service.target.url);
  } finally {
    await endSession(client);
  }
}
