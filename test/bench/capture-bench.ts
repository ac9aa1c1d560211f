/** Capture: from a slot's backlog to acknowledged by Kafka. The peer reads the same slot's WAL to nowhere. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import { offsetRange } from "../../connectors/kafka/offsets.ts";
import { markers } from "./apply-bench.ts";
import { type Backlog, publication } from "./backlog.ts";
import type { RunFigures } from "./figures.ts";
import { measure } from "./measure.ts";
import { pidsOf } from "./process-figures.ts";
import { install, removeTopic, start } from "./product.ts";

export async function captureProduct(backlog: Backlog): Promise<RunFigures> {
  const run = backlog.nextRun();
  await backlog.copySlot(run);
  const installation = await install(backlog, run, backlog.stack.target.url(backlog.database), "off");
  const cluster = new KafkaCluster(installation.configuration.kafka, "offtake-bench");
  const connector = start(installation, "connector");
  const broker = pidsOf("kafka.Kafka", backlog.stack.folder)[0] ?? 0;
  try {
    return await measure(
      async () => ({ connector: connector.pid, walsender: await backlog.readerOf(run), broker }),
      async () => (await backlog.readerOf(run)) !== 0,
      async () => (await offsetRange(cluster, installation.topic)).end >= backlog.changes + markers,
    );
  } finally {
    await connector.stop();
    await cluster.close();
    await backlog.dropSlot(run);
    await removeTopic(installation);
  }
}

/** @returns why it cannot run here; undefined when it can */
export function pgRecvlogicalMissing(): string | undefined {
  return spawnSync("pg_recvlogical", ["--version"]).status === 0
    ? undefined
    : "pg_recvlogical is not installed (Debian: postgresql-client-18 or any later client package)";
}

export async function capturePgRecvlogical(backlog: Backlog): Promise<RunFigures> {
  const run = backlog.nextRun();
  await backlog.copySlot(run);
  const url = backlog.stack.source.url(backlog.database);
  const args = [
    "-d",
    url,
    "-S",
    run,
    "--start",
    "-o",
    "proto_version=1",
    "-o",
    `publication_names=${publication}`,
    `--endpos=${backlog.endLsn}`,
    "-f",
    "/dev/null",
  ];
  const child = spawn("pg_recvlogical", args, { stdio: ["ignore", "ignore", "ignore"] });
  let over = false;
  child.once("exit", () => {
    over = true;
  });
  const exited = once(child, "exit");
  // Its figures are read before it is gone, so it is asked a little before its end; /proc keeps nothing of a process that was reaped.
  let last: Record<string, number> = {};
  try {
    return await measure(
      async () => {
        const walsender = await backlog.readerOf(run);
        last = { client: child.pid!, walsender: walsender === 0 ? (last["walsender"] ?? 0) : walsender };
        return last;
      },
      async () => (await backlog.readerOf(run)) !== 0,
      async () => over || (await confirmed(backlog, run)),
    );
  } finally {
    await exited;
    await backlog.dropSlot(run);
  }
}

/** Whether the walsender has sent everything up to the end of the backlog. */
async function confirmed(backlog: Backlog, slot: string): Promise<boolean> {
  const { rows } = await backlog.source.query<{ done: boolean }>(
    "SELECT r.sent_lsn >= $2::pg_lsn AS done FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE s.slot_name = $1",
    [slot, backlog.endLsn],
  );
  return rows[0]?.done ?? false;
}
