/** A slot that is well, for tests that change one thing of it. */
import type { Slot } from "../../../connectors/postgres/slot.ts";

export const sampleSlot: Slot = {
  name: "offtake_trading",
  plugin: "pgoutput",
  database: "shop",
  active: true,
  activePid: 4711,
  confirmedFlush: 100n,
  restart: 90n,
  walStatus: "reserved",
  safeWalSize: undefined,
  retainedBytes: 0,
  lagBytes: 0,
  invalidationReason: "",
  failover: false,
  heldBack: false,
};
