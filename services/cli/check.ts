/**
 * `offtake check`: looks at everything that will be needed, changes nothing, and says of each thing that is not right how to mend it. A server that
 * cannot be reached is a finding too: the others are looked at all the same.
 */
import type { Client } from "pg";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { neededOptions } from "../../connectors/postgres/create-publication.ts";
import { readPublication } from "../../connectors/postgres/publication.ts";
import { serviceTables } from "../../connectors/postgres/service-tables.ts";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import type { PipelineNames } from "../../connectors/postgres/start-over.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import type { TableName } from "../runtime/table-pattern.ts";
import { begunConnectors } from "./begun.ts";
import { checkTarget, checkTopic, type KnownSource } from "./check-service.ts";
import { checkConnector } from "./check-connector.ts";
import { checkControl } from "./check-control.ts";
import { checkFailover } from "./check-failover.ts";
import { checkServer } from "./check-source.ts";
import { majorVersion } from "./check-versions.ts";
import { fault, type Finding } from "./finding.ts";
import { databaseIdentity } from "./own-target.ts";
import { readShapes, type TableShape } from "./table-shape.ts";
import { ExitCode } from "./terminal.ts";

export async function check(configuration: Configuration): Promise<Finding[]> {
  const cluster = new KafkaCluster(configuration.kafka, "offtake-check");
  const connectorOf = (service: string): string | undefined => configuration.connectors.find((connector) => connector.service === service)?.name;
  try {
    const begun = await begunConnectors(configuration);
    const source = await checkSource(configuration, begun);
    const registry = await orFinding("registry", async () => {
      await new Registry(configuration.registry.url).ping();
      return [];
    });
    const control = await orFinding("control", async () => checkControl(configuration, source.identity));
    const services: Finding[] = [];
    for (const service of configuration.services) {
      const connector = connectorOf(service.name);
      const over = connector === undefined ? undefined : begun.get(connector);
      services.push(...(await orFinding(`topic ${service.topic}`, async () => checkTopic(cluster, configuration, service, over))));
      const { deadLetterTopic } = service;
      if (deadLetterTopic !== undefined)
        services.push(
          ...(await orFinding(`topic ${deadLetterTopic}`, async () => checkTopic(cluster, configuration, { topic: deadLetterTopic }, undefined))),
        );
      services.push(...(await orFinding(`service ${service.name}`, async () => checkTarget(service, source, connector))));
    }
    return [...source.findings, ...registry, ...control, ...services];
  } finally {
    await cluster.close();
  }
}

interface CheckedSource extends KnownSource {
  readonly findings: readonly Finding[];
}

async function checkSource(configuration: Configuration, begun: ReadonlyMap<string, PipelineNames>): Promise<CheckedSource> {
  const { url } = configuration.source;
  const shapes = new Map<string, readonly TableShape[]>();
  let major: number | undefined;
  let identity: string | undefined;
  const findings = await orFinding("source", async () => {
    const source = await openSession(url, { side: "source", applicationName: "offtake check", statementTimeoutMs: 30_000 });
    try {
      major = await majorVersion(source);
      identity = await databaseIdentity(source);
      const server = [...(await checkServer(source, configuration)), ...(await checkFailover(source, configuration.connectors))];
      const owned = await orFindings("source", server, async () => serviceTables(source, configuration.services));
      for (const [service, tables] of owned ?? [])
        shapes.set(service, await readShapes(source, tables, await publishesGenerated(source, configuration, service, tables)));
      for (const connector of configuration.connectors)
        server.push(
          ...(await checkConnector(
            source,
            connector,
            owned?.get(connector.service) ?? [],
            configuration.source.maxRetainedWalBytes,
            begun.has(connector.name),
          )),
        );
      return server;
    } catch (error) {
      throw sessionError(error, "source", url);
    } finally {
      await endSession(source);
    }
  });
  return { findings, shapes, major, identity };
}

/** As the service's publication is, or as `offtake up` would create it. */
async function publishesGenerated(source: Client, { connectors }: Configuration, service: string, tables: readonly TableName[]): Promise<boolean> {
  const name = connectors.find((connector) => connector.service === service)?.publication;
  const publication = name === undefined ? undefined : await readPublication(source, name);
  return publication?.generated === true || (await neededOptions(source, tables)).generated;
}

async function orFinding(where: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  const findings: Finding[] = [];
  return (await orFindings(where, findings, look)) ?? findings;
}

/** What cannot be looked at is a finding itself. */
async function orFindings<T>(where: string, findings: Finding[], look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    const { code, message, cure } = asOfftakeError(error);
    findings.push({ ...fault(where, `${code}: ${message}`, cure), code });
    return undefined;
  }
}

/** A server that could not be asked says nothing of what is wrong there. */
export function checkExit(findings: readonly Finding[]): ExitCode {
  if (findings.some(({ code }) => code?.endsWith("_UNREACHABLE"))) return ExitCode.unreachable;
  return findings.some(({ level }) => level === "fault") ? ExitCode.no : ExitCode.done;
}

export function checkText(findings: readonly Finding[]): string {
  const count = (level: Finding["level"]): number => findings.filter((finding) => finding.level === level).length;
  const lines = findings.flatMap(({ level, where, what, cure }) => [
    `${level.padEnd(7)}  ${where}: ${what}`,
    ...(cure === "" ? [] : [`         mend it: ${cure}`]),
  ]);
  const faults = count("fault");
  const verdict = faults === 0 ? "Ready." : `Not ready: ${faults} ${faults === 1 ? "fault" : "faults"}.`;
  return [...lines, `${verdict} ${count("warning")} warnings, ${count("note")} notes.`].join("\n");
}
