/**
 * The target's part of a pass: reads that have all that the source's read saw before them. The applied position is read with the rows, in one snapshot; a position from
 * a moment earlier would do, one from a moment later would call lag a mismatch.
 *
 * Positions of another cluster or timeline cannot be compared with the source's; until the stream has come to this one, the target is behind.
 */
import type { Client } from "pg";
import { formatLsn, type Lsn } from "../../connectors/postgres/lsn.ts";
import { endSession, openSession, sessionError } from "../../connectors/postgres/session.ts";
import { type AppliedPosition, findPosition } from "../apply/position.ts";
import { interrupted, OfftakeError } from "../runtime/errors.ts";
import type { Secret } from "../runtime/secret.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import type { ComparedTable } from "./compared-table.ts";
import { inSnapshot, isBusy, readingSettings } from "./side-snapshot.ts";
import type { Cluster } from "./source-side.ts";
import { readShape } from "./target-moment.ts";

/** Of a read. */
const defaultTimeoutMs = 10_000;

/** Between two looks at the applied position: the first, and the longest. */
const lookMs = 5;
const lookMostMs = 100;

export interface TargetOptions {
  readonly url: Secret;
  readonly service: string;
  readonly connector: string;
  readonly applicationName: string;
  readonly cluster: Cluster;
  /** Milliseconds for which the applied position may stand still. */
  readonly stallMs: number;
  /** Of a read. */
  readonly statementTimeoutMs?: number;
  readonly signal: AbortSignal;
}

export class TargetSide {
  readonly #options: TargetOptions;
  readonly #client: Client;

  private constructor(options: TargetOptions, client: Client) {
    this.#options = options;
    this.#client = client;
  }

  /** @throws OfftakeError TARGET_UNREACHABLE, TARGET_REFUSED, TARGET_NOT_PREPARED */
  static async open(options: TargetOptions): Promise<TargetSide> {
    const { url, applicationName, service, statementTimeoutMs = defaultTimeoutMs } = options;
    const client = await openSession(url, { side: "target", applicationName, statementTimeoutMs, settings: readingSettings });
    try {
      const { rows } = await client.query<{ there: boolean }>(
        "SELECT to_regclass('offtake.applied_position') IS NOT NULL AND to_regclass('offtake.parked') IS NOT NULL AS there",
      );
      if (rows[0]?.there === true) return new TargetSide(options, client);
      throw new OfftakeError("TARGET_NOT_PREPARED", `The target of ${service} has no schema offtake of this version.`, { cure: "Run `offtake up`." });
    } catch (error) {
      await endSession(client);
      throw sessionError(error, "target", url);
    }
  }

  /** For catalogs, marks and the applied position. @throws OfftakeError TARGET_UNREACHABLE, TARGET_REFUSED, RECONCILE_STALLED */
  async catalog<T>(work: (client: Client) => Promise<T>): Promise<T> {
    return this.#ask(async () => work(this.#client));
  }

  /**
   * @param passed what has to be applied before
   * @returns what `work` read, and the applied position and the table's shape of the same snapshot
   * @throws OfftakeError RECONCILE_STALLED while the applier does not get there, RECONCILE_TABLE_UNSUITABLE as readShape(), TARGET_UNREACHABLE, TARGET_REFUSED, INTERRUPTED
   */
  async read<T>(
    table: ComparedTable,
    passed: Lsn,
    work: (client: Client) => Promise<T>,
  ): Promise<{ readonly value: T; readonly applied: Lsn; readonly position: AppliedPosition; readonly shape: string }> {
    const { connector } = this.#options;
    return this.#ask(async () => {
      for (;;) {
        await this.#reach(passed);
        const read = await inSnapshot(this.#client, table.target, async (client) => {
          const position = await findPosition(client, connector);
          if (!this.#has(position, passed)) return undefined;
          const shape = await readShape(client, table, connector);
          return { value: await work(client), applied: position!.commitLsn, position: position!, shape };
        });
        if (read !== undefined) return read;
      }
    });
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    const { url } = this.#options;
    try {
      return await work();
    } catch (error) {
      if (isBusy(error))
        throw new OfftakeError(
          "RECONCILE_STALLED",
          `The target at ${url.describe()} does not answer in time: somebody has locked the table, or it is busy.`,
          {
            cause: error,
          },
        );
      throw sessionError(error, "target", url);
    }
  }

  async end(): Promise<void> {
    await endSession(this.#client);
  }

  async #reach(passed: Lsn): Promise<void> {
    const { connector, service, stallMs, signal, cluster } = this.#options;
    let pause = lookMs;
    let [seen, since] = ["", performance.now()];
    for (;;) {
      const position = await findPosition(this.#client, connector);
      if (this.#has(position, passed)) return;
      if (position !== undefined && position.systemIdentifier !== cluster.systemIdentifier)
        throw new OfftakeError("RECONCILE_STALLED", `The target of ${service} has applied changes of another cluster than the source's.`, {
          cure: "See `offtake check`: its applier does not go on either.",
        });
      const at = position === undefined ? "nothing" : formatLsn(position.commitLsn);
      const mark = `${at} ${position?.offset}`;
      if (mark !== seen) [seen, since] = [mark, performance.now()];
      if (performance.now() - since >= stallMs)
        throw new OfftakeError(
          "RECONCILE_STALLED",
          `The applier of ${service} has applied ${at}, and has not moved for ${Math.round(stallMs / 1000)} s; the source is at ${formatLsn(passed)}.`,
          { cure: "See `offtake status`: connector and applier have to run." },
        );
      if ((await waitOrStop(pause, signal)) === "stopped") throw interrupted("the tables were compared");
      pause = Math.min(pause * 1.5, lookMostMs);
    }
  }

  #has(position: AppliedPosition | undefined, passed: Lsn): boolean {
    const { cluster } = this.#options;
    return (
      position !== undefined &&
      position.systemIdentifier === cluster.systemIdentifier &&
      position.timeline === cluster.timeline &&
      position.commitLsn >= passed
    );
  }
}
