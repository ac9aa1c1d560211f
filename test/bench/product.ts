/**
 * The product in a benchmark: real processes of the built CLI, each with a configuration file of its own, as a user of the package runs them. From its
 * sources Node would strip types first, which is no part of the work, and takes 20 MB.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { Registry } from "../../connectors/kafka/registry.ts";
import { ensureTopic } from "../../connectors/kafka/topic.ts";
import { withMarkers } from "../../connectors/postgres/open-topic.ts";
import { readSlot } from "../../connectors/postgres/slot.ts";
import { openTopic } from "../../connectors/postgres/take-over.ts";
import { migrateTarget } from "../../services/apply/migrate-target.ts";
import { migrateControl } from "../../services/control/migrate-control.ts";
import { type Configuration, loadConfiguration } from "../../services/runtime/configuration.ts";
import type { LocalStack } from "../../infra/local/stack.ts";
import { type Backlog, publication } from "./backlog.ts";
import { connect } from "./bench-servers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const cli = join(root, "dist/services/cli/main.js");

/** What `npm pack` does before it packs. */
export function buildProduct(): void {
  execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
}

/** As the applier's session is called. */
export const applierSession = "offtake bench";

export interface Installation {
  readonly file: string;
  readonly configuration: Configuration;
  readonly topic: string;
}

/** One connector and one service on a slot that stands at the beginning of the backlog. */
export async function install(backlog: Backlog, run: string, targetUrl: string, synchronousCommit: "on" | "off"): Promise<Installation> {
  const { stack } = backlog;
  const file = writeInstallation(stack, {
    source: backlog.database,
    topicPrefix: run,
    control: targetUrl,
    connectors: [`${run}: { publication: ${publication}, slot: ${run}, service: bench }`],
    services: [`bench: { target: { url: "${targetUrl}" }, tables: [bench], apply: { synchronousCommit: ${synchronousCommit === "on"} } }`],
  });
  const configuration = loadConfiguration(file, process.env);
  await open(backlog, configuration);
  return { file, configuration, topic: configuration.services[0]!.topic };
}

export interface WrittenInstallation {
  /** Database of the source's server. */
  readonly source: string;
  readonly topicPrefix: string;
  /** URL of the control database. */
  readonly control: string;
  /** In YAML, one each. */
  readonly connectors: readonly string[];
  readonly services: readonly string[];
}

/** @returns the path of an offtake.yaml in a folder of its own */
export function writeInstallation(stack: LocalStack, { source, topicPrefix, control, connectors, services }: WrittenInstallation): string {
  const file = join(mkdtempSync(join(tmpdir(), "offtake-bench-")), "offtake.yaml");
  writeFileSync(
    file,
    `mode: development
source: { url: "${stack.source.url(source)}", maxRetainedWal: 100GiB }
kafka: { brokers: ${JSON.stringify(stack.kafka.brokers)}, topicPrefix: ${topicPrefix} }
registry: { url: "${stack.registry.url}" }
control: { url: "${control}" }
connectors:
  ${connectors.join("\n  ")}
services:
  ${services.join("\n  ")}
`,
  );
  return file;
}

/** What `offtake up` does, for a slot that was copied and not made by it. */
async function open(backlog: Backlog, configuration: Configuration): Promise<void> {
  const connector = configuration.connectors[0]!;
  const service = configuration.services[0]!;
  const cluster = new KafkaCluster(configuration.kafka, "offtake-bench");
  const registry = new Registry(configuration.registry.url);
  await ensureTopic(cluster, service.topic, configuration.kafka, false);
  const slot = await readSlot(backlog.source, connector.slot);
  const context = { configuration, connector, service, cluster, registry, tables: [], signal: new AbortController().signal };
  await withMarkers(context, async (over, putMarker) => openTopic(over, slot!.confirmedFlush, putMarker));
  await cluster.close();
  const target = await connect(service.target.url.reveal());
  await migrateTarget(target);
  await migrateControl(target);
  await target.end();
}

export interface Running {
  readonly pid: number;
  /** @returns its exit code */
  stop(): Promise<number | null>;
  /** SIGKILL: no handler runs, nothing is flushed. */
  kill(): Promise<void>;
}

/** With OFFTAKE_BENCH_PROFILE each process leaves a CPU profile in that folder when it ends. */
const profile = process.env["OFFTAKE_BENCH_PROFILE"];

export function start({ file }: Pick<Installation, "file">, ...args: string[]): Running {
  const profiling =
    profile === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${profile}`, `--cpu-prof-name=${args.join("-")}-${process.hrtime.bigint()}.cpuprofile`];
  const child: ChildProcess = spawn(process.execPath, [...profiling, cli, "--config", file, "run", ...args, "--http-port", "0"], {
    stdio: ["ignore", "ignore", openSync(`${file}.${args[0]}.log`, "a")],
  });
  const exited = once(child, "exit");
  return {
    pid: child.pid!,
    async stop() {
      child.kill("SIGTERM");
      await exited;
      return child.exitCode;
    },
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

export async function removeTopic(installation: Installation): Promise<void> {
  const cluster = new KafkaCluster(installation.configuration.kafka, "offtake-bench");
  await cluster.admin.deleteTopics({ topics: [installation.topic] });
  await cluster.close();
}
