import { expect, test } from "vitest";
import { TransactionDraft } from "../../../infra/demo/load-transaction.ts";

test("rows of statements and of the triggers that answer them count", () => {
  const draft = new TransactionDraft().step("INSERT", []).step("UPDATE", [], { rows: 3, byTriggers: 2 }).step("KEY", [], { keyChanges: 1 });
  expect(draft.commit()).toMatchObject({ commits: true, changes: 7, keyChanges: 1 });
});

test("a TRUNCATE of a table counts as one change, whatever was in it", () => {
  expect(new TransactionDraft().step("TRUNCATE", [], { rows: 0, counted: 1 }).commit().changes).toBe(1);
});

test("what a savepoint takes back counts nothing, what comes after it does", () => {
  const draft = new TransactionDraft()
    .step("A", [])
    .savepoint()
    .step("B", [], { rows: 9, byTriggers: 9, keyChanges: 9 })
    .rollBackToSavepoint()
    .step("C", []);
  expect(draft.commit()).toMatchObject({ changes: 2, keyChanges: 0 });
  expect(() => new TransactionDraft().rollBackToSavepoint()).toThrow(RangeError);
});

test("what is rolled back counts nothing", () => {
  expect(new TransactionDraft().step("A", [], { rows: 5, keyChanges: 1 }).rollBack()).toMatchObject({ commits: false, changes: 0, keyChanges: 0 });
});
