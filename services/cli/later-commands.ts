/**
 * What later versions bring. It is refused by name, so that nobody takes "unknown command" for a slip of the pen; whoever brings something removes its
 * row.
 */
import { OfftakeError } from "../runtime/errors.ts";
import { version } from "../runtime/version.ts";

export const laterCommands: readonly { readonly name: string; readonly issue: string }[] = [];

/** What `offtake run` will take besides. */
export const laterKinds: readonly { readonly name: string; readonly issue: string }[] = [{ name: "control", issue: "operations" }];

/** @param what as it is typed behind `offtake` */
export function notInThisVersion(what: string, issue: string): OfftakeError {
  return new OfftakeError("NOT_IN_THIS_VERSION", `\`offtake ${what}\` is not in this version (${version}): it comes with ${issue}.`);
}
