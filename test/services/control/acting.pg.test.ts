import { afterAll, expect, test } from "vitest";
import { whileActing } from "../../../services/control/acting.ts";
import { waitOrStop } from "../../../services/runtime/stop-signal.ts";
import { waitFor } from "../../support/wait-for.ts";
import { controlDatabase, unheard } from "./control-database.ts";

const database = await controlDatabase();
afterAll(async () => database[Symbol.asyncDispose]());

interface Acting {
  state: string;
  acts: boolean;
  readonly stop: () => Promise<void>;
}

function candidate(installation = "one"): Acting {
  const stopping = new AbortController();
  const process: Acting = {
    state: "",
    acts: false,
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
  const act = async (signal: AbortSignal): Promise<void> => {
    process.acts = true;
    await waitOrStop(3_600_000, signal);
    process.acts = false;
  };
  const control = database.session();
  const told = (state: string): void => void (process.state = state);
  // The session holds the lock, as the one of a process does.
  const ended = (async () => {
    await whileActing({ control, installation, complaints: unheard(), told }, act, stopping.signal);
    await control.end();
  })();
  return process;
}

test("one acts, the others stand by, and one of them takes over from one that has ended or has lost its session", async () => {
  const first = candidate();
  await waitFor(() => first.acts, { what: "the first to act" });
  const second = candidate();
  const elsewhere = candidate("two");
  await waitFor(() => second.state === "standby" && elsewhere.acts, { what: "the second to stand by" });
  expect([first.acts, second.acts]).toEqual([true, false]);
  await first.stop();
  await waitFor(() => second.acts, { what: "the second to act" });

  const third = candidate();
  await waitFor(() => third.state === "standby", { what: "the third to stand by" });
  // Somebody else has the lock next: a session that is lost is seen to lose it.
  const { admin } = database;
  const held = admin.query("SELECT pg_advisory_lock(hashtext('offtake control'), hashtext('one'))");
  const waits =
    "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
  await waitFor(async () => (await database.watcher.query(waits)).rowCount === 1, { what: "somebody to wait for the lock" });
  await database.watcher.query(
    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = hashtext('one')::oid",
  );
  await held;
  await waitFor(() => second.state === "standby" && !second.acts, { what: "the second to see that it has lost the lock" });
  expect(third.acts).toBe(false);
  await admin.query("SELECT pg_advisory_unlock_all()");
  await waitFor(() => second.acts !== third.acts, { what: "one of them to act again" });
  await Promise.all([second.stop(), third.stop(), elsewhere.stop()]);
  expect([second.acts, third.acts, elsewhere.acts]).toEqual([false, false, false]);
});
