/**
 * Of what nobody knows whether it is wrong: an empty list of mismatches is what a table has that is equal, and just as well one that nobody has compared, or of which so many rows are wrong that none
 * was looked at. Who took the one for the other slept on. Pure.
 */
import type { Mismatch } from "./api-answers.ts";
import { controlTrouble } from "./health.ts";
import type { ShownPass, ShownService } from "./shown-status.ts";

/** @param listed rows that are shown. @returns a sentence for each table, or service, whose wrong rows are not all among those that are listed; empty where the list is the whole truth */
export function mismatchGaps(services: readonly ShownService[], listed: readonly Mismatch[]): string[] {
  return services.flatMap(({ service, reconciliations, errors }) => {
    const isListed = (table: string): boolean => listed.some((each) => each.service === service && each.table === table);
    const of = reconciliations.flatMap((pass) => gapOf(pass, service, isListed(pass.table)));
    if (controlTrouble(errors) !== undefined) return [`${service}: the control database cannot be asked what was compared since.`, ...of];
    return reconciliations.length === 0 ? [`${service} was never compared.`] : of;
  });
}

function gapOf({ table, verdict, mismatches }: ShownPass, service: string, isListed: boolean): string[] {
  const name = `${table} of ${service}`;
  if (verdict === "equal") return [];
  if (verdict === "too-divergent") return [`${name}: too divergent to be listed row by row: copy it again.`];
  if (verdict !== "mismatch") return [`${name} was not compared as a whole: ${verdict}.`];
  return isListed ? [] : [`${name}: ${mismatches} wrong, not listed here.`];
}
