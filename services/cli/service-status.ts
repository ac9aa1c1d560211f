/**
 * Where one service is: the monolith's head, what is captured, what is applied, and the time between. Read from the servers themselves, so that it is
 * true while no process of Offtake runs.
 *
 * Seconds come from the source's clock and commit timestamps, never from the clocks of two machines.
 */
import type { KafkaCluster } from "../../connectors/kafka/cluster.ts";
import type { Registry } from "../../connectors/kafka/registry.ts";
import type { LastingSession } from "../../connectors/postgres/lasting-session.ts";
import { installedVersion } from "../../connectors/postgres/migrate-schema.ts";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import { slotHealth, type SlotWord } from "../../connectors/postgres/slot-health.ts";
import { readSlot, type Slot } from "../../connectors/postgres/slot.ts";
import { lossText, slotLoss } from "../../connectors/postgres/slot-loss.ts";
import type { TailRecord } from "../../connectors/postgres/tail.ts";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { countParked, type ParkedCount } from "../apply/dead-letter.ts";
import { targetMigrationTable } from "../apply/migrate-target.ts";
import { type NeedsCopy, readMarks } from "../apply/needs-copy.ts";
import { type AppliedPosition, isPrepared, readPosition } from "../apply/position.ts";
import { readTopicState } from "../apply/topic-state.ts";
import type { ControlSession } from "../control/control-session.ts";
import { type Pause, readPauses } from "../control/pauses.ts";
import { readAlerts } from "../control/alert-history.ts";
import { readPasses, type TablePasses } from "../control/pass-history.ts";
import { readCopies, type TableCopyStatus, unlessHeldUp } from "../control/snapshot-orders.ts";
import type { UnitReport } from "../control/unit-reports.ts";
import type { Alert } from "../reconcile/alert-decision.ts";
import type { Configuration, ConnectorConfiguration, ServiceConfiguration } from "../runtime/configuration.ts";
import type { ErrorCode } from "../runtime/error-codes.ts";
import { asOfftakeError, OfftakeError } from "../runtime/errors.ts";

export interface StatusSources {
  readonly configuration: Configuration;
  readonly source: LastingSession;
  readonly cluster: KafkaCluster;
  readonly registry: Registry;
  readonly control: ControlSession;
  /** Undefined where the control database cannot say. */
  readonly units: readonly UnitReport[] | undefined;
}

/** Null is what could not be found out. */
export interface SlotStatus {
  readonly name: string;
  /** Its health in a word; `unknown` when the source cannot be asked. */
  readonly word: SlotWord | "moved" | "unknown";
  readonly reason: string;
  /** Whether somebody has to be woken. */
  readonly page: boolean;
  readonly active: boolean | null;
  /** WAL that the source keeps for it, and WAL that can still be written before it may be lost; null for no limit. */
  readonly retainedBytes: number | null;
  readonly safeBytes: number | null;
  /** source.maxRetainedWal. */
  readonly budgetBytes: number;
}

/** The first version of a target's schema that has dead letters. */
const parkingVersion = 4;

/** `status --json` has one of these for each service. Names are public. */
export interface ServiceStatus {
  readonly service: string;
  readonly connector: string;
  readonly slot: SlotStatus;
  readonly capturedLsn: string | null;
  readonly appliedLsn: string | null;
  readonly lag: {
    /** From the monolith's head to the topic. */
    readonly capture: { readonly bytes: number | null; readonly seconds: number | null };
    /** From the topic to the target. */
    readonly apply: { readonly bytes: number | null; readonly seconds: number | null; readonly events: number | null };
  };
  /** Records of the topic, and records applied: two samples give a rate. */
  readonly topicEnd: number | null;
  readonly appliedOffset: number | null;
  /** Tables of which rows are missing at the target because they were never copied. */
  readonly notCopied: readonly string[];
  /** The same, each with why. */
  readonly needsCopy: readonly NeedsCopy[];
  /** Of each table that was ever copied, or is to be, the newest copy. */
  readonly copies: readonly TableCopyStatus[];
  /** Of each table that was ever compared, the newest pass. */
  readonly reconciliations: readonly TablePasses[];
  /** What the reconciler has raised and is not over. */
  readonly alerts: readonly Omit<Alert, "clearedAt">[];
  /** Of each table of which keys are put aside, how many. */
  readonly parked: readonly ParkedCount[];
  /** Who has paused it, and since when: then apply lag grows, and nothing is broken. Null for a service that is applied to, or of which it is not known. */
  readonly paused: Pause | null;
  /** What could not be found out, and why. */
  readonly errors: readonly { readonly code: ErrorCode; readonly message: string; readonly cure: string }[];
}

export async function serviceStatus(
  sources: StatusSources,
  connector: ConnectorConfiguration,
  service: ServiceConfiguration,
): Promise<ServiceStatus> {
  const errors: OfftakeError[] = [];
  const or = async <T>(read: Promise<T>): Promise<T | undefined> =>
    read.catch((error: unknown) => {
      errors.push(asOfftakeError(error));
      return undefined;
    });
  const source = await or(readSource(sources, connector));
  const target = await or(readTarget(connector, service));
  const topic = await or(readTopicState(sources.cluster, sources.registry, service.topic, target?.position));
  const copies = await or(unlessUnprepared(readCopies(sources.control, connector.name), []));
  const passes = await or(unlessUnprepared(readPasses(sources.control, connector.name), []));
  const pauses = await or(unlessUnprepared(readPauses(sources.control, [connector.name]), new Map<string, Pause>()));
  const alerts = (await or(unlessUnprepared(readAlerts(sources.control, connector.name), []))) ?? [];
  const position = target?.position;
  const behind = topic === undefined ? null : Math.max(topic.end - (position?.offset ?? topic.start), 0);
  return {
    service: service.name,
    connector: connector.name,
    slot: slotStatus(connector, source, topic?.tail, sources.configuration.source.maxRetainedWalBytes),
    capturedLsn: topic?.tail === undefined ? null : formatLsn(topic.tail.commitLsn),
    appliedLsn: position === undefined ? null : formatLsn(position.commitLsn),
    lag: {
      capture: { bytes: source?.slot?.lagBytes ?? null, seconds: captureSeconds(source, topic?.tail) },
      apply: {
        bytes: topic?.tail === undefined || position === undefined ? null : Number(topic.tail.commitLsn - position.commitLsn),
        seconds: applySeconds(source, behind, topic?.next),
        events: behind,
      },
    },
    topicEnd: topic?.end ?? null,
    appliedOffset: position?.offset ?? null,
    notCopied: target?.marks.map(({ table }) => table) ?? [],
    needsCopy: target?.marks ?? [],
    copies: unlessHeldUp(copies ?? [], connector.name, sources.units),
    reconciliations: passes ?? [],
    alerts: alerts.flatMap(({ clearedAt, ...lasting }) => (clearedAt === null ? [lasting] : [])),
    parked: target?.parked ?? [],
    paused: pauses?.get(connector.name) ?? null,
    errors: errors.map(({ code, message, cure }) => ({ code, message, cure })),
  };
}

function slotStatus(
  { name: connector, slot: name }: ConnectorConfiguration,
  source: SourceState | undefined,
  tail: TailRecord | undefined,
  budgetBytes: number,
): SlotStatus {
  if (source === undefined)
    return {
      name,
      word: "unknown",
      reason: "the source cannot be asked",
      page: true,
      active: null,
      retainedBytes: null,
      safeBytes: null,
      budgetBytes,
    };
  const { slot } = source;
  // A connector that is reading has been let in: what it confirms may be newer than the tail that was read here.
  const loss = slot?.active === true ? undefined : slotLoss(slot, tail);
  const health = slotHealth(slot, budgetBytes);
  const { word, reason, page } = loss === undefined ? health : { word: loss.word, reason: lossText(loss, connector), page: true };
  const retainedBytes = slot?.retainedBytes ?? 0;
  return { name, word, reason, page, active: slot?.active ?? false, retainedBytes, safeBytes: slot?.safeWalSize ?? null, budgetBytes };
}

interface SourceState {
  readonly slot: Slot | undefined;
  /** The source's clock, microseconds since 1970. */
  readonly micros: number;
  /** Whether the connector has received all WAL that there is. */
  readonly receivedAll: boolean;
}

const clockSql = `
  SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::float8 AS micros,
         coalesce((SELECT r.write_lsn >= pg_current_wal_lsn() FROM pg_catalog.pg_stat_replication r WHERE r.pid = $1), false) AS received_all`;

async function readSource({ source: session, configuration }: StatusSources, connector: ConnectorConfiguration): Promise<SourceState> {
  try {
    const source = await session.client();
    const slot = await readSlot(source, connector.slot);
    const { rows } = await source.query<{ micros: number; received_all: boolean }>(clockSql, [slot?.activePid ?? 0]);
    return { slot, micros: rows[0]!.micros, receivedAll: rows[0]!.received_all };
  } catch (error) {
    throw sessionError(error, "source", configuration.source.url);
  }
}

/** Before `up` there are none. */
async function unlessUnprepared<T>(read: Promise<T>, none: T): Promise<T> {
  try {
    return await read;
  } catch (error) {
    if (error instanceof OfftakeError && error.code === "CONTROL_NOT_PREPARED") return none;
    throw error;
  }
}

/** @throws OfftakeError of the target */
export async function readTarget(
  connector: ConnectorConfiguration,
  service: ServiceConfiguration,
): Promise<{ position: AppliedPosition | undefined; marks: NeedsCopy[]; parked: ParkedCount[] }> {
  const client = await openSession(service.target.url, { side: "target", applicationName: "offtake status", statementTimeoutMs: 10_000 });
  try {
    if (!(await isPrepared(client))) return { position: undefined, marks: [], parked: [] };
    const { name } = connector;
    // One that an older Offtake has prepared has no place for them.
    const parks = (await installedVersion(client, targetMigrationTable)) >= parkingVersion;
    return { position: await readPosition(client, name), marks: await readMarks(client, name), parked: parks ? await countParked(client, name) : [] };
  } catch (error) {
    throw sessionError(error, "target", service.target.url);
  } finally {
    await endSession(client);
  }
}

/** An upper bound: the age of the newest commit in the topic, unless the connector is known to have received everything. */
function captureSeconds(source: SourceState | undefined, tail: TailRecord | undefined): number | null {
  if (source === undefined) return null;
  if (source.receivedAll) return 0;
  return tail === undefined ? null : secondsBetween(tail.micros, source.micros);
}

function applySeconds(source: SourceState | undefined, behind: number | null, next: TailRecord | undefined): number | null {
  if (behind === 0) return 0;
  return source === undefined || next === undefined ? null : secondsBetween(next.micros, source.micros);
}

function secondsBetween(fromMicros: number, toMicros: number): number {
  return Math.max(Math.round((toMicros - fromMicros) / 1000) / 1000, 0);
}
