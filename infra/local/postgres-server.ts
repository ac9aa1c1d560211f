/**
 * A PostgreSQL server of the local stack: its cluster, its settings, its connection strings.
 *
 * Logical decoding shows what the server was configured to write: one that starts with wal_level=replica, or runs out of slots and senders in
 * the middle of a run, fails the product for a reason that is not the product's.
 *
 * Source: PostgreSQL documentation, "initdb", "Server Configuration", "Shutting Down the Server".
 */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { appendFile, chown, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import { freePort } from "./free-port.ts";
import { LocalServer } from "./local-server.ts";
import { type PostgresBinaries, postgresBinaries } from "./postgres-binaries.ts";
import { newestPostgres, type PostgresMajor } from "./postgres-versions.ts";
import { localeArguments, postgresSettings } from "./server-settings.ts";
import { clusterName, postgresChildren, postgresMark } from "./stack-processes.ts";
import { type UnprivilegedUser, unprivilegedUser } from "./unprivileged-user.ts";

/** fast: rolls open transactions back and ends in order; walsenders first send what is left. immediate: ends as in a crash, with recovery at the next start. */
type StopMode = "fast" | "immediate";

export interface PostgresServer {
  readonly port: number;
  /** @throws for an external server */
  readonly dataFolder: string;
  /** The postmaster's. @throws when it is not running, and for an external server */
  readonly pid: number;
  /** A superuser's connection string. @param database default: the server's own `postgres`, or the one that the external server was named with */
  url(database?: string): string;
  createDatabase(name: string): Promise<void>;
  /** With the sessions and replication slots that still use it; does nothing when there is none. */
  dropDatabase(name: string): Promise<void>;
  /** Starts it again on the same data and port. */
  start(): Promise<void>;
  stop(mode: StopMode): Promise<void>;
  /** SIGKILL to the postmaster and everything it has started. */
  kill(): Promise<void>;
}

export interface PostgresOptions {
  stackFolder: string;
  /** Also the name of the folder and the log below the stack's folder. */
  name: "source" | "target";
  /** Default: the newest. */
  major?: PostgresMajor | undefined;
  /** Default: a free one. */
  port?: number | undefined;
  /** Whether a commit reaches the disk. Without, a killed server loses nothing and a killed machine everything. */
  fsync: boolean;
  /** postgresql.conf's, over those of the stack. */
  settings?: Record<string, string> | undefined;
  /** Gets a line for what takes a moment. */
  progress: (line: string) => void;
}

/** Makes a new cluster and starts its server. Listens on 127.0.0.1 only and asks everybody for a password: other users of the machine can reach it too. */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { stackFolder, name, fsync, major = newestPostgres } = options;
  const binaries = await postgresBinaries(major, options.progress);
  const user = unprivilegedUser();
  const port = options.port ?? (await freePort());
  const password = randomBytes(12).toString("base64url");
  const folder = join(stackFolder, name);
  const dataFolder = join(folder, "data");
  await createCluster({ binaries, major, folder, dataFolder, stackFolder, password, user });
  await appendFile(join(dataFolder, "postgresql.conf"), settingsText({ ...stackSettings(port, fsync), ...options.settings }));

  return startOnData({ stackFolder, name, binaries, user, port, password, folder });
}

export interface PreparedCluster {
  stackFolder: string;
  name: string;
  binaries: PostgresBinaries;
  user: UnprivilegedUser | undefined;
  port: number;
  /** Of the superuser. */
  password: string;
  /** The data is below it. */
  folder: string;
}

/** Starts a server on a data folder that is complete, settings and all. */
export async function startOnData({ stackFolder, name, binaries, user, port, password, folder }: PreparedCluster): Promise<PostgresServer> {
  const dataFolder = join(folder, "data");
  const url = (database = "postgres"): string => `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const cluster = clusterName(stackFolder, name);
  // Settings that were altered since are meant: a monolith that is not fit for Offtake is what some tests are about.
  let wasFit = false;
  const server = new LocalServer({
    name,
    command: binaries.postgres,
    args: ["-D", dataFolder, ...postgresMark(stackFolder), "-c", `cluster_name=${cluster}`],
    workingFolder: folder,
    environment: environment(),
    user,
    logFile: join(stackFolder, `${name}.log`),
    answers: async () => {
      if (wasFit) await inDatabase(url(), "SELECT");
      else await postgresAnswers(url());
      wasFit = true;
    },
    startLimitMs: 60_000,
    children: () => postgresChildren(cluster),
  });
  await server.start();
  return {
    port,
    dataFolder,
    get pid() {
      return server.pid;
    },
    url,
    createDatabase: (database) => createDatabase(url(), database),
    dropDatabase: (database) => dropDatabase(url(), database),
    start: () => server.start(),
    stop: (mode) => server.stop(mode === "fast" ? "SIGINT" : "SIGQUIT", 30_000),
    kill: () => server.kill(),
  };
}

/** @throws when it does not answer, or does not write what logical decoding needs */
export async function postgresAnswers(url: string): Promise<void> {
  const [row] = await inDatabase(url, "SELECT current_setting('wal_level') AS level");
  if (row?.["level"] !== "logical") throw new Error(`wal_level is ${row?.["level"]}, and must be logical`);
}

/** @param url a superuser's */
export async function createDatabase(url: string, name: string): Promise<void> {
  await inDatabase(url, `CREATE DATABASE ${pg.escapeIdentifier(name)}`);
}

/** @param url a superuser's */
export async function dropDatabase(url: string, name: string): Promise<void> {
  // FORCE ends sessions, but refuses where a walsender still reads from a slot of the database. Slots that nobody reads go with it.
  await inDatabase(
    url,
    `SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE active AND database = ${pg.escapeLiteral(name)}`,
  );
  await inDatabase(url, `DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
}

async function inDatabase(url: string, sql: string): Promise<Record<string, string>[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 30_000 });
  // A server that ends in the middle says so twice: in the query's answer, and as an event that would end this process.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query<Record<string, string>>(sql)).rows;
  } finally {
    await client.end();
  }
}

async function createCluster(cluster: {
  binaries: PostgresBinaries;
  major: PostgresMajor;
  folder: string;
  dataFolder: string;
  stackFolder: string;
  password: string;
  user: UnprivilegedUser | undefined;
}): Promise<void> {
  const { binaries, major, folder, dataFolder, stackFolder, password, user } = cluster;
  const passwordFile = join(folder, "password");
  await mkdir(folder, { mode: 0o700 });
  await writeFile(passwordFile, password, { mode: 0o600 });
  if (user !== undefined) for (const path of [folder, passwordFile]) await chown(path, user.uid, user.gid);
  const args = [
    "-D",
    dataFolder,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    ...(major < 16 ? [] : postgresMark(stackFolder)),
  ];
  // --no-clean: an interrupted initdb would remove postmaster.pid, by which shared-memory.ts finds the segment that was in use.
  // Before 17 there is no built-in locale.
  const locale = major < 17 ? ["--encoding=UTF8", "--locale=C"] : localeArguments;
  try {
    await promisify(execFile)(binaries.initdb, [...args, ...locale, "--no-sync", "--no-clean", "--no-instructions"], {
      cwd: folder,
      env: environment(),
      timeout: 120_000,
      ...user,
    });
  } catch (cause) {
    // The message of a failed execFile is its command line and all of its stderr.
    throw new OfftakeError("STACK_SERVER_FAILED", `initdb of ${binaries.version} failed: ${messageOf(cause)}`, {
      cure: `If its programs are damaged, delete ${join(binaries.initdb, "..", "..")} and start again.`,
      cause,
    });
  }
  await rm(passwordFile);
}

/** What the local stack sets; a setting given by the caller stands after it and wins. */
function stackSettings(port: number, fsync: boolean): Record<string, string> {
  return {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    // In the data folder, not in /dev/shm: nothing is left there when the server is killed.
    dynamic_shared_memory_type: "mmap",
    ...postgresSettings(fsync),
  };
}

/** A block for the end of postgresql.conf, where the last of several lines for a setting counts. */
export function settingsText(settings: Record<string, string>): string {
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}'\n`);
  return lines.join("");
}

/** Without the PG… variables of whoever starts it, which PostgreSQL's programs read, and with messages that tests can recognise. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("PG") && !name.startsWith("LC_") && name !== "LANGUAGE");
  return { ...Object.fromEntries(own), LC_ALL: "C" };
}
