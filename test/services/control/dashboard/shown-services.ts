/** A service that is well, and what of it is another in a test. */
import type { ShownCopy, ShownService, ShownSlot, ShownUnit } from "../../../../services/control/dashboard/shown-status.ts";

export const wellSlot: ShownSlot = {
  name: "offtake_billing",
  word: "ok",
  reason: "",
  page: false,
  active: true,
  retainedBytes: 1024,
  safeBytes: null,
  budgetBytes: 10 * 2 ** 30,
  growthBytesPerSecond: 0,
  secondsToLoss: null,
};

export function shownService(changed: Partial<ShownService> = {}): ShownService {
  return {
    service: "billing",
    connector: "billing",
    slot: wellSlot,
    capturedLsn: "0/16B3748",
    appliedLsn: "0/16B3748",
    lag: { capture: { bytes: 0, seconds: 0 }, apply: { bytes: 0, seconds: 0, events: 0 } },
    eventsPerSecond: 0,
    topicEnd: 10,
    appliedOffset: 10,
    needsCopy: [],
    copies: [],
    reconciliations: [],
    alerts: [],
    parked: [],
    paused: null,
    errors: [],
    ...changed,
  };
}

/** A copy whose rows are all in the topic. */
export const copied: ShownCopy = {
  table: "public.a",
  state: "copied",
  reason: "never copied",
  rows: 1,
  estimatedRows: 1,
  rowsPerSecond: 1,
  secondsLeft: null,
  waitsFor: null,
  error: null,
  verifiedAt: null,
};

export function report(changed: Partial<ShownUnit> = {}): ShownUnit {
  return { unit: "applier billing", process: "host 7", ready: true, reason: "working", ageSeconds: 2, ...changed };
}
