/**
 * One of two services is ill until many events wait for it, and then it is well again. The other one must not know: its lag is compared with its own lag before, under
 * the same load; its units have nothing to say; the memory of the processes that both share must not grow with what waits.
 */
import { round } from "../bench/figures.ts";
import { waitFor } from "../support/wait-for.ts";
import { type Ailment, type Cure, newestAt, type OwnServer } from "./ailments.ts";
import { at } from "./bank-pipeline.ts";
import { type Lag, lagOf, type Memory, memoryOf } from "./isolation-figures.ts";
import { LagProbe } from "./lag-probe.ts";
import { Residents } from "./residents.ts";
import { compareRows, orderedRows } from "./row-comparison.ts";
import { SteadyWriter, type WriterRate } from "./steady-writer.ts";
import type { ServiceSide, TwoServices } from "./two-services.ts";

export interface IsolationOptions extends WriterRate {
  readonly ailment: Ailment;
  readonly server: OwnServer;
  /** That wait for the ill service before it is cured. */
  readonly events: number;
  /** Milliseconds that it may take to catch up. */
  readonly patienceMs: number;
  readonly progress: (line: string) => void;
}

export interface Isolation {
  readonly what: string;
  /** Events that waited for the ill service at last. */
  readonly waiting: number;
  readonly soundLagMs: { readonly before: Lag; readonly during: Lag; readonly after: Lag };
  readonly rssMb: Readonly<Record<string, Memory>>;
  /** Whether the slot had moved beyond all that waited, while the service was still ill. */
  readonly illSlotMoved: boolean;
  readonly soundSlotMoved: boolean;
  /** Codes of the ill service's units, from the beginning of what is wrong until it is over; sorted. */
  readonly says: readonly string[];
  /** Of the sound one's: none. */
  readonly soundErrors: readonly string[];
  /** Whether the ill service was equal in the end by itself; null where somebody has to act. */
  readonly caughtUp: { readonly rows: number; readonly seconds: number } | null;
  /** Rows by which target and source differ in the end, of all services that are well. */
  readonly different: number;
  /** Keys whose events were put aside, of all services: the tables' policy is `park`, and what was wrong was no event. */
  readonly parked: number;
}

/** Rows that are written while all are well, as a share of those that are to wait: enough of them for a lag to compare with. */
const healthyShare = 0.25;

/** Rows of the sound service that must arrive while the other is ill, however short that is. */
const fewest = 10;

export async function isolation(services: TwoServices, options: IsolationOptions): Promise<Isolation> {
  const { ailment, events, progress } = options;
  const { ill, sound, sourceUrl } = services;
  const before = (await newestAt(sourceUrl, ill.table))!;
  const probe = new LagProbe(sourceUrl, sound.targetUrl, sound.table, await newestAt(sourceUrl, sound.table));
  const residents = new Residents({ connectors: () => services.connectors.pid, appliers: () => services.appliers.pid });
  let cure: Cure | undefined;
  const writer = new SteadyWriter(sourceUrl, ill.table, options, before);
  try {
    const grown = async (to: number, what: string): Promise<unknown> => waitFor(() => writer.newest >= to, { what, timeout: options.patienceMs });
    // The first rows bring start-up and schemas along.
    const beganAfter = probe.arrived;
    const began = async (): Promise<boolean> => probe.arrived > beganAfter && ((await newestAt(ill.targetUrl, ill.table)) ?? 0) > before;
    await waitFor(began, { what: "the first rows of both services", timeout: options.patienceMs });
    probe.take();
    await grown(writer.newest + events * healthyShare, "rows while all are well");
    const healthy = { lags: probe.take(), memory: residents.take() };

    const saidBefore = services.said();
    cure = await ailment.begin(services, options.server);
    const beganAt = await walOf(sourceUrl);
    let applied = (await newestAt(ill.targetUrl, ill.table)) ?? writer.newest;
    const waiting = async (): Promise<number> => {
      applied = (await newestAt(ill.targetUrl, ill.table)) ?? applied;
      return writer.newest - applied;
    };
    probe.take();
    residents.take();
    const alone = probe.arrived;
    await waitFor(async () => (await waiting()) >= events, { what: `${events} events to wait`, timeout: options.patienceMs });
    await waitFor(() => probe.arrived >= alone + fewest, { what: "rows of the sound service, while the other is ill", timeout: options.patienceMs });
    const during = { lags: probe.take(), memory: residents.take() };
    const written = await writer.stop();
    const waited = await waiting();
    progress(`${ailment.what}: ${waited} events wait`);
    const slots = await slotsMoved(services, ailment, beganAt);

    const curedAt = performance.now();
    const cures = cure;
    cure = undefined;
    await cures?.();
    if (cures !== undefined)
      await waitFor(async () => (await newestAt(ill.targetUrl, ill.table)) === written, {
        what: "the ill service to catch up",
        timeout: options.patienceMs,
      });
    const seconds = round((performance.now() - curedAt) / 1000, 1);
    if (cures !== undefined) progress(`${ailment.what}: caught up after ${seconds} s`);
    const after = probe.take();
    await probe.stop();
    const well = cures === undefined ? [sound] : [ill, sound];
    let [different, parked] = [0, 0];
    for (const side of well) different += await differing(sourceUrl, side);
    for (const side of [ill, sound]) parked += await parkedAt(side);
    return {
      what: ailment.what,
      waiting: waited,
      soundLagMs: { before: lagOf(healthy.lags), during: lagOf(during.lags), after: lagOf(after) },
      rssMb: memoryOf(healthy.memory, during.memory),
      ...slots,
      says: services.errorsOf(ill, saidBefore).toSorted(),
      soundErrors: services.errorsOf(sound),
      caughtUp: cures === undefined ? null : { rows: waited, seconds },
      different,
      parked,
    };
  } finally {
    residents.stop();
    // Where it has failed before: nothing of it may be left on the machine.
    await Promise.allSettled([writer.stop(), probe.stop(), cure?.()]);
  }
}

async function walOf(url: string): Promise<string> {
  return at(url, async (client) => (await client.query<{ lsn: string }>("SELECT pg_current_wal_lsn()::text AS lsn")).rows[0]!.lsn);
}

/** Where the topic takes what waits, both slots come to be beyond it: the ill one, too, and while it is still ill. Where it does not, nothing of it may be confirmed. */
async function slotsMoved(
  { sourceUrl, ill, sound }: TwoServices,
  { waitsIn }: Ailment,
  beganAt: string,
): Promise<Pick<Isolation, "illSlotMoved" | "soundSlotMoved">> {
  const end = await walOf(sourceUrl);
  const isBeyond = async ({ slot }: ServiceSide, lsn: string): Promise<boolean> =>
    at(sourceUrl, async (client) => {
      const { rows } = await client.query<{ beyond: boolean }>(
        "SELECT confirmed_flush_lsn > $2::pg_lsn AS beyond FROM pg_replication_slots WHERE slot_name = $1",
        [slot, lsn],
      );
      return rows[0]!.beyond;
    });
  const comesBeyond = async (side: ServiceSide): Promise<boolean> =>
    waitFor(async () => isBeyond(side, end), { what: `the slot of ${side.name} to move on`, timeout: 60_000 }).catch(() => false);
  const soundSlotMoved = await comesBeyond(sound);
  return { soundSlotMoved, illSlotMoved: waitsIn === "topic" ? await comesBeyond(ill) : await isBeyond(ill, beganAt) };
}

async function parkedAt({ targetUrl }: ServiceSide): Promise<number> {
  return at(targetUrl, async (client) => (await client.query("SELECT FROM offtake.parked")).rowCount ?? 0);
}

/** Rows by which a service's target and the source differ. */
export async function differing(sourceUrl: string, { targetUrl, table }: ServiceSide): Promise<number> {
  const found = await at(sourceUrl, async (source) =>
    at(targetUrl, async (target) => compareRows(orderedRows(source, table, "id"), orderedRows(target, table, "id"))),
  );
  return found.missing + found.different + found.extra;
}
