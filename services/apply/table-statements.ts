/**
 * The statements of a table, each made once for as long as the table is what it was read as. Made anew for each batch, at a thousand batches a second, their texts
 * and names were most of an applier's garbage, and grew it to 205 MB.
 */
import { exactSql, type Statement } from "./statements.ts";
import type { TargetTable } from "./target-table.ts";

const statements = new WeakMap<TargetTable, Map<string, Statement>>();
const exact = new WeakMap<Statement, { readonly name: string; readonly sql: string }>();

/** @param what tells it from the table's other statements */
export function madeOnce(table: TargetTable, what: string, make: () => Statement): Statement {
  let ofTable = statements.get(table);
  if (ofTable === undefined) {
    ofTable = new Map();
    statements.set(table, ofTable);
  }
  let found = ofTable.get(what);
  if (found === undefined) {
    found = make();
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

/** Of columns, which are known. */
export function marksText(known: readonly boolean[]): string {
  return known.map(Number).join("");
}
