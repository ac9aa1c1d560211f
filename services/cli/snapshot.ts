/**
 * `offtake snapshot`: copies of a service's tables, asked for, looked at and called off. The work is its connector's, which finds the jobs in the control database;
 * so the commands end at once, and whoever asked may go home.
 */
import { userInfo } from "node:os";
import type { Client } from "pg";
import { copyCure } from "../../connectors/postgres/copy-cure.ts";
import { serviceTables } from "../../connectors/postgres/service-tables.ts";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { addNeedsCopy, markNeedsCopy, type NeedsCopy, readMarks } from "../apply/needs-copy.ts";
import { isPrepared } from "../apply/position.ts";
import { withControl } from "../control/control-session.ts";
import { cancelCopies, readCopies, requestCopies, type TableCopyStatus } from "../control/snapshot-orders.ts";
import type { Configuration } from "../runtime/configuration.ts";
import { asOfftakeError, OfftakeError } from "../runtime/errors.ts";
import { fullName } from "../runtime/table-pattern.ts";
import { forSomebody, isOnItsWay, lookAtCopies, notBegun } from "./copy-state.ts";
import { copyText, copyTotal, type CopyTotal, notBegunText, onItsWayText } from "./copy-text.ts";
import { pipelineOf, type ServicePipeline, tableNamed } from "./service-pipeline.ts";

interface Answer<T> {
  readonly object: T & Readonly<Record<string, unknown>>;
  readonly text: string;
}

const applicationName = "offtake snapshot";

/** Why a table is marked at the target while it is copied once more. With the moment: the copy before was asked for, too, and must not be taken for this one where its order was never made. */
function askedForNow(): string {
  return `its copy was asked for at ${new Date().toISOString()}`;
}

/**
 * @param names of tables; empty for those that are marked as not copied
 * @param who asks for it, for the audit
 * @throws OfftakeError USAGE, TARGET_NOT_PREPARED, and of source, target and control database
 */
export async function startSnapshot(
  configuration: Configuration,
  service: string,
  names: readonly string[],
  who: string = userInfo().username,
): Promise<Answer<{ readonly requested: readonly string[]; readonly underWay: readonly string[] }>> {
  const pipeline = pipelineOf(configuration, service);
  const { connector } = pipeline;
  const wanted = names.length === 0 ? undefined : await tablesOf(configuration, pipeline, names);
  const marks = await marked(pipeline, wanted);
  return withControl(configuration.control.url, applicationName, async (control) => {
    const copies = await readCopies(control, connector.name);
    const tables = await markedAgain(
      pipeline,
      marks,
      marks.filter((mark) => copies.some((copy) => isOnItsWay(copy, [mark]))),
    );
    const order = { connector: connector.name, service, tables, requestedBy: who };
    const requested = tables.length === 0 ? [] : await requestCopies(control, order);
    const underWay = tables.map(({ table }) => table).filter((table) => !requested.includes(table));
    const lines = [
      ...requested.map((table) => `${table}: is copied as soon as the connector ${connector.name} runs`),
      ...underWay.map(
        (table) => `${table}: is being copied already; where rows of it were removed at the target meanwhile, ask for it again when that has ended`,
      ),
    ];
    const next = `Next: offtake snapshot status ${service} --watch`;
    const text =
      tables.length === 0 ? `No table of ${service} is marked as not copied: name those that are to be copied again.` : [...lines, next].join("\n");
    return { object: { service, requested, underWay }, text };
  });
}

/** @throws OfftakeError USAGE, and of source and control database */
export async function cancelSnapshot(
  configuration: Configuration,
  service: string,
  names: readonly string[],
  who: string = userInfo().username,
): Promise<Answer<{ readonly cancelled: readonly string[] }>> {
  const pipeline = pipelineOf(configuration, service);
  const wanted = names.length === 0 ? undefined : names.map((name) => tableNamed(name, service));
  return withControl(configuration.control.url, applicationName, async (control) => {
    const cancelled = await cancelCopies(control, { connector: pipeline.connector.name, service, who, tables: wanted });
    const others = (wanted ?? []).filter((table) => !cancelled.includes(table));
    const lines = [
      ...cancelled.map((table) => `${table}: cancelled; what is copied stays, and so does its mark as not copied`),
      ...others.map((table) => `${table}: no copy was under way`),
    ];
    return { object: { service, cancelled }, text: lines.length === 0 ? `No table of ${service} is being copied.` : lines.join("\n") };
  });
}

/**
 * @param names empty for all that were ever copied
 * @returns `needsCopy`: tables of which the target misses rows; null where it cannot be asked
 * @throws OfftakeError USAGE, and of the control database
 */
export async function snapshotStatus(
  configuration: Configuration,
  service: string,
  names: readonly string[],
): Promise<Answer<{ readonly tables: readonly TableCopyStatus[]; readonly needsCopy: readonly NeedsCopy[] | null; readonly total: CopyTotal }>> {
  return lookAtCopies(configuration, service, names, async (look, { connector }) => {
    const asked = await look.marks().catch((error: unknown) => asOfftakeError(error));
    const marks = asked instanceof OfftakeError ? [] : asked;
    const copies = await look.copies();
    const lines = [
      ...notBegun({ copies, marks }).map(notBegunText),
      ...forSomebody({ copies, marks }).map(
        (mark) => `${mark.table}: has to be copied: ${mark.reason}. ${copyCure({ service, connector: connector.name }, mark)}`,
      ),
      ...copies.map((copy) => (isOnItsWay(copy, marks) ? onItsWayText(copy) : copyText(copy))),
      ...(asked instanceof OfftakeError ? [`What has arrived is not known: ${asked.code}: ${asked.message} ${asked.cure}`.trimEnd()] : []),
    ];
    const text = lines.length === 0 ? `No table of ${service} has been copied, or is to be.` : lines.join("\n");
    return { object: { service, tables: copies, needsCopy: asked instanceof OfftakeError ? null : marks, total: copyTotal(copies) }, text };
  });
}

/** A table that the service does not have would wait for a connector for ever. */
async function tablesOf(configuration: Configuration, { service }: ServicePipeline, names: readonly string[]): Promise<string[]> {
  const { url } = configuration.source;
  const source = await openSession(url, { side: "source", applicationName, statementTimeoutMs: 30_000 });
  try {
    const known = ((await serviceTables(source, configuration.services)).get(service.name) ?? []).map(fullName);
    const wanted = names.map((name) => tableNamed(name, service.name));
    const unknown = wanted.filter((table) => !known.includes(table));
    if (unknown.length > 0)
      throw new OfftakeError("USAGE", `${service.name} has no table ${unknown.join(", ")}.`, { cure: `It has ${known.join(", ")}.` });
    return [...new Set(wanted)];
  } catch (error) {
    throw sessionError(error, "source", url);
  } finally {
    await endSession(source);
  }
}

/**
 * Until it is copied, rows of the table may be missing at the target, and the applier must not stop at one: also where somebody has emptied the table first.
 *
 * @param wanted undefined for those that are marked
 */
async function marked(pipeline: ServicePipeline, wanted: readonly string[] | undefined): Promise<NeedsCopy[]> {
  const { service, connector } = pipeline;
  return onTarget(pipeline, async (target) => {
    if (!(await isPrepared(target)))
      throw new OfftakeError("TARGET_NOT_PREPARED", `The target of ${service.name} has no schema offtake.`, { cure: "Run `offtake up`." });
    if (wanted !== undefined) await markNeedsCopy(target, connector.name, wanted, askedForNow());
    const marks = await readMarks(target, connector.name);
    return marks.filter(({ table }) => wanted?.includes(table) !== false);
  });
}

/**
 * Those of which a copy is on its way get another reason: its end, which the target is still to apply, would take the mark away while they are copied once more.
 *
 * @returns the marks, as they are then
 */
async function markedAgain(pipeline: ServicePipeline, marks: readonly NeedsCopy[], onTheirWay: readonly NeedsCopy[]): Promise<readonly NeedsCopy[]> {
  if (onTheirWay.length === 0) return marks;
  const { name } = pipeline.connector;
  return onTarget(pipeline, async (target) => {
    await addNeedsCopy(
      target,
      name,
      onTheirWay.map(({ table }) => table),
      askedForNow(),
    );
    return (await readMarks(target, name)).filter(({ table }) => marks.some((mark) => mark.table === table));
  });
}

async function onTarget<T>({ service }: ServicePipeline, work: (target: Client) => Promise<T>): Promise<T> {
  const { url } = service.target;
  const target = await openSession(url, { side: "target", applicationName, statementTimeoutMs: 30_000 });
  try {
    return await work(target);
  } catch (error) {
    throw sessionError(error, "target", url);
  } finally {
    await endSession(target);
  }
}
