/**
 * One of several control processes acts, the others wait as its standbys: an advisory lock of the control database decides. Two that acted at once would run each job
 * twice, and call on-call twice.
 *
 * While the control database is away nobody can tell who acts, and the one that did goes on with what needs no such database; when it is back the lock decides anew.
 */
import type { Complaints } from "../runtime/complaints.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { holdsActingLock } from "./acting-lock.ts";
import type { ControlSession } from "./control-session.ts";

/** Milliseconds between two looks at the lock. */
const lookMs = 1000;

export interface ActingOptions {
  readonly control: ControlSession;
  /** Of which one process acts. */
  readonly installation: string;
  readonly complaints: Complaints;
  /** Told at each look whether it acts, in words for people. */
  readonly told: (state: string) => void;
}

/** Runs `act` whenever and as long as this process is the one that acts. Until it is stopped; throws nothing but what `act` does, which ends it. */
export async function whileActing(
  { control, installation, complaints, told }: ActingOptions,
  act: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let turn: { readonly over: AbortController; readonly ended: Promise<void> } | undefined;
  const failed = new AbortController();
  const failure: { thrown?: unknown } = {};
  const endTurn = async (): Promise<void> => {
    turn?.over.abort();
    await turn?.ended;
    turn = undefined;
  };
  while (!signal.aborted && !failed.signal.aborted) {
    try {
      const mine = await holdsActingLock(control, "offtake control", installation);
      if (!mine) await endTurn();
      else if (turn === undefined) {
        const over = new AbortController();
        const ended = act(AbortSignal.any([signal, over.signal])).catch((error: unknown) => {
          failure.thrown = error;
          failed.abort();
        });
        turn = { over, ended };
      }
      told(mine ? "acting" : "standby");
    } catch (error) {
      const known = asOfftakeError(error);
      complaints.say(known, "which control process acts cannot be seen");
      told(`${turn === undefined ? "standby" : "acting"}, and cannot ask: ${known.line}`);
    }
    await waitOrStop(lookMs, AbortSignal.any([signal, failed.signal]));
  }
  await endTurn();
  if (failed.signal.aborted) throw failure.thrown;
}
