/**
 * `offtake dlq`: what is put aside at a service's target, looked at, applied again, and dropped. Everything is in the target itself, so it does not matter whether the
 * service's applier runs.
 */
import { userInfo } from "node:os";
import type { Client } from "pg";
import { Registry } from "../../connectors/kafka/registry.ts";
import { endSession, openSession } from "../../connectors/postgres/session.ts";
import { ChangeLog } from "../apply/change-log.ts";
import { refuseUnprepared } from "../apply/prepare.ts";
import { replayQueue } from "../apply/queue-replay.ts";
import { queueOf, readQueues, readQueueSize, readRecords, skipLetters, type DeadLetter, type LetterRecord, type Queue } from "../apply/queues.ts";
import { RecordDecoder } from "../apply/record-decoder.ts";
import { TableHistory } from "../apply/table-history.ts";
import { targetError } from "../apply/target-error.ts";
import { openTargetSession } from "../apply/target-session.ts";
import { rowTexts } from "../apply/named-event.ts";
import { type AuditEntry, writeAudit } from "../control/audit.ts";
import { withControl } from "../control/control-session.ts";
import type { Configuration, ServiceConfiguration } from "../runtime/configuration.ts";
import { asOfftakeError, OfftakeError } from "../runtime/errors.ts";
import type { ErrorCode } from "../runtime/error-codes.ts";
import { redactedColumns } from "../runtime/table-mapping.ts";
import { pipelineOf, type ServicePipeline } from "./service-pipeline.ts";
import { ExitCode } from "./terminal.ts";

interface Answer<T> {
  readonly object: T & Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** @throws OfftakeError USAGE, and of the target */
export async function listDeadLetters(configuration: Configuration, name: string): Promise<Answer<{ readonly queues: readonly Queue[] }>> {
  const pipeline = pipelineOf(configuration, name);
  const queues = await withTarget(pipeline, async (client) => readQueues(client, pipeline.connector.name));
  const text = queues.length === 0 ? `Nothing of ${name} is put aside.` : queues.map(queueText).join("\n");
  return { object: { service: name, queues }, text };
}

/** Names are public: `dlq show --json` has them. */
export interface ShownLetter extends DeadLetter {
  /** Columns as PostgreSQL prints them, null for NULL, redacted ones as [redacted]; without those that the event does not have (unchanged TOAST). */
  readonly row: Readonly<Record<string, string | null>>;
}

/** Letters of a queue that are shown: a person reads them. */
const shownLetters = 100;

/** @param id of any dead letter of the queue. @throws OfftakeError USAGE, and of target and registry */
export async function showDeadLetters(
  configuration: Configuration,
  name: string,
  id: string,
): Promise<Answer<{ readonly deadLetters: readonly ShownLetter[]; readonly waiting: number; readonly keys: number }>> {
  const pipeline = pipelineOf(configuration, name);
  const connector = pipeline.connector.name;
  const { records, size } = await withTarget(pipeline, async (client) => {
    const { queue } = await queueOf(client, connector, idOf(id));
    return { records: await readRecords(client, connector, queue, shownLetters), size: await readQueueSize(client, connector, queue) };
  });
  const decoder = new RecordDecoder(pipeline.service.topic, new Registry(configuration.registry.url));
  const deadLetters: ShownLetter[] = [];
  for (const record of records) deadLetters.push(await shown(decoder, record, pipeline.service));
  const more = size.waiting > deadLetters.length ? [`and ${size.waiting - deadLetters.length} more behind them`] : [];
  return { object: { service: name, ...size, deadLetters }, text: [...deadLetters.map(letterText), ...more].join("\n") };
}

async function shown(decoder: RecordDecoder, { event: bytes, ...letter }: LetterRecord, service: ServiceConfiguration): Promise<ShownLetter> {
  const record = { bytes, valueStart: 0, valueEnd: bytes.length, offset: letter.offset };
  if (!decoder.decode(record)) await decoder.load(record);
  const log = new ChangeLog();
  log.add(decoder.event, letter.offset, 0, bytes.length);
  const { columns } = redactedColumns(service, decoder.event.plan);
  const row = Object.entries(rowTexts(log, 0)).map(([name, text]) => [name, text !== null && columns.has(name) ? "[redacted]" : text]);
  return { ...letter, row: Object.fromEntries(row) };
}

interface ReplayedQueue {
  /** The first of its dead letters. */
  readonly id: string;
  /** How many were applied; 0 where it failed. */
  readonly events: number;
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly cure: string } | null;
}

/**
 * Each queue in a transaction of its own, in the order in which they began: one may wait for what another one brings.
 *
 * @param ids of dead letters; empty for all queues
 * @throws OfftakeError USAGE, and of the target
 */
export async function replayDeadLetters(
  configuration: Configuration,
  name: string,
  ids: readonly string[],
  who: string = userInfo().username,
): Promise<Answer<{ readonly replayed: readonly ReplayedQueue[]; readonly audited: boolean }> & { readonly exit: ExitCode }> {
  const pipeline = pipelineOf(configuration, name);
  const { service, connector } = pipeline;
  const firsts = await withTarget(pipeline, async (client) => {
    if (ids.length === 0) return (await readQueues(client, connector.name)).map(({ first }) => first.id);
    const found = new Set<string>();
    for (const id of ids) found.add((await queueOf(client, connector.name, idOf(id))).first);
    return [...found].toSorted((a, b) => Number(BigInt(a) - BigInt(b)));
  });
  const registry = new Registry(configuration.registry.url);
  const session = await openTargetSession(service);
  const replayed: ReplayedQueue[] = [];
  try {
    for (const id of firsts) {
      const shapes = { history: new TableHistory(registry, configuration.kafka.topicPrefix, service.topic), added: () => {} };
      const parts = { session, service, connector: connector.name, schemas: registry, shapes, by: who };
      replayed.push(
        await replayQueue(parts, id).then(
          ({ events }) => ({ id, events, error: null }),
          (error: unknown) => ({ id, events: 0, error: told(asOfftakeError(error)) }),
        ),
      );
    }
  } finally {
    await endSession(session.client);
  }
  const subject = firsts.length === 0 ? undefined : lettersText(firsts);
  const lacking = subject && (await lackingAudit(configuration, { who, action: "replay", service: name, subject, before: waiting, after: replayed }));
  const lines = replayed.map(({ id, events, error }) =>
    error === null ? `${id}: ${events} events applied, in order` : `${id}: ${error.code}: ${error.message} ${error.cure}`,
  );
  return {
    object: { service: name, replayed, audited: lacking === undefined },
    text: lines.length === 0 ? `Nothing of ${name} is put aside.` : [...lines, ...(lacking === undefined ? [] : [lacking])].join("\n"),
    exit: exitOf(replayed),
  };
}

/** @throws OfftakeError USAGE, and of the target */
export async function skipDeadLetters(
  configuration: Configuration,
  name: string,
  id: string,
  { all, who = userInfo().username, reason }: { readonly all: boolean; readonly who?: string; readonly reason?: string },
): Promise<Answer<{ readonly skipped: number; readonly audited: boolean }>> {
  const pipeline = pipelineOf(configuration, name);
  const skipped = await withTarget(pipeline, async (client) => skipLetters(client, pipeline.connector.name, idOf(id), { all, by: who }));
  const after = { skipped, ...(reason === undefined ? {} : { reason }) };
  const lacking = await lackingAudit(configuration, { who, action: "skip", service: name, subject: lettersText([id]), before: waiting, after });
  const text = `${skipped} dropped. The target's row is not what the monolith's is. Next, before it changes again there: offtake repair ${name}`;
  return { object: { service: name, skipped, audited: lacking === undefined }, text: lacking === undefined ? text : `${text}\n${lacking}` };
}

const waiting = { state: "waiting" };

function lettersText(ids: readonly string[]): string {
  return `dead letter ${ids.join(", ")}`;
}

/**
 * Who did what stands in the letters themselves, too, so that it is done and said where the control database is away.
 *
 * @returns why the audit lacks it; undefined where it has it
 */
async function lackingAudit({ control: { url } }: Configuration, entry: AuditEntry): Promise<string | undefined> {
  try {
    await withControl(url, "offtake dlq", async (control) => writeAudit(control, entry));
    return undefined;
  } catch (error) {
    return `The audit lacks it, and the dead letters have who did it: ${asOfftakeError(error).line}`;
  }
}

async function withTarget<T>({ service }: ServicePipeline, work: (client: Client) => Promise<T>): Promise<T> {
  const client = await openSession(service.target.url, {
    side: "target",
    applicationName: "offtake dlq",
    statementTimeoutMs: 60_000,
    settings: { default_transaction_read_only: "off", default_transaction_isolation: "read committed" },
  });
  try {
    await refuseUnprepared(client, service);
    return await work(client);
  } catch (error) {
    const known = targetError(error, service);
    // The applier's own says that it tries again.
    if (known.code !== "TARGET_BUSY") throw known;
    throw new OfftakeError("TARGET_BUSY", known.message, { cause: known.cause, cure: "Nothing was changed: run it again." });
  } finally {
    await endSession(client);
  }
}

/** @throws OfftakeError USAGE: the server would refuse what is no number in words of its own */
function idOf(text: string): string {
  if (/^\d{1,18}$/.test(text)) return text;
  throw new OfftakeError("USAGE", `${text} is not the number of a dead letter.`, { cure: "`offtake dlq list` has them." });
}

function told({ code, message, cure }: OfftakeError): NonNullable<ReplayedQueue["error"]> {
  return { code, message, cure };
}

function exitOf(replayed: readonly ReplayedQueue[]): ExitCode {
  const codes = replayed.flatMap(({ error }) => (error === null ? [] : [error.code]));
  if (codes.some((code) => code.endsWith("_UNREACHABLE"))) return ExitCode.unreachable;
  return codes.length === 0 ? ExitCode.done : ExitCode.failed;
}

function queueText({ first, deadLetters, keys }: Queue): string {
  const behind = deadLetters === 1 ? "" : `, and ${deadLetters - 1} behind it`;
  const together = keys === 1 ? "" : ` (${keys} keys)`;
  return `${first.id}: ${eventText(first)}${together}, since ${first.since}${behind}\n   ${reasonText(first)}`;
}

function letterText(letter: ShownLetter): string {
  const row = Object.entries(letter.row).map(([column, value]) => `   ${column} = ${value === null ? "NULL" : JSON.stringify(value)}`);
  return [`${letter.id}: ${eventText(letter)}, since ${letter.since}`, `   ${reasonText(letter)}`, ...row].join("\n");
}

function eventText({ op, table, key, position, topic, offset }: DeadLetter): string {
  return `${op} of ${table} ${key}, position ${position}, offset ${offset} of ${topic}`;
}

function reasonText({ error, cure }: DeadLetter): string {
  return error === null ? "waits behind another" : `${error}${cure === null ? "" : ` ${cure.replace(/ ?The applier goes on by itself\.$/, "")}`}`;
}
