/**
 * How far the copies of a service are, from both sides: what its connector has put into the topic, and what the target still misses. A copy whose rows are all in the topic is not over: who
 * counts the target's rows then finds too few, and takes a copy that is on its way for one that has failed.
 */
import { copiedByItself } from "../../connectors/postgres/copied-by-itself.ts";
import type { LastingSession } from "../../connectors/postgres/lasting-session.ts";
import { sessionError } from "../../connectors/postgres/session.ts";
import { type NeedsCopy, readMarks } from "../apply/needs-copy.ts";
import { isPrepared } from "../apply/position.ts";
import type { ControlSession } from "../control/control-session.ts";
import { heldUp, readCopies, type TableCopyStatus } from "../control/snapshot-orders.ts";
import { isAtWork, readUnitReports } from "../control/unit-reports.ts";
import type { ServicePipeline } from "./service-pipeline.ts";

export interface CopyState {
  /** Of each table that was ever copied, or is to be, the newest copy. */
  readonly copies: readonly TableCopyStatus[];
  /** Tables of which the target misses rows. */
  readonly marks: readonly NeedsCopy[];
}

/** @param installation as unit-reports.ts has it. @throws OfftakeError of the control database */
export async function copiesOf(control: ControlSession, connector: string, installation: string): Promise<TableCopyStatus[]> {
  const copies = await readCopies(control, connector);
  return isAtWork(await readUnitReports(control, installation), `connector ${connector}`) ? copies : copies.map(heldUp);
}

/** @throws OfftakeError of the target; a target before `up` has no marks */
export async function marksOf(target: LastingSession, { service, connector }: ServicePipeline): Promise<NeedsCopy[]> {
  try {
    const client = await target.client();
    return (await isPrepared(client)) ? await readMarks(client, connector.name) : [];
  } catch (error) {
    throw sessionError(error, "target", service.target.url);
  }
}

/** Whether all of a copy is in the topic, and the target does not have all of it. One that was marked anew since has another reason, and is copied again. */
export function isOnItsWay({ table, state, reason }: TableCopyStatus, marks: readonly NeedsCopy[]): boolean {
  return state === "copied" && marks.some((mark) => mark.table === table && mark.reason === reason);
}

/** Marked tables that nobody copies at the moment, and that their connector copies by itself when it runs. */
export function notBegun(state: CopyState): NeedsCopy[] {
  return uncopied(state).filter((mark) => copiedByItself([mark]).size > 0);
}

/** Those that it does not: somebody has to look at the target first. */
export function forSomebody(state: CopyState): NeedsCopy[] {
  return uncopied(state).filter((mark) => copiedByItself([mark]).size === 0);
}

/** Without those of which somebody has called the copy off, or it has failed. */
function uncopied({ copies, marks }: CopyState): NeedsCopy[] {
  return marks.filter((mark) => {
    const copy = copies.find(({ table }) => table === mark.table);
    return copy === undefined || (copy.state === "copied" && copy.reason !== mark.reason);
  });
}

/** Whether something is still to come by itself. */
export function isUnderWay(state: CopyState): boolean {
  const { copies, marks } = state;
  return copies.some((copy) => copy.state === "waiting" || copy.state === "copying" || isOnItsWay(copy, marks)) || notBegun(state).length > 0;
}
