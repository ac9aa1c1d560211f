/** Whether somebody may press a button, and why not. The server refuses all the same; a button that fails when it is pressed is found out about at the wrong moment. Pure. */
import { type KeyHolder, type Role, roles } from "./api-answers.ts";

/**
 * @param holder undefined while nobody has said yet whose key it is
 * @returns why not; undefined for somebody who may
 */
export function refusal(holder: KeyHolder | undefined, needed: Role): string | undefined {
  if (holder === undefined) return "It is not known yet what your key may do.";
  if (roles.indexOf(holder.role) >= roles.indexOf(needed)) return undefined;
  return `Your key ${holder.name} has the role ${holder.role}; this needs ${needed}.`;
}
