/**
 * Applies the events of a queue of dead letters, in their order and in one transaction of the target, and frees its keys: what the applier would have done, from the
 * same bytes. Where one of them is refused again nothing has changed.
 *
 * Source: docs/dead-letters.md.
 */
import { parseLsn } from "../../connectors/postgres/lsn.ts";
import type { ServiceConfiguration } from "../runtime/configuration.ts";
import { OfftakeError } from "../runtime/errors.ts";
import { applyInOrder, type Conflict } from "./apply-in-order.ts";
import { ByteArena } from "./byte-arena.ts";
import { ChangeLog } from "./change-log.ts";
import { readNeedsCopy } from "./needs-copy.ts";
import { RecordDecoder, type Schemas } from "./record-decoder.ts";
import { besideApplier, endLetters, queueOf } from "./queues.ts";
import { runGroup } from "./statement-group.ts";
import { marksStatement, TablesChanged } from "./target-marks.ts";
import { eventRefused, targetError, verdictOf } from "./target-error.ts";
import type { TargetSession } from "./target-session.ts";
import type { TargetTable } from "./target-table.ts";
import { type TableWatch, TargetTables } from "./target-tables.ts";
import { UncopiedTables } from "./uncopied-tables.ts";

export interface ReplayParts {
  readonly session: TargetSession;
  readonly service: ServiceConfiguration;
  readonly connector: string;
  readonly schemas: Schemas;
  readonly shapes: TableWatch;
  /** Who asked for it. */
  readonly by: string;
}

export interface Replay {
  /** Events that were applied. */
  readonly events: number;
  /** What was found at the target instead of the rows that they take for granted. */
  readonly conflicts: readonly Conflict[];
}

/** Events that are in memory at a time. */
const pageSize = 500;

const pageSql = `
  SELECT id, topic, "offset"::float8 AS offset, commit_lsn::text AS "commitLsn", event
    FROM offtake.dead_letter
   WHERE connector = $1 AND queue = $2 AND state = 'waiting' AND id > $3
   ORDER BY id
   LIMIT ${pageSize}`;

interface Page {
  id: string;
  topic: string;
  offset: number;
  commitLsn: string;
  event: Buffer;
}

/**
 * @param id of any of the queue's dead letters
 * @throws OfftakeError USAGE where it does not wait; EVENT_NOT_APPLICABLE and what else an applier ends with. Nothing has changed then
 */
export async function replayQueue(parts: ReplayParts, id: string): Promise<Replay> {
  const { session, service, connector } = parts;
  try {
    return await besideApplier(session.client, connector, async () => {
      const { queue } = await queueOf(session.client, connector, id);
      return new QueueReplay(parts, queue).run();
    });
  } catch (error) {
    throw replayError(error, service, id);
  }
}

class QueueReplay {
  readonly #parts: ReplayParts;
  readonly #queue: string;
  readonly #tables: TargetTables;
  readonly #log = new ChangeLog();
  readonly #arena = new ByteArena();
  readonly #conflicts: Conflict[] = [];
  readonly #used = new Set<TargetTable>();
  #decoder: RecordDecoder | undefined;

  constructor(parts: ReplayParts, queue: string) {
    this.#parts = parts;
    this.#queue = queue;
    this.#tables = new TargetTables(parts.session, parts.service, parts.shapes);
  }

  async run(): Promise<Replay> {
    const { session, connector, by } = this.#parts;
    const { client } = session;
    const uncopied = new UncopiedTables(await readNeedsCopy(client, connector));
    let after = "0";
    for (;;) {
      const { rows } = await client.query<Page>(pageSql, [connector, this.#queue, after]);
      if (rows.length === 0) break;
      await this.#apply(rows, uncopied);
      after = rows.at(-1)!.id;
    }
    const { error } = await runGroup(client, [marksStatement(this.#used)]);
    if (error !== undefined) throw error;
    const events = await endLetters(client, connector, this.#queue, { state: "replayed", by });
    // What only the commit would check is checked while its error can still be told apart from a lost answer.
    await client.query("SET CONSTRAINTS ALL IMMEDIATE");
    return { events, conflicts: this.#conflicts };
  }

  async #apply(rows: readonly Page[], uncopied: UncopiedTables): Promise<void> {
    const { client, replica } = this.#parts.session;
    const log = this.#log;
    log.clear();
    for (const row of rows) await this.#add(row);
    const tables = await this.#tables.read(log.plans);
    for (const table of tables) this.#used.add(table);
    const awake = tables.some((table) => table.awake);
    if (awake || !replica) await client.query("SET CONSTRAINTS ALL DEFERRED");
    const context = {
      log,
      tables,
      awake,
      uncopied: uncopied.of(tables).uncopied,
      conflict: (found: Conflict) => void this.#conflicts.push(found),
      arena: this.#arena,
    };
    for (const [i, row] of rows.entries()) await applyInOrder(client, { ...context, from: i, to: i + 1, commitLsn: parseLsn(row.commitLsn) });
  }

  async #add({ topic, offset, event: bytes }: Page): Promise<void> {
    this.#decoder ??= new RecordDecoder(topic, this.#parts.schemas);
    const decoder = this.#decoder;
    const record = { bytes, valueStart: 0, valueEnd: bytes.length, offset };
    if (!decoder.decode(record)) await decoder.load(record);
    this.#log.add(decoder.event, offset, 0, bytes.length);
  }
}

function replayError(error: unknown, service: ServiceConfiguration, id: string): OfftakeError {
  const known =
    error instanceof OfftakeError
      ? error
      : error instanceof TablesChanged
        ? new OfftakeError("TARGET_BUSY", "Tables of the target were altered during the replay.")
        : verdictOf(error) === "event"
          ? eventRefused(`what the dead letter ${id} and those of its queue come to`, error)
          : targetError(error, service);
  // The applier's own cures end with what the applier does.
  const cure = known.cure.replace(/ ?The applier goes on by itself\.$/, "").replace(/^Nothing of it was applied; it is tried again\.$/, "");
  return new OfftakeError(known.code, known.message, { cause: known.cause, cure: `${cure} Nothing was changed: replay it again then.`.trimStart() });
}
