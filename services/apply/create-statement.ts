/**
 * The pieces of a plan.
 */
import { literal } from "./create-names.ts";

export interface Statement {
  /** One statement, or several with semicolons that stand and fall together. */
  sql: string;
  /** What it makes, for people: `default of public.trades.id`. */
  what: string;
  /**
   * When the target lacks something that the statement names (a function, an operator, a version that knows the syntax), it is left out and
   * listed. Only the target can tell what an expression finds there: overloads, casts and default arguments decide it, not a list of names.
   */
  optional: boolean;
}

/** What the monolith has and the target does not get. */
export interface LeftOut {
  what: string;
  why: string;
}

/** `sql`, followed by comments on what it makes. @param comments the object as COMMENT ON names it, and the comment or null for none */
export function withComments(sql: string, comments: readonly [object: string, comment: string | null][]): string {
  const statements = comments.flatMap(([object, comment]) => (comment === null ? [] : [`COMMENT ON ${object} IS ${literal(comment)}`]));
  return [sql, ...statements].join(";\n");
}
