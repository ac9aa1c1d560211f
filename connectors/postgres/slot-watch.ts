/**
 * Watches the slot that a connector reads: how much WAL it holds, and whether it is still the connector's own. A connector that was asleep for a minute does
 * not know that another has taken its place; it may publish only while it has seen, not long ago, that the server gives the slot to nobody else.
 *
 * Source: PostgreSQL documentation, "pg_replication_slots".
 */
import type { ClientBase } from "pg";
import type { Configuration, ConnectorConfiguration } from "../../services/runtime/configuration.ts";
import { OfftakeError } from "../../services/runtime/errors.ts";
import type { Log } from "../../services/runtime/log.ts";
import type { Metrics } from "../../services/runtime/metrics.ts";
import { waitOrStop } from "../../services/runtime/stop-signal.ts";
import { slotHealth, type SlotWord } from "./slot-health.ts";
import { readSlot, type Slot } from "./slot.ts";
import { recoverCommand } from "./slot-loss.ts";
import { producerDeadline } from "./take-over.ts";

export interface SlotWatchContext {
  readonly configuration: Configuration;
  readonly connector: ConnectorConfiguration;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Milliseconds between looks: three of them fit into the producer's deadline. */
const lookEveryMs = 10_000;

export class SlotWatch {
  readonly #source: ClientBase;
  readonly #context: SlotWatchContext;
  readonly #backendPid: number;
  /** Milliseconds since 1970: when the server was asked that said so. Its answer may have lain in the socket while this process was asleep. */
  #provenAt = Date.now();
  #word: SlotWord = "ok";
  #before: Slot | undefined;

  /** @param backendPid the server's process that reads the slot for us, since just now */
  constructor(source: ClientBase, context: SlotWatchContext, backendPid: number) {
    this.#source = source;
    this.#context = context;
    this.#backendPid = backendPid;
  }

  /** Why nothing may be published: there has been no proof for too long that the slot is ours. */
  get refusal(): OfftakeError | undefined {
    const age = Date.now() - this.#provenAt;
    if (age < producerDeadline) return undefined;
    return new OfftakeError(
      "CONNECTOR_FENCED",
      `The connector ${this.#context.connector.name} has had no proof for ${Math.round(age / 1000)} s that the slot is still its own.`,
      { cure: "Nothing was lost: it starts over and reads where the topic ends." },
    );
  }

  /** Until it is stopped, or the session has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { metrics, connector } = this.#context;
    try {
      do await this.#look();
      while ((await waitOrStop(lookEveryMs, signal)) === "elapsed");
    } finally {
      // Nobody looks any more: what was last seen would stand in the metrics for as long as the process lives.
      metrics.slotActive.set({ connector: connector.name }, 0);
    }
  }

  async #look(): Promise<void> {
    const { connector, configuration, metrics, log } = this.#context;
    const labels = { connector: connector.name };
    const askedAt = Date.now();
    const slot = await readSlot(this.#source, connector.slot);
    if (slot?.activePid === this.#backendPid) this.#provenAt = askedAt;
    metrics.slotActive.set(labels, slot?.active === true ? 1 : 0);
    metrics.slotBudgetBytes.set(labels, configuration.source.maxRetainedWalBytes);
    if (slot !== undefined) metrics.slotRetainedBytes.set(labels, slot.retainedBytes);
    if (slot?.safeWalSize !== undefined) metrics.slotSafeBytes.set(labels, slot.safeWalSize);
    const { word, reason, page } = slotHealth(slot, configuration.source.maxRetainedWalBytes, this.#before);
    this.#before = slot;
    if (word === this.#word) return;
    this.#word = word;
    const level = page ? "error" : word === "ok" ? "info" : "warn";
    const cure = word === "lost" || word === "missing" ? { cure: recoverCommand(connector.name) } : {};
    log[level]({ slot: connector.slot, health: word, ...cure }, reason === "" ? "the slot is well again" : reason);
  }
}
