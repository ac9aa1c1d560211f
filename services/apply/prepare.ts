/**
 * What an applier finds when it starts: the lock that keeps a second one out, the schema `offtake`, the applied position, and the tables of which rows
 * were never copied.
 *
 * Source: PostgreSQL documentation, "Advisory Locks".
 */
import type { Client, ClientBase } from "pg";
import type { OffsetRange } from "../../connectors/kafka/offsets.ts";
import { formatLsn } from "../../connectors/postgres/lsn.ts";
import { installedVersion } from "../../connectors/postgres/migrate-schema.ts";
import type { TailRecord } from "../../connectors/postgres/tail.ts";
import { targetMigrations } from "../../schemas/target-schema.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { targetMigrationTable } from "./migrate-target.ts";
import { readNeedsCopy } from "./needs-copy.ts";
import { type AppliedPosition, readPosition } from "./position.ts";

export interface Prepared {
  readonly position: AppliedPosition | undefined;
  readonly uncopied: ReadonlySet<string>;
}

const lockSql = "SELECT pg_try_advisory_lock(hashtext('offtake applier'), hashtext($1)) AS mine";

/** @throws OfftakeError APPLIER_IN_USE, TARGET_NOT_PREPARED */
export async function prepareTarget(client: Client, connector: string, service: ServiceConfiguration): Promise<Prepared> {
  const { rows: locks } = await client.query<{ mine: boolean }>(lockSql, [connector]);
  if (locks[0]?.mine !== true)
    throw new OfftakeError("APPLIER_IN_USE", `Another applier of ${service.name} holds its target.`, { cure: "This one waits as its standby." });
  await refuseUnprepared(client, service);
  return { position: await readPosition(client, connector), uncopied: new Set(await readNeedsCopy(client, connector)) };
}

/** @throws OfftakeError TARGET_NOT_PREPARED */
export async function refuseUnprepared(client: ClientBase, service: ServiceConfiguration): Promise<void> {
  const version = await installedVersion(client, targetMigrationTable);
  const wanted = targetMigrations.at(-1)!.version;
  if (version !== wanted)
    throw new OfftakeError(
      "TARGET_NOT_PREPARED",
      `The target of ${service.name} has ${version === 0 ? "no schema offtake" : `the schema offtake of version ${version}, not ${wanted}`}.`,
      {
        cure: version > wanted ? "It was made by a newer Offtake: use that one." : "Run `offtake up`.",
      },
    );
}

/**
 * Whether the topic can be read on from the position. Records below its beginning are gone, and may have been somebody else's, which had to go for the topic to
 * be readable: nothing is missing where the first that is left follows on what was applied. Pure.
 *
 * @param first the record at the topic's beginning, where the position is below that
 * @throws OfftakeError APPLIED_POSITION_FOREIGN, TOPIC_RECREATED, TOPIC_EXPIRED
 */
export function checkPosition(
  position: AppliedPosition | undefined,
  service: ServiceConfiguration,
  topicId: string,
  range: OffsetRange,
  first?: TailRecord,
): void {
  if (position === undefined) return;
  const copyAgain = "The service's tables have to be copied again.";
  if (position.topic !== service.topic)
    throw new OfftakeError(
      "APPLIED_POSITION_FOREIGN",
      `The target of ${service.name} was written from the topic ${position.topic}, not ${service.topic}.`,
      {
        cure: "Check target.url and kafka.topicPrefix.",
      },
    );
  if (position.topicId !== topicId)
    throw new OfftakeError("TOPIC_RECREATED", `The topic ${service.topic} was deleted and made again since its events were applied.`, {
      cure: copyAgain,
    });
  if (position.offset < range.start && (first === undefined || !followsOn(first, position)))
    throw new OfftakeError(
      "TOPIC_EXPIRED",
      `The topic ${service.topic} begins at offset ${range.start}; the applier needs ${position.offset}: retention has passed it.`,
      {
        cure: `${copyAgain} Raise retention.ms so that the topic outlives an outage.`,
      },
    );
  if (position.offset > range.end)
    throw new OfftakeError(
      "TOPIC_LOST_TAIL",
      `The topic ${service.topic} ends at offset ${range.end}, and the target has applied up to ${position.offset}: Kafka lost events.`,
      {
        cure: copyAgain,
      },
    );
}

/** The first event of the next transaction, the next row of a copy, or a marker that repeats the very position. */
function followsOn(first: TailRecord, { commitLsn, sequence }: AppliedPosition): boolean {
  if (first.marker) return first.commitLsn === commitLsn && first.sequence === sequence;
  // A transaction has ended with the position: what goes on behind it is a piece.
  if (first.commitLsn === commitLsn) return first.sequence === sequence + 1;
  // A message, which is of no table, is a transaction of its own.
  return first.previous === commitLsn && (first.order === 1 || first.event?.table === "");
}

/**
 * Whether the topic still says what was applied from it: one that lost its end and has grown again holds other events at the same offsets. Pure.
 *
 * @param newest what readTail finds below the position's offset
 * @throws OfftakeError TOPIC_LOST_TAIL
 */
export function checkNewestApplied(position: AppliedPosition, service: ServiceConfiguration, newest: TailRecord | undefined): void {
  const { commitLsn, sequence, offset } = position;
  if (newest?.offset === offset - 1 && newest.commitLsn === commitLsn && newest.sequence === sequence) return;
  const found = newest === undefined ? "nothing" : `${formatLsn(newest.commitLsn)}:${newest.sequence} at offset ${newest.offset}`;
  throw new OfftakeError(
    "TOPIC_LOST_TAIL",
    `The target of ${service.name} has applied ${formatLsn(commitLsn)}:${sequence} from offset ${offset - 1} of the topic ${service.topic}, which has ${found} there: Kafka lost events, and others took their place.`,
    { cure: "The service's tables have to be copied again." },
  );
}
