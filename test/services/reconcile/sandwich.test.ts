/**
 * The decision against a model: a source and a target that applies its transactions in order, with reads at random moments. A mismatch is reported only for a target that was
 * made wrong, and one that stays wrong is reported.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type RowVersion, Sandwich } from "../../../services/reconcile/sandwich.ts";

const row = (xmin: number, ...values: (string | null)[]): RowVersion => ({ xmin: String(xmin), values });

function verdicts(...reads: (RowVersion | undefined)[]): string[] {
  const sandwich = new Sandwich();
  return reads.map((read, i) => {
    const judgement = sandwich.read(i % 2 === 0 ? "source" : "target", read);
    return judgement.state === "mismatch" ? judgement.kind : judgement.state;
  });
}

describe("reads of source and target in turn", () => {
  test.each([
    ["equal at once", [row(1, "a"), row(9, "a")], ["hot", "clean"]],
    ["equal to the source's next", [row(1, "a"), row(9, "b"), row(2, "b")], ["hot", "hot", "clean"]],
    ["gone on both sides", [row(1, "a"), undefined, undefined], ["hot", "hot", "clean"]],
    ["the source's row untouched, the target's another", [row(1, "a"), row(9, "b"), row(1, "a")], ["hot", "hot", "differing"]],
    ["NULL and an empty text", [row(1, null), row(9, ""), row(1, null)], ["hot", "hot", "differing"]],
    ["the source's row untouched, none at the target", [row(1, "a"), undefined, row(1, "a")], ["hot", "hot", "missing"]],
    ["the same values in a new version are no evidence", [row(1, "a"), row(9, "b"), row(2, "a")], ["hot", "hot", "hot"]],
    ["none at the source twice is no evidence: it may have come and gone", [undefined, row(9, "a"), undefined], ["hot", "hot", "hot"]],
    ["the target's row untouched, none at the source between", [undefined, row(9, "a"), undefined, row(9, "a")], ["hot", "hot", "hot", "extra"]],
    ["the target's row made anew", [undefined, row(9, "a"), undefined, row(10, "a")], ["hot", "hot", "hot", "hot"]],
    ["the target's row untouched, another at the source", [row(1, "a"), row(9, "x"), row(2, "b"), row(9, "x")], ["hot", "hot", "hot", "differing"]],
    ["two rows of one key at the target", [row(1, "a"), { xmin: "9 9", values: ["a", "a"] }, row(1, "a")], ["hot", "hot", "differing"]],
  ] as const)("%s", (_what, reads, expected) => {
    expect(verdicts(...reads)).toEqual(expected);
  });
});

/** One key. Each change is a transaction; the target applies them in order, several at a time, as one transaction of its own. */
class Model {
  readonly #history: (RowVersion | undefined)[] = [undefined];
  #sourceXid = 100;
  #targetXid = 500;
  #seen = 0;
  #applied = 0;
  target: RowVersion | undefined;
  wrong = false;

  change(value: string | undefined): void {
    this.#sourceXid += 1;
    this.#history.push(value === undefined ? undefined : row(this.#sourceXid, value));
  }

  /** @param waiting changes at the end that are not visible yet */
  source(waiting: number): RowVersion | undefined {
    this.#seen = Math.max(this.#seen, this.#history.length - 1 - waiting);
    return this.#history[this.#seen];
  }

  apply(changes: number): void {
    const to = Math.min(this.#applied + changes, this.#history.length - 1);
    if (to === this.#applied) return;
    const applied = this.#history.slice(this.#applied + 1, to + 1);
    this.#applied = to;
    // What comes and goes within one batch leaves no trace.
    if (this.target === undefined && applied.at(-1) === undefined) return;
    this.#targetXid += 1;
    this.wrong = false;
    this.target = applied.at(-1) === undefined ? undefined : row(this.#targetXid, ...applied.at(-1)!.values);
  }

  /** The target has what the source's reads saw, by the applied position. */
  catchUp(): void {
    this.apply(Math.max(this.#seen - this.#applied, 0));
  }

  /** The source shows what was applied. */
  becomeVisible(): void {
    this.#seen = Math.max(this.#seen, this.#applied);
  }

  damage(value: string | undefined): void {
    this.#targetXid += 1;
    this.target = value === undefined ? undefined : row(this.#targetXid, value);
    this.wrong = value !== this.#history[this.#applied]?.values[0];
  }
}

const value = fc.option(fc.constantFrom("a", "b"), { nil: undefined });
const change = fc.record({ does: fc.constant("change" as const), value });
const apply = fc.record({ does: fc.constant("apply" as const), changes: fc.integer({ min: 1, max: 3 }) });
const busy = fc.array(fc.oneof(change, apply), { maxLength: 4 });

describe("a target that applies everything in order", () => {
  test("is never called wrong, whatever happens between the reads", () => {
    expect(() =>
      fc.assert(
        fc.property(fc.array(fc.tuple(busy, fc.integer({ min: 0, max: 2 })), { minLength: 2, maxLength: 12 }), (turns) => {
          const model = new Model();
          const sandwich = new Sandwich();
          for (const [i, [happenings, waiting]] of turns.entries()) {
            for (const each of happenings)
              if (each.does === "change") model.change(each.value);
              else model.apply(each.changes);
            const isSource = i % 2 === 0;
            if (isSource) model.becomeVisible();
            else model.catchUp();
            const found = isSource ? model.source(waiting) : model.target;
            if (sandwich.read(isSource ? "source" : "target", found).state === "mismatch") return false;
          }
          return true;
        }),
        { numRuns: 20_000 },
      ),
    ).not.toThrow();
  });

  test("is called wrong within four reads once it is, if nobody changes the row any more", () => {
    expect(() =>
      fc.assert(
        fc.property(busy, value, (before, damaged) => {
          const model = new Model();
          for (const each of before)
            if (each.does === "change") model.change(each.value);
            else model.apply(each.changes);
          model.source(0);
          model.catchUp();
          model.damage(damaged);
          const sandwich = new Sandwich();
          const states = [0, 1, 2, 3].map(
            (i) => sandwich.read(i % 2 === 0 ? "source" : "target", i % 2 === 0 ? model.source(0) : model.target).state,
          );
          return states.includes("mismatch") === model.wrong;
        }),
      ),
    ).not.toThrow();
  });
});
