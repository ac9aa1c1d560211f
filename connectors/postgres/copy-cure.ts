/**
 * What mends a table that is marked as not copied, as logs, `status` and `check` say it. A copy writes over what is there and deletes nothing, so what the source
 * does not have any more has to go before it; a copy alone would take away the mark that says so.
 *
 * Pure.
 */
import { escapeLiteral } from "pg";
import type { NeedsCopy } from "../../services/apply/needs-copy.ts";
import { copiedByItself } from "./copied-by-itself.ts";

/** @param names the service's, and its connector's */
export function copyCure(names: { readonly service: string; readonly connector: string }, mark: NeedsCopy): string {
  const { service, connector } = names;
  const start = `offtake snapshot start ${service} ${shellWord(mark.table)}`;
  const unmark = `DELETE FROM offtake.needs_copy WHERE connector = ${escapeLiteral(connector)} AND table_name = ${escapeLiteral(mark.table)};`;
  const way =
    copiedByItself([mark]).size > 0
      ? `\`offtake run\` copies it, unless that has failed or was called off: then ${start}.`
      : `Remove at the target what the source does not have (all of it, where that is not known), then: ${start}.`;
  return `${way} Where it is mended another way, at the target: ${unmark}`;
}

/** A name of PostgreSQL's may hold anything. */
function shellWord(text: string): string {
  return /^[\w.-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
