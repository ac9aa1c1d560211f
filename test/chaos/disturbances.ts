/**
 * What networks and servers do to a pipeline that runs for hours: sessions that the server ends, connections that are cut in the middle, a broker that is restarted. Each of
 * them once a minute, in an order that a seed gives: so every minute is as hard as any other, and what grows is not the disturbance.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { SeededRandom } from "../../infra/demo/seeded-random.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { at } from "./bank-pipeline.ts";

export const disturbances = [
  "source sessions ended",
  "target sessions ended",
  "source connections cut",
  "target connections cut",
  "broker restarted",
] as const;

export type Disturbance = (typeof disturbances)[number];

export interface Disturbed {
  /** Superusers' URLs of the servers, not through the proxies. */
  readonly source: string;
  readonly target: string;
  /** What the product's connections go through. */
  readonly proxies: { readonly source: TcpProxy; readonly target: TcpProxy };
  readonly broker: { stop(): Promise<void>; start(): Promise<void> };
}

const endSql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'offtake%' AND pid <> pg_backend_pid()";

const acts: Readonly<Record<Disturbance, (disturbed: Disturbed) => Promise<unknown>>> = {
  "source sessions ended": async ({ source }) => at(source, async (client) => client.query(endSql)),
  "target sessions ended": async ({ target }) => at(target, async (client) => client.query(endSql)),
  "source connections cut": async ({ proxies }) => proxies.source.cut(),
  "target connections cut": async ({ proxies }) => proxies.target.cut(),
  "broker restarted": async ({ broker }) => {
    await broker.stop();
    await broker.start();
  },
};

/** Milliseconds into a minute at which one of them comes; the last has time to pass before the minute is over. */
const moments = [3000, 13_000, 23_000, 33_000, 43_000];

/** A minute of them. @returns what was done */
export async function disturbedMinute(disturbed: Disturbed, seed: number, minute: number): Promise<readonly Disturbance[]> {
  const random = new SeededRandom(seed, `minute ${minute}`);
  const left: Disturbance[] = [...disturbances];
  const done: Disturbance[] = [];
  const began = performance.now();
  for (const moment of moments) {
    await sleep(Math.max(began + moment + random.between(0, 5000) - performance.now(), 0));
    const next = random.take(left);
    await acts[next](disturbed);
    done.push(next);
  }
  await sleep(Math.max(began + 60_000 - performance.now(), 0));
  return done;
}
