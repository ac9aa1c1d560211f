/**
 * Cuts a batch into steps that give the same result as its changes one after the other.
 *
 * Changes of different tables do not touch each other while the target's triggers and foreign keys are asleep (replica role), so each table's
 * changes are gathered, whatever came between. What cannot be gathered ends the table's step: a change of key, which may need a key that an earlier
 * change frees; a new shape of the table; a truncate, which ends the steps of all tables, since some are truncated together. Where triggers or
 * foreign keys are awake, their tables are applied in source order (a merged batch lost a child row to ON DELETE CASCADE without any error).
 *
 * Pure.
 */
import { Change, type ChangeLog } from "./change-log.ts";

/**
 * - `merge`: changes of one keyed table, to be merged to their final effect
 * - `creates`: new rows of one table without a key
 * - `moves`: changes of key of one table, of which no old or new key occurs twice
 * - `truncate`: tables that were truncated together
 * - `order`: changes that are applied one by one
 */
export type StepKind = "merge" | "creates" | "moves" | "truncate" | "order";

export interface Step {
  readonly kind: StepKind;
  /** Index into the log's plans; -1 for `order` and `truncate`, which may hold changes of several. */
  readonly plan: number;
  /** Indexes of changes, in source order. */
  readonly changes: number[];
}

/**
 * @param inOrder for each plan of the log, whether its table must be applied in source order
 * @param from with `to`, the range of changes
 * @param passedOver changes that are not applied
 */
export function steps(log: ChangeLog, inOrder: readonly boolean[], from = 0, to = log.length, passedOver?: ReadonlySet<number>): Step[] {
  const done: Step[] = [];
  const open = new Map<string, Step>();
  const append = (table: string, kind: StepKind, plan: number, change: number): void => {
    const current = open.get(table);
    if (current !== undefined && current.kind === kind && current.plan === plan) {
      current.changes.push(change);
      return;
    }
    const step: Step = { kind, plan, changes: [change] };
    done.push(step);
    open.set(table, step);
  };
  const names = log.plans.map((plan) => `${plan.schema}\0${plan.table}`);
  const moved = new Map<Step, Set<string>>();
  for (let change = from; change < to; change += 1) {
    if (passedOver?.has(change) === true) continue;
    const plan = log.plan[change]!;
    const table = names[plan]!;
    const op = log.op[change]!;
    const keyed = log.plans[plan]!.keys.length > 0;
    if (op === Change.truncate) {
      const last = done.at(-1);
      const together = last?.kind === "truncate" && last.changes.at(-1) === change - 1;
      open.clear();
      if (together) last.changes.push(change);
      else done.push({ kind: "truncate", plan: -1, changes: [change] });
    } else if (inOrder[plan]!) append("", "order", -1, change);
    else if (op === Change.move) {
      const keys = moveKeys(log, change);
      const current = open.get(table);
      const seen = current?.kind === "moves" ? moved.get(current) : undefined;
      if (seen !== undefined && keys.some((key) => seen.has(key))) open.delete(table);
      append(table, "moves", plan, change);
      const step = open.get(table)!;
      const set = moved.get(step) ?? new Set<string>();
      for (const key of keys) set.add(key);
      moved.set(step, set);
    } else if (keyed) append(table, "merge", plan, change);
    else append(table, op === Change.create ? "creates" : "order", op === Change.create ? plan : -1, change);
  }
  return done;
}

/** The old and the new key of a move, as text. Changes of key are rare enough for it. */
function moveKeys(log: ChangeLog, change: number): [string, string] {
  const { keys } = log.plans[log.plan[change]!]!;
  const bytes = log.buffers[log.buffer[change]!]!;
  const text = (at: number): string => bytes.toString("latin1", log.start[at], log.end[at]);
  const old = keys.map((_, i) => text(log.old[change]! + i));
  const now = keys.map((key) => text(log.row[change]! + key));
  return [old.join("\0"), now.join("\0")];
}
