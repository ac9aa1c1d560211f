/**
 * Commits that wait for a standby that there is not: they are in the WAL, decoded and applied, while others at the source still see the row before. For tests with a server of their own,
 * since whether commits wait is the server's to say.
 */
import pg, { type Client } from "pg";
import { waitFor } from "./wait-for.ts";

interface Source {
  readonly source: Client;
  readonly sourceUrl: string;
}

/** Commits of sessions that ask for it (synchronous_commit = 'on') wait until `letGo` tells the server that there is no standby; others do not. */
export async function withoutStandby(pipeline: Source, work: (letGo: () => Promise<void>) => Promise<void>): Promise<void> {
  const { source } = pipeline;
  const name = async (standbys: string): Promise<void> => {
    await source.query(`ALTER SYSTEM SET synchronous_standby_names = '${standbys}'`);
    await source.query("SELECT pg_reload_conf()");
    await waitFor(async () => (await source.query("SHOW synchronous_standby_names")).rows[0].synchronous_standby_names === standbys, {
      what: "the server to know its standbys",
    });
  };
  await source.query("ALTER SYSTEM SET synchronous_commit = 'local'");
  await name("nobody");
  try {
    await commitsWait(pipeline);
    await work(async () => name(""));
  } finally {
    await name("");
  }
}

/** Another process has to hear of it, too. */
async function commitsWait(pipeline: Source): Promise<void> {
  const { source } = pipeline;
  await using probe = await sourceSession(pipeline, "SET synchronous_commit = 'on'");
  const { rows: own } = await probe.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
  for (let waits = false; !waits;) {
    const committed = probe.query("SELECT pg_logical_emit_message(true, 'probe', '')");
    let ended = false;
    const end = committed.then(() => (ended = true));
    waits = await waitFor(
      async () => {
        const { rowCount } = await source.query("SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'", [own[0]!.pid]);
        return ended ? { waits: false } : rowCount === 1 && { waits: true };
      },
      { what: "a commit to wait, or not" },
    ).then((found) => found.waits);
    await source.query("SELECT pg_cancel_backend($1)", [own[0]!.pid]);
    await end;
  }
}

/** @param set what it begins with */
export async function sourceSession({ sourceUrl }: Source, set = "SELECT 1"): Promise<Client & AsyncDisposable> {
  const client = new pg.Client(sourceUrl);
  await client.connect();
  await client.query(set);
  return Object.assign(client, { [Symbol.asyncDispose]: async () => client.end() });
}
