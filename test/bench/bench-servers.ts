/**
 * Servers for benchmarks: commits reach the disk, memory is what a small production server has, and Kafka's JVM may compile everything.
 */
import pg, { type Client } from "pg";
import { type LocalStack, startLocalStack } from "../../infra/local/stack.ts";

const postgres = {
  shared_buffers: "512MB",
  max_wal_size: "8GB",
  checkpoint_timeout: "30min",
  max_parallel_workers_per_gather: "0",
  autovacuum: "off",
};

/** @param source settings besides */
export async function startBenchServers(progress: (line: string) => void, source: Record<string, string> = {}): Promise<LocalStack> {
  return startLocalStack({ progress, fsync: true, kafkaJvm: "full", settings: { source: { ...postgres, ...source }, target: postgres } });
}

/** @returns the process of the session of that name in the database; 0 for none */
export async function sessionOf(url: string, applicationName: string): Promise<number> {
  const client = await connect(url);
  try {
    const { rows } = await client.query<{ pid: number }>(
      "SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
      [applicationName],
    );
    return rows[0]?.pid ?? 0;
  } finally {
    await client.end();
  }
}

export async function connect(url: string): Promise<Client> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** Count and hash of a table: two are equal when every row's text is. */
export async function fingerprint(client: Client): Promise<string> {
  const { rows } = await client.query<{ print: string }>(
    "SELECT count(*) || ' ' || coalesce(sum(hashtextextended(b::text, 0)::numeric), 0) AS print FROM bench b",
  );
  return rows[0]!.print;
}
