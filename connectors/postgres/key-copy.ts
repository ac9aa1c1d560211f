/**
 * Reads rows again by their keys, as a repair asks for it, and publishes each as the source has it: the row, or that there is none. What a table's copy must never
 * do, to delete, is done here, key by key and in order with the stream of each; so nothing is published that is not proven for its very key.
 *
 * A job that is interrupted reads all of its keys again: what was published is right for the place where it stands.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import { OfftakeError } from "../../services/runtime/errors.ts";
import { fullName, type TableName } from "../../services/runtime/table-pattern.ts";
import { sqlState } from "./session.ts";
import type { SnapshotJob } from "./snapshot-journal.ts";
import { keysAtOnce } from "./snapshot-statement.ts";
import { tableChanged } from "./table-changed.ts";
import { type CopyParts, TableChunks } from "./table-chunks.ts";

export class KeyCopy {
  readonly #parts: CopyParts;
  readonly #job: SnapshotJob;
  readonly #name: TableName;
  readonly #chunks: TableChunks;
  readonly #columns: readonly string[];

  /** @param signal ends it, wherever it is */
  constructor(parts: CopyParts, job: SnapshotJob, columns: readonly string[], name: TableName, signal: AbortSignal) {
    this.#parts = parts;
    this.#job = job;
    this.#columns = columns;
    this.#name = name;
    this.#chunks = new TableChunks(parts, job.id, name, signal);
  }

  /**
   * @returns keys that were read; undefined when the job was cancelled meanwhile
   * @throws OfftakeError SNAPSHOT_KEY_UNREADABLE, and as TableCopy.run()
   */
  async run(): Promise<number | undefined> {
    try {
      return await this.#copy();
    } catch (error) {
      throw this.#judged(error);
    } finally {
      await this.#chunks.end();
    }
  }

  async #copy(): Promise<number | undefined> {
    const { journal, pieces } = this.#parts;
    const chunks = this.#chunks;
    const { id } = this.#job;
    const { relation } = await chunks.open();
    if ([...this.#columns].toSorted().join("\0") !== [...chunks.walk].toSorted().join("\0"))
      throw tableChanged(this.#name, `has the key (${chunks.walk.join(", ")}), and rows of it were asked for by (${this.#columns.join(", ")})`);
    const keys = await journal.keys(id);
    const odd = keys.find((key) => key.length !== this.#columns.length);
    if (odd !== undefined) throw unreadable(this.#name, `one of them has ${odd.length} values instead of ${this.#columns.length}`, undefined);
    await journal.started(id, { tableOid: relation.oid, keyColumns: chunks.walk, estimatedRows: keys.length, estimatedBytes: 0 });
    for (let done = 0; done < keys.length;) {
      const some = { columns: this.#columns, keys: keys.slice(done, done + keysAtOnce) };
      // What has to go goes first: it may be in the way of what comes.
      await chunks.publishKeys({ ...some, absent: true });
      await chunks.publishKeys({ ...some, absent: false });
      await chunks.unlessStopped(pieces.durable());
      done += some.keys.length;
      if (!(await journal.progress(id, { lastKey: undefined, rows: done, bytes: 0, movesFrom: undefined }))) return undefined;
    }
    // A table that is gone has no rows, and of the one that has its name now nothing was read.
    await chunks.check();
    await journal.copied(id);
    return keys.length;
  }

  /** What the source's type does not take is no key of its table. */
  #judged(error: unknown): unknown {
    const state = error instanceof OfftakeError ? sqlState(error.cause) : undefined;
    return state?.startsWith("22") === true && error instanceof OfftakeError ? unreadable(this.#name, error.message, error) : error;
  }
}

function unreadable(name: TableName, why: string, cause: OfftakeError | undefined): OfftakeError {
  return new OfftakeError(
    "SNAPSHOT_KEY_UNREADABLE",
    `Rows of ${fullName(name)} were asked for by keys that its types do not take: ${why.replace(/\.$/, "")}.`,
    {
      cause,
      cure: "A row with such a key can only be at the target: look at it, and delete it there.",
    },
  );
}
