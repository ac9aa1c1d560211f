/**
 * How far the copies of a service are, from both sides: what its connector has put into the topic, and what the target still misses. A copy whose rows are all in the topic is not over: who
 * counts the target's rows then finds too few, and takes a copy that is on its way for one that has failed.
 */
import { copiedByItself } from "../../connectors/postgres/copied-by-itself.ts";
import { LastingSession } from "../../connectors/postgres/lasting-session.ts";
import { sessionError } from "../../connectors/postgres/session.ts";
import { type NeedsCopy, readMarks } from "../apply/needs-copy.ts";
import { isPrepared } from "../apply/position.ts";
import { withControl } from "../control/control-session.ts";
import { isOpen, readCopies, type TableCopyStatus, unlessHeldUp } from "../control/snapshot-orders.ts";
import { readUnitReports } from "../control/unit-reports.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { pipelineOf, type ServicePipeline, tableNamed } from "./service-pipeline.ts";

const applicationName = "offtake snapshot";

export interface CopyState {
  /** Of each table that was ever copied, or is to be, the newest copy. */
  readonly copies: readonly TableCopyStatus[];
  /** Tables of which the target misses rows. */
  readonly marks: readonly NeedsCopy[];
}

/** Both sides, as often as they are asked. Whoever wants a state asks for the marks first: a copy that ends in between is then seen as under way, and not as one that nobody has begun. */
export interface CopyLook {
  /** @throws OfftakeError of the target; a target before `up` has no marks */
  readonly marks: () => Promise<NeedsCopy[]>;
  /** @throws OfftakeError of the control database */
  readonly copies: () => Promise<TableCopyStatus[]>;
}

/**
 * Sessions with both for as long as `work` takes.
 *
 * @param names of tables; empty for all
 * @throws OfftakeError USAGE
 */
export async function lookAtCopies<T>(
  configuration: Configuration,
  service: string,
  names: readonly string[],
  work: (look: CopyLook, pipeline: ServicePipeline) => Promise<T>,
): Promise<T> {
  const pipeline = pipelineOf(configuration, service);
  const connector = pipeline.connector.name;
  const wanted = names.map((name) => tableNamed(name, service));
  const isWanted = ({ table }: { readonly table: string }): boolean => wanted.length === 0 || wanted.includes(table);
  const target = new LastingSession(pipeline.service.target.url, { side: "target", applicationName, statementTimeoutMs: 10_000 });
  try {
    return await withControl(configuration.control.url, applicationName, async (control) => {
      const copies = async (): Promise<TableCopyStatus[]> => {
        const read = await readCopies(control, connector);
        return unlessHeldUp(read.filter(isWanted), connector, await readUnitReports(control, configuration.kafka.topicPrefix));
      };
      return work({ marks: async () => (await marksOf(target, pipeline)).filter(isWanted), copies }, pipeline);
    });
  } finally {
    await target.end();
  }
}

async function marksOf(target: LastingSession, { service, connector }: ServicePipeline): Promise<NeedsCopy[]> {
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
  return copies.some((copy) => isOpen(copy) || isOnItsWay(copy, marks)) || notBegun(state).length > 0;
}
