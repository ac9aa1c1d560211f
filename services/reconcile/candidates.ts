/**
 * Keys of which the two sides gave different hashes, until each is decided: read on either side in turn (sandwich.ts), as many at a time as fit into one statement. One that somebody
 * changes all the time is held against the stream (hot-rows.ts). Where that says nothing either it is undecided, and nothing is said of it.
 */
import type { Client } from "pg";
import { formatLsn, type Lsn } from "../../connectors/postgres/lsn.ts";
import { interrupted, OfftakeError } from "../runtime/errors.ts";
import { fullName } from "../runtime/table-pattern.ts";
import type { ComparedTable } from "./compared-table.ts";
import type { KeyText } from "./key-range.ts";
import { ParkedRows } from "./parked-rows.ts";
import { readKeyRows } from "./key-rows.ts";
import type { AppliedMoment, ReadKey } from "./hot-rows.ts";
import { type Differing, type ReportedKey, reportedKey, type Undecided } from "./report.ts";
import { type Judgement, type RowVersion, Sandwich } from "./sandwich.ts";
import type { Sides } from "./side-by-side.ts";

/** Keys of one statement. */
const keysAtOnce = 500;

export interface CandidateOptions extends Sides {
  /** Whose parked keys are left alone. */
  readonly connector: string;
  /** Milliseconds for which the source may hold back what has been applied. */
  readonly unseenMs: number;
  /** Milliseconds for which a key may be hot. */
  readonly hotMs: number;
  /** What the stream says of keys that are hot, as HotRows.judge(). */
  readonly stream: (table: ComparedTable, keys: readonly ReadKey[], moment: AppliedMoment) => Promise<readonly (Judgement | undefined)[]>;
}

/** What has become of them, by the text of their keys: those that are found under two texts are there once. */
export interface Decided {
  readonly missing: Map<string, { readonly key: ReportedKey }>;
  readonly extra: Map<string, { readonly key: ReportedKey }>;
  readonly differing: Map<string, Differing>;
  readonly undecided: Map<string, Undecided>;
  /** Keys whose events are put aside. */
  readonly parked: Set<string>;
  rounds: number;
}

export function nothingDecided(): Decided {
  return { missing: new Map(), extra: new Map(), differing: new Map(), undecided: new Map(), parked: new Set(), rounds: 0 };
}

interface Open {
  readonly key: KeyText;
  readonly sandwich: Sandwich;
  /** As it was read last. */
  source?: RowVersion | undefined;
  target?: RowVersion | undefined;
}

/** Rounds after which a key is hot enough for the stream to be followed for it. */
const roundsAlone = 2;

/** However long they take: each waits for the applier, and the stream says nothing before it was listened to for one of them. */
const roundsAtLeast = 6;

/** @throws OfftakeError of the two sides; what was decided by then is in `decided`, and the rest is undecided there */
export async function decide(options: CandidateOptions, keys: readonly KeyText[], decided: Decided): Promise<void> {
  for (let from = 0; from < keys.length; from += keysAtOnce) {
    const open = keys.slice(from, from + keysAtOnce).map((key): Open => ({ key, sandwich: new Sandwich() }));
    try {
      await decideSome(options, open, decided);
    } catch (error) {
      const why = error instanceof OfftakeError ? error.message : "an error";
      for (const { key } of open) leave(options.table, decided, key, why);
      for (const key of keys.slice(from + keysAtOnce)) leave(options.table, decided, key, why);
      throw error;
    }
  }
}

/** @param open emptied as they are decided */
async function decideSome(options: CandidateOptions, open: Open[], decided: Decided): Promise<void> {
  const { source, target, table, unseenMs, hotMs, signal, connector, stream } = options;
  const keyColumns = table.key.map((index) => table.columns[index]!);
  const until = performance.now() + hotMs;
  let applied: Lsn = 0n;
  for (let round = 1; ; round += 1) {
    const left = await source.read(table.source, async (client) => rows(client, "source", table, open));
    const passed = await source.passed();
    judge(table, open, "source", left, { passed, applied }, decided);
    if (open.length === 0) return;
    if (performance.now() >= until && round > roundsAtLeast) break;
    if (signal.aborted) throw interrupted("the tables were compared");
    const right = await target.read(table, passed, async (client) => ({
      parked: await ParkedRows.read(client, connector, fullName(table.name), keyColumns),
      found: await rows(client, "target", table, open),
    }));
    ({ applied } = right);
    const found = leaveParked(open, right.value, decided);
    judge(table, open, "target", found, { passed, applied }, decided);
    if (round > roundsAlone && open.length > 0) {
      const said = await stream(table, open, { position: right.position, shape: right.shape });
      settle(table, open, said, { passed, applied }, decided);
    }
    if (open.length === 0) return;
    const unseen = await source.seesApplied(table.source, unseenMs, signal);
    if (unseen !== undefined) {
      for (const { key } of open.splice(0))
        leave(table, decided, key, `transaction ${unseen}, which is committed, or about to be, and is not visible at the source yet`);
      return;
    }
    decided.rounds += 1;
  }
  for (const { key } of open.splice(0)) leave(table, decided, key, "a moment in which nobody changes the row");
}

/** Takes keys away whose events are put aside. @returns the rows of the others */
function leaveParked(open: Open[], { parked, found }: { parked: ParkedRows; found: (RowVersion | undefined)[] }, decided: Decided): typeof found {
  const isParked = open.map(({ key }) => parked.has(key));
  for (const [i, { key }] of open.entries()) if (isParked[i]) decided.parked.add(key.join("\0"));
  open.splice(0, open.length, ...open.filter((_, i) => !isParked[i]));
  return found.filter((_, i) => !isParked[i]);
}

async function rows(client: Client, side: "source" | "target", table: ComparedTable, open: readonly Open[]): Promise<(RowVersion | undefined)[]> {
  return readKeyRows(
    client,
    table[side],
    table.redacted,
    open.map(({ key }) => key),
  );
}

interface Positions {
  readonly passed: Lsn;
  readonly applied: Lsn;
}

function judge(
  table: ComparedTable,
  open: Open[],
  side: "source" | "target",
  found: readonly (RowVersion | undefined)[],
  positions: Positions,
  decided: Decided,
): void {
  const judgements = open.map((each, i) => {
    each[side] = found[i];
    return each.sandwich.read(side, found[i]);
  });
  settle(table, open, judgements, positions, decided);
}

/** @param judgements undefined for nothing that could be said */
function settle(table: ComparedTable, open: Open[], judgements: readonly (Judgement | undefined)[], positions: Positions, decided: Decided): void {
  const hot = open.filter(({ key }, i) => {
    const judgement = judgements[i];
    if (judgement?.state === "mismatch") note(table, key, judgement, positions, decided);
    return judgement === undefined || judgement.state === "hot";
  });
  open.splice(0, open.length, ...hot);
}

function note(
  table: ComparedTable,
  asked: KeyText,
  judgement: Judgement & { state: "mismatch" },
  { passed, applied }: Positions,
  decided: Decided,
): void {
  const { kind, source, target } = judgement;
  const row = source ?? target;
  const text = row?.key ?? asked;
  const key = keyOf(table, text);
  const at = text.join("\0");
  if (kind === "missing") decided.missing.set(at, { key });
  else if (kind === "extra") decided.extra.set(at, { key });
  else
    decided.differing.set(at, {
      key,
      columns: table.columns.flatMap((name, i) => {
        const [left, right] = [source?.values[i] ?? null, target?.values[i] ?? null];
        return left === right ? [] : [{ name, source: left, target: right }];
      }),
      sourcePosition: formatLsn(passed),
      targetPosition: formatLsn(applied),
    });
}

function leave(table: ComparedTable, { undecided }: Decided, key: KeyText, waitsFor: string): void {
  undecided.set(key.join("\0"), { key: keyOf(table, key), waitsFor });
}

function keyOf({ columns, key }: ComparedTable, text: KeyText): ReportedKey {
  return reportedKey(
    key.map((index) => columns[index]!),
    text,
  );
}
