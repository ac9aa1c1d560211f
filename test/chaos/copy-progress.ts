/**
 * How far the copies are, looked at all the time: in the control database what the connector has in the topic, at the target what the applier has written. A kill
 * that falls before the first row or behind the last proves nothing of copies, so whoever kills asks here.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { copiedTables } from "./copied-tables.ts";

/** Milliseconds between two looks. */
const everyMs = 20;

const jobsSql = "SELECT table_name, state, rows FROM offtake.snapshot ORDER BY id";

/** Tables are filled from the front: their size is what has arrived, without anybody counting rows. */
const sizesSql = "SELECT relname, pg_relation_size(oid) AS bytes FROM pg_class WHERE oid = ANY ($1::regclass[])";

export interface Progress {
  /** From 0 to 1. */
  readonly published: number;
  readonly applied: number;
  /** Whether rows of a copy are still to be published; whether a table is still marked at the target. */
  readonly publishing: boolean;
  readonly applying: boolean;
}

const names = copiedTables.map(({ name }) => name);

export class CopyProgress {
  now: Progress = { published: 0, applied: 0, publishing: false, applying: false };
  readonly #control: Client;
  readonly #target: Client;
  readonly #rows: ReadonlyMap<string, number>;
  readonly #sourceBytes: number;
  readonly #copied = new Map<string, number>();
  readonly #running: Promise<void>;
  #over = false;

  private constructor(control: Client, target: Client, rows: ReadonlyMap<string, number>, sourceBytes: number) {
    this.#control = control;
    this.#target = target;
    this.#rows = rows;
    this.#sourceBytes = sourceBytes;
    this.#running = this.#watch();
    this.#running.catch(() => undefined);
  }

  /** @param rows by table, before the load */
  static async start(source: Client, control: Client, target: Client, rows: ReadonlyMap<string, number>): Promise<CopyProgress> {
    return new CopyProgress(control, target, rows, await bytesOf(source));
  }

  /** How far the copy of a table is, from 0 to 1. */
  front(table: string): number {
    return Math.min((this.#copied.get(table) ?? 0) / this.#rows.get(table)!, 1);
  }

  /** Returns at the first look of which the condition is true, or once the watch has ended. @throws where a copy has failed */
  async until(condition: (progress: Progress) => boolean): Promise<void> {
    while (!this.#over && !condition(this.now)) await Promise.race([sleep(everyMs), this.#running]);
  }

  async stop(): Promise<void> {
    this.#over = true;
    await this.#running;
  }

  async #watch(): Promise<void> {
    const all = [...this.#rows.values()].reduce((sum, rows) => sum + rows, 0);
    while (!this.#over) {
      const { rows: jobs } = await this.#control.query<{ table_name: string; state: string; rows: string }>(jobsSql);
      const failed = jobs.find(({ state }) => state === "failed" || state === "cancelled");
      if (failed !== undefined) throw new Error(`the copy of ${failed.table_name} is ${failed.state}`);
      for (const { table_name: table, rows } of jobs) this.#copied.set(table.replace("public.", ""), Number(rows));
      const marks = await this.#target.query("SELECT FROM offtake.needs_copy");
      this.now = {
        published: Math.min([...this.#copied.values()].reduce((sum, rows) => sum + rows, 0) / all, 1),
        applied: Math.min((await bytesOf(this.#target)) / this.#sourceBytes, 1),
        publishing: jobs.some(({ state }) => state === "waiting" || state === "copying"),
        applying: (marks.rowCount ?? 0) > 0,
      };
      await sleep(everyMs);
    }
  }
}

async function bytesOf(client: Client): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(sizesSql, [names]);
  return rows.reduce((sum, { bytes }) => sum + Number(bytes), 0);
}
