/**
 * Merges the changes of one keyed table to what they come to: which rows go, which come, which change, and from which change each column of a row has
 * its value.
 *
 *     row before   change        row after
 *     unknown      create        new
 *     unknown      update        changed
 *     unknown      delete        gone
 *     new          update        new
 *     new          delete        nothing: it came and went
 *     changed      update        changed
 *     changed      delete        gone
 *     gone         create        replaced: a create after a delete starts empty, also in columns that only the target has
 *     nothing      create        new
 *     replaced     update        replaced
 *     replaced     delete        gone
 *
 * A row that a copy of its table read (op r) is the row as it is at that place of the topic, whether the target has it or not:
 *
 *     unknown      read          put
 *     changed      read          put
 *     gone         read          replaced
 *     nothing      read          new
 *     removed      read          renewed
 *     any other    read          what it was, with this row's values
 *     put          update        put
 *     put          delete        removed: it may have been there, and is not any more
 *     removed      create        renewed: starts empty, as one that is replaced
 *     renewed      update        renewed
 *     renewed      delete        removed
 *
 * A key that a repair found without a row (op d beside the stream) has none at that place of the topic, whatever the target has:
 *
 *     unknown      absent        removed
 *     gone, nothing, removed     what it was
 *
 * The rows of a table that has not been copied yet may be missing: there an update that has the whole row puts it, too, and a delete removes it.
 *
 * Every other pair cannot come from a database that has a key. It is not guessed at: the batch is then applied in source order.
 *
 * An update whose WAL left out unchanged columns (TOAST) keeps what the batch knows of them; what it does not know stays out of the statement.
 *
 * Pure. The test holds it against applying the same changes one by one.
 */
import { Change, type ChangeLog } from "./change-log.ts";
import { KeyIndex } from "./key-index.ts";
import { RowSet } from "./row-set.ts";

export interface Merged {
  /** Came and went within the batch: none of them may be at the target. */
  readonly nothing: RowSet;
  readonly deletes: RowSet;
  /** May be at the target or not, and go. */
  readonly removals: RowSet;
  /** Grouped by the columns that stay out; the key of the group says which. */
  readonly updates: readonly UpdateGroup[];
  readonly inserts: RowSet;
  /** May be at the target or not, and are there afterwards, as they are here. */
  readonly puts: RowSet;
}

export interface UpdateGroup {
  /** For each column of the plan whether its value is known. */
  readonly known: readonly boolean[];
  readonly rows: RowSet;
}

const State = { unknown: 0, fresh: 1, changed: 2, gone: 3, nothing: 4, replaced: 5, put: 6, removed: 7, renewed: 8 } as const;

/** What a row is once a copy has read it, by what it was. */
const afterRead = Uint8Array.from({
  [State.unknown]: State.put,
  [State.fresh]: State.fresh,
  [State.changed]: State.put,
  [State.gone]: State.replaced,
  [State.nothing]: State.fresh,
  [State.replaced]: State.replaced,
  [State.put]: State.put,
  [State.removed]: State.renewed,
  [State.renewed]: State.renewed,
  length: 9,
});

/**
 * @param changes indexes into the log, of one plan, in source order
 * @param uncopied whether rows of the table may be missing at the target
 * @returns undefined when the changes do not follow from one another
 */
export function merge(log: ChangeLog, changes: readonly number[], uncopied = false): Merged | undefined {
  const plan = log.plans[log.plan[changes[0]!]!]!;
  const width = plan.columns.length;
  const index = new KeyIndex(log, plan.keys, changes.length);
  const state = new Uint8Array(changes.length);
  const image = new Int32Array(changes.length);
  /** Of rows whose columns come from several changes: for each column the change, or -1 for one that is not known. */
  const sources: (Int32Array | undefined)[] = [];
  for (const change of changes) {
    const row = index.rowOf(change);
    const before = state[row]!;
    switch (log.op[change]!) {
      case Change.create:
        if (before === State.unknown || before === State.nothing) state[row] = State.fresh;
        else if (before === State.gone) state[row] = State.replaced;
        else if (before === State.removed) state[row] = State.renewed;
        else return undefined;
        image[row] = change;
        sources[row] = undefined;
        break;
      case Change.read:
        state[row] = afterRead[before]!;
        image[row] = change;
        sources[row] = undefined;
        break;
      case Change.update: {
        if (isGone(before)) return undefined;
        const partial = log.unchanged[change] !== -1;
        if (partial && before !== State.unknown) sources[row] = overlaid(log, width, sources[row], image[row]!, change);
        else sources[row] = undefined;
        image[row] = change;
        if (before === State.unknown || before === State.changed) state[row] = uncopied && !partial ? State.put : State.changed;
        break;
      }
      case Change.delete:
        if (isGone(before)) return undefined;
        if (before === State.fresh) state[row] = State.nothing;
        else state[row] = uncopied || before === State.put || before === State.renewed ? State.removed : State.gone;
        image[row] = change;
        sources[row] = undefined;
        break;
      case Change.absent:
        if (before !== State.unknown && !isGone(before)) return undefined;
        if (before === State.unknown) state[row] = State.removed;
        image[row] = change;
        sources[row] = undefined;
        break;
      default:
        return undefined;
    }
  }
  return gather(log, width, index.size, state, image, sources);
}

function isGone(state: number): boolean {
  return state === State.gone || state === State.nothing || state === State.removed;
}

/** For each column the newest change that has its value. */
function overlaid(log: ChangeLog, width: number, below: Int32Array | undefined, image: number, change: number): Int32Array {
  const result = below ?? new Int32Array(width);
  const marks = log.unchanged[change]!;
  for (let column = 0; column < width; column += 1) {
    if (log.marks[marks + column] === 0) result[column] = change;
    else if (below === undefined) result[column] = log.unchanged[image] !== -1 && log.marks[log.unchanged[image]! + column] === 1 ? -1 : image;
  }
  return result;
}

function gather(log: ChangeLog, width: number, rows: number, state: Uint8Array, image: Int32Array, sources: (Int32Array | undefined)[]): Merged {
  const nothing = new RowSet();
  const deletes = new RowSet();
  const removals = new RowSet();
  const puts = new RowSet();
  const inserts = new RowSet();
  const groups = new Map<string, UpdateGroup>();
  const whole: UpdateGroup = { known: Array.from({ length: width }, () => true), rows: new RowSet() };
  for (let row = 0; row < rows; row += 1) {
    const change = image[row]!;
    switch (state[row]!) {
      case State.gone:
        deletes.add(change, undefined);
        break;
      case State.replaced:
        deletes.add(change, undefined);
        inserts.add(change, sources[row]);
        break;
      case State.fresh:
        inserts.add(change, sources[row]);
        break;
      case State.put:
        puts.add(change, sources[row]);
        break;
      case State.removed:
        removals.add(change, undefined);
        break;
      case State.renewed:
        removals.add(change, undefined);
        inserts.add(change, sources[row]);
        break;
      case State.nothing:
        nothing.add(change, undefined);
        break;
      case State.changed:
        groupOf(log, width, groups, whole, change, sources[row]).rows.add(change, sources[row]);
        break;
    }
  }
  return { nothing, deletes, removals, inserts, puts, updates: [whole, ...groups.values()].filter((group) => group.rows.length > 0) };
}

/** Which columns are known, as a key. */
export function marksText(known: readonly boolean[]): string {
  return known.map(Number).join("");
}

function groupOf(
  log: ChangeLog,
  width: number,
  groups: Map<string, UpdateGroup>,
  whole: UpdateGroup,
  change: number,
  source: Int32Array | undefined,
): UpdateGroup {
  const marks = log.unchanged[change]!;
  if (source === undefined && marks === -1) return whole;
  const known = Array.from({ length: width }, (_, column) => (source === undefined ? log.marks[marks + column] === 0 : source[column] !== -1));
  if (known.every(Boolean)) return whole;
  const key = marksText(known);
  const group = groups.get(key) ?? { known, rows: new RowSet() };
  groups.set(key, group);
  return group;
}
