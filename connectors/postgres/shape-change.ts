/**
 * Decides from what a captured table was at the last look and what it is now whether rows of it went, came or changed without the stream saying so. A reason
 * too few is a silent difference at the target, one too many costs a copy: in doubt there is one, except after what everybody does every day, which is a new
 * partition, VACUUM, ANALYZE, and an ALTER TABLE that the applier stops for or that leaves the rows alone.
 *
 * Pure. Source: docs/tables.md, "What the stream does not say".
 */
import type { CapturedColumn, CapturedPartition, CapturedShape, StoredShape } from "./captured-shape.ts";

export interface ShapeSurroundings {
  /** The target's table, quoted; and whether its columns have other names there. */
  readonly target: { readonly sql: string; readonly renamed: boolean };
  /** OIDs of partitions with rows, of those that attachedPartitions() names. */
  readonly withRows: ReadonlySet<number>;
  /** Whether the look before was made by the same process, moments ago. */
  readonly recently: boolean;
  /** Whether the stream has a TRUNCATE of the table itself in this transaction; undefined while the stream has not got so far. */
  readonly truncatedIn: (transaction: string) => boolean | undefined;
}

export interface ShapeChange {
  /** Why the table has to be copied; each with what mends it, where a statement does. */
  readonly reasons: readonly string[];
  /** It is too early to tell: to be asked again, with the same shape before. */
  readonly undecided: boolean;
}

export function shapeChange(before: CapturedShape, now: CapturedShape, around: ShapeSurroundings): ShapeChange {
  const emptied = emptiedPartitions(before, now, around);
  return {
    reasons: [
      ...(now.unlogged ? ["the table is unlogged: what changes meanwhile is missing"] : []),
      ...columnReasons(before, now),
      ...enumReasons(before, now),
      ...linkReasons(before, now, around),
      ...emptied.reasons,
    ],
    undecided: emptied.undecided,
  };
}

/** Partitions that are new and were tables before: with the rows that they brought along. */
export function attachedPartitions(before: CapturedShape, now: CapturedShape): CapturedPartition[] {
  const known = new Map(before.partitions.map((partition) => [partition.oid, partition]));
  return now.partitions.filter(
    (partition) =>
      partition.leaf && !known.has(partition.oid) && pathOf(now, partition).some((each) => known.get(each.oid)?.joined !== each.joined && !each.born),
  );
}

/** The partition and what it is a part of, without the root. */
function pathOf({ partitions }: CapturedShape, leaf: CapturedPartition): CapturedPartition[] {
  const path: CapturedPartition[] = [];
  for (let each: CapturedPartition | undefined = leaf; each !== undefined; each = partitions.find(({ oid }) => oid === path.at(-1)!.parent))
    path.push(each);
  return path;
}

interface Pair {
  readonly before: CapturedPartition;
  readonly now: CapturedPartition;
}

/** Leaves that were partitions at both looks. */
function staying(before: CapturedShape, now: CapturedShape): Pair[] {
  const present = new Map(now.partitions.map((partition) => [partition.oid, partition]));
  return before.partitions.flatMap((each) => {
    const found = present.get(each.oid);
    return each.leaf && found?.leaf === true ? [{ before: each, now: found }] : [];
  });
}

function linkReasons(before: CapturedShape, now: CapturedShape, { target, withRows }: ShapeSurroundings): string[] {
  const pairs = staying(before, now);
  const gone = before.partitions.filter((each) => each.leaf && !pairs.some((pair) => pair.before.oid === each.oid));
  const again = pairs.filter((pair) => {
    const joined = pathOf(before, pair.before).map((each) => each.joined);
    return pathOf(now, pair.now).some((each, i) => each.joined !== joined[i]);
  });
  return [
    ...gone.map(
      (each) =>
        `its partition ${each.name} was detached or dropped, and its rows are still at the target: ${removal(target, each, "if no other partition has got rows of that kind since")}`,
    ),
    ...again.map((pair) => `its partition ${pair.now.name} was detached and attached again: what changed between is missing`),
    ...attachedPartitions(before, now)
      .filter(({ oid }) => withRows.has(oid))
      .map((each) => `its partition ${each.name} was attached with rows`),
  ];
}

/** TRUNCATE of a partition by itself is in no stream that has its root's name; that of the root is, and gives every partition another file, too. */
function emptiedPartitions(before: CapturedShape, now: CapturedShape, { target, recently, truncatedIn }: ShapeSurroundings): ShapeChange {
  const pairs = staying(before, now);
  const altered = new Set(
    now.columns.map(({ written }) => written).filter((written) => !before.columns.some((column) => column.written === written)),
  );
  const emptied = pairs.filter((pair) => {
    if (pair.before.file === pair.now.file || (recently && pair.now.compacted)) return false;
    // An ALTER TABLE has written the partition's row and that of a column in one transaction.
    return pair.before.toast === 0 ? !altered.has(pair.now.written) : !isRewritten(pair.before, pair.now);
  });
  if (emptied.length === 0) return { reasons: [], undecided: false };
  const transactions = new Set(emptied.map((pair) => pair.now.written));
  const [transaction] = transactions;
  if (emptied.length === pairs.length && transactions.size === 1 && transaction !== undefined) {
    const whole = truncatedIn(transaction);
    if (whole !== false) return { reasons: [], undecided: whole === undefined };
  }
  return {
    reasons: emptied.map(
      (pair) =>
        `its partition ${pair.now.name} was truncated by itself, or rewritten by VACUUM FULL or CLUSTER, which would have changed nothing: ${removal(target, pair.before, "if it was truncated and is still empty")}`,
    ),
    undecided: false,
  };
}

/** What takes a partition's rows away at the target. The columns of a hash partition do not say which rows were its own. */
function removal({ sql, renamed }: ShapeSurroundings["target"], { where }: CapturedPartition, condition: string): string {
  if (where?.includes("satisfies_hash_partition(") === true) return "nothing but a copy mends that";
  const names = renamed ? ", with the target's names of the columns" : "";
  return `DELETE FROM ${sql}${where === null ? "" : ` WHERE ${where}`}; at the target mends that${names}, ${condition}`;
}

/** Whether an ALTER TABLE may have written the file anew. */
function isRewritten(before: StoredShape, now: StoredShape): boolean {
  return before.file !== now.file && before.toast !== 0 && before.toast !== now.toast;
}

function same(a: CapturedColumn, b: CapturedColumn): boolean {
  return a.name === b.name && a.type === b.type && a.modifier === b.modifier;
}

function columnReasons(before: CapturedShape, now: CapturedShape): string[] {
  const others = now.columns.flatMap((column) => {
    const old = before.columns.find(({ name }) => name === column.name);
    return old === undefined || old.number === column.number
      ? []
      : [`the column ${column.name} is another one under the same name: dropped and added again, or renamed`];
  });
  const stored = [{ before: before as StoredShape, now: now as StoredShape }, ...staying(before, now)];
  // Without a TOAST table an ALTER TABLE cannot be told from a TRUNCATE; it has the column's row of pg_attribute in common with one that only sets a default.
  const rewritten = stored.some((pair) => isRewritten(pair.before, pair.now) || (pair.before.file !== pair.now.file && pair.before.toast === 0));
  if (!rewritten) return others;
  const kept = now.columns.flatMap((column) => {
    const old = before.columns.find(({ number }) => number === column.number);
    return old !== undefined && same(old, column) && old.written !== column.written ? [column.name] : [];
  });
  if (kept.length > 0)
    return [...others, `the column ${kept.join(", ")} was altered while its type stayed the same, and the table's rows were written anew`];
  const explained =
    before.columns.length !== now.columns.length ||
    before.columns.some((column, i) => now.columns[i]?.number !== column.number || !same(column, now.columns[i]));
  if (!explained && !now.unlogged && stored.some((pair) => isRewritten(pair.before, pair.now)))
    return [...others, "the table's rows were written anew, and nothing says why: it may have been unlogged for a while"];
  return others;
}

function enumReasons(before: CapturedShape, now: CapturedShape): string[] {
  const labels = new Map(before.enums.map(({ oid, label }) => [oid, label]));
  return now.enums.flatMap(({ oid, type, label }) => {
    const old = labels.get(oid);
    if (old === undefined || old === label) return [];
    return [
      `the value ${old} of the enum ${type} was renamed to ${label}: ALTER TYPE ${type} RENAME VALUE ${literal(old)} TO ${literal(label)}; at the target mends that`,
    ];
  });
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
