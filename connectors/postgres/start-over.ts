/**
 * The way out where slot and topic no longer fit together and no part of them can be mended: both are made anew, and the tables copied. An error that ends with
 * "copy the tables again" leaves the reader to find out how, and a step left out (the target's applied position, the old topic) is the next error.
 *
 * The steps are those of docs/mishaps.md, "Starting over", which a test carries out. Pure.
 */
import { escapeLiteral } from "pg";
import type { Configuration } from "../../services/runtime/configuration.ts";
import type { ErrorCode } from "../../services/runtime/error-codes.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { unpublishedCure } from "./replication-stream.ts";
import { recoverCommand } from "./slot-loss.ts";

export interface PipelineNames {
  readonly connector: string;
  readonly service: string;
  readonly slot: string;
  readonly topic: string;
  /** host:port of each. */
  readonly brokers: readonly string[];
}

/** Of a connector and its service. */
export function pipelineNames(
  { kafka }: Pick<Configuration, "kafka">,
  { name, slot }: { readonly name: string; readonly slot: string },
  service: { readonly name: string; readonly topic: string },
): PipelineNames {
  return { connector: name, service: service.name, slot, topic: service.topic, brokers: kafka.brokers };
}

const codes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "SOURCE_IDENTITY_CHANGED",
  "SOURCE_WENT_BACK",
  "TAIL_DIFFERS",
  "TIMELINE_DIVERGED",
  "TOPIC_EXPIRED",
  "TOPIC_LOST_TAIL",
  "TOPIC_MISSING",
  "TOPIC_RECREATED",
  "TOPIC_WITHOUT_TAIL",
  "CHAIN_BROKEN",
]);

/** Where the topic is what it was, and only the slot is not. */
const recoverable: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["SLOT_MISSING", "SLOT_LOST", "SLOT_MOVED"]);

/** The error with the steps behind its cure, where it is one that ends in them; or with the command that makes a new slot, where that will do. */
export function withStartOver(error: OfftakeError, names: PipelineNames): OfftakeError {
  const way = recoverable.has(error.code)
    ? recovering(names)
    : codes.has(error.code) || error.cure === unpublishedCure
      ? startingOver(names)
      : undefined;
  return way === undefined ? error : new OfftakeError(error.code, error.message, { cure: `${error.cure} ${way}`.trimStart(), cause: error.cause });
}

/** What mends a slot that is gone, as a cure has it. */
function recovering({ connector }: Pick<PipelineNames, "connector">): string {
  return `\`${recoverCommand(connector)}\` makes a new slot and has the service's tables copied again while the stream runs (docs/mishaps.md).`;
}

/** The steps, as a cure has them. */
export function startingOver({ connector, service, slot, topic, brokers }: PipelineNames): string {
  return [
    "Starting over: stop connector and applier;",
    `at the source SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ${escapeLiteral(slot)};`,
    `kafka-topics.sh --bootstrap-server ${brokers.join(",")} --delete --if-exists --topic ${topic};`,
    `at the target DELETE FROM offtake.applied_position WHERE connector = ${escapeLiteral(connector)};`,
    "`offtake up`, which marks the tables as not copied; empty them at the target;",
    `\`offtake snapshot start ${service}\`; \`offtake run\` (docs/mishaps.md).`,
  ].join(" ");
}
