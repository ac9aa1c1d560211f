/**
 * A physical standby of a PostgreSQL server of the local stack, made from a base backup and fed by streaming replication: what failing over really is,
 * with a timeline of its own and without whatever it had not received.
 *
 * The npm packages have no pg_basebackup. A backup is a copy of a running server's files between pg_backup_start and pg_backup_stop, and worth nothing without
 * the label that the second returns: a server that starts on it without the label recovers from the wrong checkpoint and is damaged in silence.
 *
 * Source: PostgreSQL documentation, "Making a Base Backup Using the Low Level API", "Setting Up a Standby Server", "Replication Slot Synchronization".
 */
import { appendFile, chown, copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import pg, { type Client } from "pg";
import { freePort } from "./free-port.ts";
import { postgresBinaries } from "./postgres-binaries.ts";
import { type PostgresServer, settingsText, startOnData } from "./postgres-server.ts";
import { newestPostgres, type PostgresMajor, postgresMajors } from "./postgres-versions.ts";
import { type UnprivilegedUser, unprivilegedUser } from "./unprivileged-user.ts";

export interface StandbyOptions {
  stackFolder: string;
  /** Of the folder and the log below the stack's folder. */
  name: string;
  /** Running. May have been a standby itself. */
  primary: PostgresServer;
  /** postgresql.conf's, over those of the primary. */
  settings?: Record<string, string>;
}

export interface PostgresStandby extends PostgresServer {
  /** The physical slot that it has at its primary. */
  readonly slot: string;
  /** Cuts it off from its primary: it answers, and gets nothing more. */
  disconnect(): Promise<void>;
  /** Makes a primary of it, on a new timeline, with what it has received. */
  promote(): Promise<void>;
}

const control = "global/pg_control";

/** Begins afresh in the copy: replication slots too, which no base backup takes along. */
const emptied: ReadonlySet<string> = new Set(
  ["wal", "replslot", "dynshmem", "notify", "serial", "snapshots", "stat_tmp", "subtrans"].map((name) => `pg_${name}`),
);

/** Belongs to the primary's processes, or to the backup that it was made from itself. */
const left: ReadonlySet<string> = new Set(["postmaster.pid", "postmaster.opts", "standby.signal", "backup_label", control]);

/** Starts a standby and waits until it streams. */
export async function startStandby({ stackFolder, name, primary, settings }: StandbyOptions): Promise<PostgresStandby> {
  const slot = name.replaceAll("-", "_");
  const user = unprivilegedUser();
  const folder = join(stackFolder, name);
  const dataFolder = join(folder, "data");
  await makeFolder(folder, user);
  await withSession(primary, async (client) => {
    await client.query("SELECT pg_create_physical_replication_slot($1, true)", [slot]);
    await client.query("SELECT pg_backup_start('standby', true)");
    await copyFolder(primary.dataFolder, dataFolder, user);
    const { rows } = await client.query<{ labelfile: string }>("SELECT labelfile FROM pg_backup_stop(false)");
    await writeOwned(join(dataFolder, "backup_label"), rows[0]!.labelfile, user);
  });
  await writeOwned(join(dataFolder, "standby.signal"), "", user);
  const port = await freePort();
  const { password } = new URL(primary.url());
  const conninfo = `host=127.0.0.1 port=${primary.port} user=postgres password=${password} dbname=postgres`;
  const own = {
    port: String(port),
    primary_conninfo: conninfo,
    primary_slot_name: slot,
    hot_standby_feedback: "on",
    wal_receiver_status_interval: "1",
  };
  // Behind what ALTER SYSTEM has written at the primary, which came along.
  await appendFile(join(dataFolder, "postgresql.auto.conf"), settingsText({ ...own, ...settings }));
  const major = await majorOf(dataFolder);
  const binaries = await postgresBinaries(major, () => {});
  const server = await startOnData({ stackFolder, name, binaries, user, port, password, folder });
  const streams = async (wanted: boolean): Promise<void> =>
    until(server, `SELECT (count(*) > 0) = ${wanted} FROM pg_stat_wal_receiver WHERE status = 'streaming'`);
  await streams(true);
  return Object.assign(server, {
    slot,
    async disconnect() {
      await withSession(server, async (client) => {
        await client.query("ALTER SYSTEM SET primary_conninfo = ''");
        await client.query("SELECT pg_reload_conf()");
      });
      await until(server, "SELECT count(*) = 0 FROM pg_stat_wal_receiver");
    },
    async promote() {
      await withSession(server, async (client) => client.query("SELECT pg_promote(true, 60)"));
    },
  });
}

async function majorOf(dataFolder: string): Promise<PostgresMajor> {
  const written = (await readFile(join(dataFolder, "PG_VERSION"), "utf8")).trim();
  return postgresMajors.find((major) => String(major) === written) ?? newestPostgres;
}

/** Files come and go while they are copied; what is gone by then is in the WAL. pg_control is last, so that it is not older than what it speaks of. */
async function copyFolder(from: string, to: string, user: UnprivilegedUser | undefined): Promise<void> {
  await copyBelow("", from, to, user);
  await copyOwned(join(from, control), join(to, control), user);
}

async function copyBelow(below: string, from: string, to: string, user: UnprivilegedUser | undefined): Promise<void> {
  await makeFolder(join(to, below), user);
  if (emptied.has(below)) return;
  for (const entry of await readdir(join(from, below), { withFileTypes: true })) {
    const path = join(below, entry.name);
    if (entry.isDirectory()) await copyBelow(path, from, to, user);
    else if (!left.has(path))
      await copyOwned(join(from, path), join(to, path), user).catch((error: unknown) => {
        if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
      });
  }
}

async function copyOwned(from: string, to: string, user: UnprivilegedUser | undefined): Promise<void> {
  await copyFile(from, to);
  if (user !== undefined) await chown(to, user.uid, user.gid);
}

async function writeOwned(file: string, text: string, user: UnprivilegedUser | undefined): Promise<void> {
  await writeFile(file, text, { mode: 0o600 });
  if (user !== undefined) await chown(file, user.uid, user.gid);
}

async function makeFolder(folder: string, user: UnprivilegedUser | undefined): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  if (user !== undefined) await chown(folder, user.uid, user.gid);
}

/** @param sql of one boolean */
async function until(server: PostgresServer, sql: string): Promise<void> {
  await withSession(server, async (client) => {
    const isSo = async (): Promise<boolean> => (await client.query<[boolean]>({ text: sql, rowMode: "array" })).rows[0]?.[0] === true;
    const limit = Date.now() + 30_000;
    while (!(await isSo())) {
      if (Date.now() > limit) throw new Error(`waited 30 s for: ${sql}`);
      await pause(20);
    }
  });
}

async function withSession<T>(server: PostgresServer, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: server.url(), connectionTimeoutMillis: 30_000 });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
