/**
 * The position matrix: at each place between any two steps of connector and applier the connection is dropped while the process stands still on the other side of the
 * step, and then the process is killed; behind each what was acknowledged is held against the target, so that what is lost is lost at a place that has a name.
 *
 * Connector and applier fail side by side, each at a place of its own: a start of both takes as long as a start of one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Place } from "../../services/runtime/failpoint.ts";
import { waitFor } from "../support/wait-for.ts";
import { BankPipeline, type BankOptions, type BankServers } from "./bank-pipeline.ts";
import type { Clerk } from "./clerk.ts";
import { lastWords } from "./last-words.ts";
import { TargetWatcher, type Watched } from "./target-watcher.ts";
import { differing, judge, settled, type Verdict } from "./verdict.ts";
import type { Victim } from "./victim.ts";

interface Cell {
  readonly place: Place;
  /** At which of its visits it fails. */
  readonly visit: number;
  /** What makes the applier begin again first: then it passes the place at once, and else every five seconds. */
  readonly begin?: string;
}

/** A place in the middle of a transaction of thousands of rows, and of one of a few. */
export const connectorCells: readonly Cell[] = [
  { place: "before-begin", visit: 2 },
  { place: "after-begin", visit: 1 },
  { place: "before-change", visit: 7 },
  { place: "after-change", visit: 700 },
  { place: "before-commit", visit: 1 },
  { place: "after-commit", visit: 2 },
  { place: "before-keepalive", visit: 1 },
  { place: "after-keepalive", visit: 2 },
  { place: "before-batch-encoded", visit: 1 },
  { place: "after-batch-encoded", visit: 2 },
  { place: "before-produce-sent", visit: 2 },
  { place: "after-produce-sent", visit: 1 },
  { place: "before-produce-acknowledged", visit: 1 },
  { place: "after-produce-acknowledged", visit: 2 },
  { place: "before-slot-confirmed", visit: 1 },
  { place: "after-slot-confirmed", visit: 1 },
];

/** Statements of a batch: BEGIN, the position, the rows, what is asked of the tables, COMMIT. */
export const applierCells: readonly Cell[] = [
  { place: "before-fetch", visit: 2 },
  { place: "after-fetch", visit: 1 },
  { place: "before-statement", visit: 3 },
  { place: "after-statement", visit: 4 },
  { place: "before-target-commit-sent@merged", visit: 1 },
  { place: "after-target-commit-sent@merged", visit: 2 },
  { place: "before-target-commit-acknowledged@merged", visit: 1 },
  { place: "after-target-commit-acknowledged@merged", visit: 2 },
  { place: "before-target-commit-sent@alone", visit: 1 },
  { place: "after-target-commit-sent@alone", visit: 1 },
  { place: "before-target-commit-acknowledged@alone", visit: 1 },
  { place: "after-target-commit-acknowledged@alone", visit: 1 },
  { place: "before-offset-committed", visit: 1, begin: "before-target-commit-sent:drop" },
  { place: "after-offset-committed", visit: 1, begin: "before-target-commit-sent:drop" },
  { place: "before-statement", visit: 2 },
  { place: "after-statement", visit: 2 },
];

export interface Matrix extends Verdict, Watched {
  /** What has fired, as place and action. */
  readonly fired: ReadonlySet<string>;
}

/** Milliseconds of standing still; and those after which a place must have been passed, and a target be equal. */
const stillMs = 50;
const patienceMs = 60_000;

/** The other place of the same step. */
function opposite(place: Place): string {
  return place.startsWith("before-") ? place.replace("before-", "after-") : place.replace("after-", "before-");
}

/** What is armed together, of each process: it stands still on the one side of a step where the connection is dropped on the other. */
type Phase = (cell: Cell) => Readonly<Record<string, string>>;

/** The group's offset leaves by a connection that the place does not have. */
function canDrop(place: Place): boolean {
  return !place.endsWith("-offset-committed");
}

/** A transaction of thousands of rows comes by there, and no other one. */
function isOfPieces(what: string): boolean {
  return what.includes("@alone");
}

const disturbed: Phase = ({ place, visit }) => ({
  ...(canDrop(place) ? { [`${place} drop`]: `${place}:drop:${visit}` } : {}),
  [`${opposite(place)} ${stillMs}`]: `${opposite(place)}:${stillMs}`,
});

const killed: Phase = ({ place, visit }) => ({ [`${place} kill`]: `${place}:kill:${visit}` });

/** All that has to fire in a run. @param withDisturbances whether connections are dropped, and processes stand still, before processes are killed */
export function allFailures(withDisturbances: boolean): ReadonlySet<string> {
  const phases = withDisturbances ? [disturbed, killed] : [killed];
  return new Set([...connectorCells, ...applierCells].flatMap((cell) => phases.flatMap((phase) => Object.keys(phase(cell)))));
}

export interface MatrixOptions extends BankOptions {
  /** Whether connections are dropped, and processes stand still, before they are killed. */
  readonly disturbed: boolean;
  readonly progress: (line: string) => void;
}

/** @throws Error that names the places, where the target is not what the ledger says */
export async function failpointMatrix(servers: BankServers, options: MatrixOptions): Promise<Matrix> {
  const phases = options.disturbed ? [disturbed, killed] : [killed];
  const bank = await BankPipeline.open(servers, { ...options, environment: { OFFTAKE_FAILPOINT: "later" } });
  const watcher = new TargetWatcher(bank.targetUrl);
  const clerk = bank.clerk(0);
  const fired = new Set<string>();
  try {
    for (const [i, connectorCell] of connectorCells.entries()) {
      const pairs: [Victim, Cell][] = [
        [bank.connector, connectorCell],
        [bank.applier, applierCells[i % applierCells.length]!],
      ];
      const where = pairs.map(([, { place, visit }]) => `${place}:${visit}`).join(" and ");
      for (const phase of phases) {
        const armed = pairs.map(([victim, cell]) => ({ victim, fails: phase(cell), begin: cell.begin ?? "later" }));
        const failures = armed.flatMap(({ fails }) => Object.keys(fails));
        await failAt(bank, armed, clerk).catch((error: unknown) => {
          throw new Error(`${failures.join(", ")}: ${lastWords(bank)}`, { cause: error });
        });
        for (const what of failures) fired.add(what);
        await equalBehind(bank, failures);
      }
      options.progress(`${where}: nothing is lost`);
    }
    await clerk.leave();
    await settled(bank, patienceMs);
    const watched = await watcher.stop();
    return { ...(await judge(bank)), ...watched, fired };
  } finally {
    await Promise.allSettled([watcher.stop()]);
    await bank.close();
  }
}

/** @throws Error that names what has failed, where the target does not come to be what the ledger says */
async function equalBehind(bank: BankPipeline, failures: readonly string[]): Promise<void> {
  // Cheaper to ask for than all of it.
  const newest = newestOf(bank);
  const equal = async (): Promise<boolean> => (await bank.hasArrived(newest)) && (await differing(bank)) === 0;
  await waitFor(equal, { what: "the target to be what the ledger says", timeout: patienceMs }).catch(async (error: unknown) => {
    throw new Error(`behind ${failures.join(", ")} ${await differing(bank)} rows differ: ${lastWords(bank)}`, { cause: error });
  });
}

/** The newest transfer that was acknowledged. */
function newestOf({ ledger }: BankPipeline): number {
  return [...ledger.acknowledged.keys()].at(-1)!;
}

interface Armed {
  readonly victim: Victim;
  /** By place and action, what is armed. */
  readonly fails: Readonly<Record<string, string>>;
  readonly begin: string;
}

/** Transactions until each of them has failed, by its own log; one that has died is started again at once, since the other may have to hear of it. */
async function failAt(bank: BankPipeline, armed: readonly Armed[], clerk: Clerk): Promise<void> {
  const all = armed.flatMap(({ victim, fails }) => Object.keys(fails).map((what) => ({ victim, what, before: times(victim, what) })));
  const dies = all.some(({ what }) => what.endsWith(" kill"));
  const back = armed.map(async ({ victim, fails, begin }) => {
    victim.arm([begin, ...Object.values(fails)].join(","));
    if (!dies) return;
    await victim.died();
    victim.restart();
  });
  const limit = performance.now() + patienceMs;
  for (let large: number | undefined; ;) {
    const missing = all.filter(({ victim, what, before }) => times(victim, what) <= before);
    if (missing.length === 0) break;
    if (performance.now() > limit) throw new Error(`not every place was passed: ${missing.map(({ what }) => what).join(", ")}`);
    const needsPieces = missing.some(({ what }) => isOfPieces(what));
    // The first one has thousands of rows where a process dies; another one follows where that was not large enough, and was applied at once.
    const isLarge = large === undefined ? dies || needsPieces : needsPieces && (await bank.hasArrived(large));
    await clerk.transact(isLarge ? true : undefined);
    if (isLarge) large = newestOf(bank);
    // Load, and no condition that is waited for.
    await sleep(10);
  }
  await Promise.all(back);
}

function times(victim: Victim, what: string): number {
  return victim.lines.filter(({ failpoint, action }) => `${failpoint} ${action}` === what).length;
}
