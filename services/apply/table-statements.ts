/**
 * The statements of a table, each made once for as long as the table is what it was read as. Made anew for each batch, at a thousand batches a second, their texts
 * and names were most of an applier's garbage, and grew it to 205 MB.
 */
import { copyBinaryStatement } from "./copy-binary.ts";
import { copyStatement } from "./copy-rows.ts";
import { marksText } from "./merge.ts";
import { deleteStatement, exactSql, insertStatement, moveStatement, putStatement, type Statement, updateStatement } from "./statements.ts";
import type { TargetTable } from "./target-table.ts";

const statements = new WeakMap<TargetTable, Map<string, Statement>>();
const exact = new WeakMap<Statement, { readonly name: string; readonly sql: string }>();

export function insertOf(table: TargetTable): Statement {
  return once(table, "insert", insertStatement);
}

export function putOf(table: TargetTable): Statement {
  return once(table, "put", putStatement);
}

export function deleteOf(table: TargetTable): Statement {
  return once(table, "delete", deleteStatement);
}

export function copyOf(table: TargetTable): Statement {
  return once(table, "copy", table.copiedInBinary ? copyBinaryStatement : copyStatement);
}

/** @param known as updateStatement() has it */
export function updateOf(table: TargetTable, known: readonly boolean[]): Statement {
  return once(table, `update ${marksText(known)}`, () => updateStatement(table, known));
}

/** @param known as moveStatement() has it */
export function moveOf(table: TargetTable, known: readonly boolean[]): Statement {
  return once(table, `move ${marksText(known)}`, () => moveStatement(table, known));
}

/** @param what tells it from the table's other statements */
function once(table: TargetTable, what: string, make: (table: TargetTable) => Statement): Statement {
  let ofTable = statements.get(table);
  if (ofTable === undefined) {
    ofTable = new Map();
    statements.set(table, ofTable);
  }
  let found = ofTable.get(what);
  if (found === undefined) {
    found = make(table);
    ofTable.set(what, found);
  }
  return found;
}

/** As exactSql() makes it. */
export function exactOf(statement: Statement): { readonly name: string; readonly sql: string } {
  let found = exact.get(statement);
  if (found === undefined) {
    found = { name: `${statement.name} exact`, sql: exactSql(statement) };
    exact.set(statement, found);
  }
  return found;
}
