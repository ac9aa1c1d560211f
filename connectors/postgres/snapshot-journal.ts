/**
 * What a connector knows of the copies that it is to make, and remembers of those under way: one job for each table, and those that read a list of keys for a
 * repair, kept where a restart finds them. A job that forgot a chunk that is in the topic only copies it again; one that remembered a chunk that is not would leave
 * its rows out for ever.
 *
 * Source: ARCHITECTURE.md, "Snapshot".
 */
import type { OfftakeError } from "../../services/runtime/errors.ts";

export interface SnapshotJob {
  readonly id: string;
  /** schema.table of the source. */
  readonly table: string;
  /** Why it is copied: what the table was marked for at the target when the copy was asked for. */
  readonly reason: string;
  /** Of a job that reads a list of keys: the columns that they are of, all of the table's key. Undefined for one that copies the whole table. */
  readonly wantedColumns: readonly string[] | undefined;
  /** Columns by which the table is walked, and the text of their values in the last row that is published; undefined before the first chunk. */
  readonly keyColumns: readonly string[] | undefined;
  readonly lastKey: readonly string[] | undefined;
  /** OID of the table that it was begun with; undefined where that is not known. */
  readonly tableOid: number | undefined;
  /** As its progress was written down with. */
  readonly movesFrom: number | undefined;
  /** What is published. */
  readonly rows: number;
  readonly bytes: number;
  /** As it was started with. */
  readonly estimatedRows?: number | undefined;
}

export interface SnapshotStart {
  /** OID of the table at the source. */
  readonly tableOid: number;
  readonly keyColumns: readonly string[];
  /** Undefined for a table that was never analysed. */
  readonly estimatedRows: number | undefined;
  readonly estimatedBytes: number;
}

export interface SnapshotProgress {
  /** Undefined for a list of keys. */
  readonly lastKey: readonly string[] | undefined;
  /** Of the whole job, not of the chunk; of a list, keys that are done. */
  readonly rows: number;
  readonly bytes: number;
  /** An offset of the topic: rows that events before it have moved are read again, where that was necessary (moved-rows.ts). Undefined for a list of keys. */
  readonly movesFrom: number | undefined;
}

/** Every call fails with an OfftakeError when the control database is away: copying waits then, the stream does not. */
export interface SnapshotJournal {
  /** Jobs that wait or are under way, oldest first. */
  open(connector: string): Promise<SnapshotJob[]>;
  /** Puts jobs in for tables that have none open. @param tables of the source, as schema.table */
  request(connector: string, service: string, tables: readonly string[], reason: string): Promise<void>;
  /** Of a job that reads a list: text of the values of its columns. */
  keys(id: string): Promise<readonly (readonly string[])[]>;
  /** @returns what the copy is for by now: asked for once more before it began, it is for that. Undefined for one that was cancelled. */
  started(id: string, start: SnapshotStart): Promise<string | undefined>;
  /** After the chunk is durable in Kafka, before the next one is published. @returns false when the job was cancelled meanwhile */
  progress(id: string, progress: SnapshotProgress): Promise<boolean>;
  /** @param what holds it up at the moment; undefined when it goes on */
  waits(id: string, what: string | undefined): Promise<void>;
  copied(id: string): Promise<void>;
  failed(id: string, error: OfftakeError): Promise<void>;
  close(): Promise<void>;
}
