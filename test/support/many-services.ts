/**
 * An installation that is larger than a test can start: services and tables by the number, each second another lag, another position, another pass. It stands where the commands stand otherwise, behind the
 * real API and its stream of events; nothing of it is random, so that what a page has to show after so many seconds can be said.
 */
import type { BoardService } from "../../services/cli/control-board.ts";
import type { ShownTable } from "../../services/cli/shown-tables.ts";
import type { TablePasses } from "../../services/control/pass-history.ts";
import type { TableCopyStatus } from "../../services/control/snapshot-orders.ts";
import { dashboardBundle } from "../../services/control/dashboard-bundle.ts";
import { newApiKey } from "../../services/control/api-keys.ts";
import { createApi } from "../../services/control/api-server.ts";
import { historyLength, LagHistory } from "../../services/control/lag-history.ts";
import type { Operations, ShownStatus } from "../../services/control/operations.ts";
import { startHealthServer } from "../../services/runtime/health-server.ts";
import { createLog } from "../../services/runtime/log.ts";
import { createMetrics } from "../../services/runtime/metrics.ts";

export interface ManyServices extends AsyncDisposable {
  /** With the key of an admin. */
  readonly address: string;
  /** How often somebody has looked: each look is a second later than the one before. */
  readonly looks: number;
  /** Nothing changes any more. @returns what is the case then */
  freeze(): ShownStatus & { readonly services: readonly BoardService[] };
}

export interface Size {
  readonly services: number;
  /** Of each. */
  readonly tables: number;
}

const began = Date.parse("2026-01-01T00:00:00.000Z");

function moment(seconds: number): string {
  return new Date(began + seconds * 1000).toISOString();
}

/** @param size default: 50 services with 200 tables each */
export async function manyServices(size: Size = { services: 50, tables: 200 }): Promise<ManyServices> {
  const names = Array.from({ length: size.services }, (_, i) => `service-${String(i).padStart(2, "0")}`);
  let looks = 0;
  let frozen = false;
  const look = (): ReturnType<ManyServices["freeze"]> => ({
    at: moment(looks),
    services: names.map((_, i) => statusOf(names, size, i, looks)),
    units: names.flatMap((service) => [unitOf(`applier ${service}`), unitOf(`connector ${service}`)]),
    validation: { at: moment(0), ok: true, findings: [] },
  });
  const operations: Operations = {
    ...quiet,
    services: names,
    connectors: names,
    status: async () => {
      if (!frozen) looks += 1;
      return look();
    },
    history: (service) => historyOf(names.indexOf(service), looks),
    tables: async (service) => ({
      service,
      at: moment(looks),
      tables: statusOf(names, size, names.indexOf(service), looks).reconciliations.map(tableOf),
      errors: [],
    }),
  };
  const { key, hash } = newApiKey();
  const log = createLog({ env: {}, terminal: false, write: () => {} });
  const keys = [{ name: "ada", role: "admin" as const, hash }];
  const api = await createApi({ operations, keys, version: "test", log, dashboard: dashboardBundle, requestsPerMinute: 100_000 });
  const server = await startHealthServer({ host: "127.0.0.1", port: 0, metrics: createMetrics("test"), readiness: () => [], rest: api.handle });
  return {
    address: `http://127.0.0.1:${server.port}/#key=${key}`,
    get looks() {
      return looks;
    },
    freeze: () => {
      frozen = true;
      return look();
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await api.close();
    },
  };
}

function statusOf(names: readonly string[], { tables }: Size, i: number, looks: number): BoardService {
  const service = names[i]!;
  // One in ten has fallen behind, and more so each second.
  const behind = i % 10 === 3 ? looks + i : 0;
  const lsn = `0/${(0x10_0000 + looks * 997 + i).toString(16).toUpperCase()}`;
  return {
    service,
    connector: service,
    slot: {
      name: `offtake_${service.replace("-", "_")}`,
      word: "ok",
      reason: "",
      page: false,
      active: true,
      retainedBytes: 1_000_000 + ((looks * 7919 + i) % 1_000_000),
      safeBytes: 10 ** 9 - looks * 1000,
      budgetBytes: 10 ** 9,
      growthBytesPerSecond: 1000,
      secondsToLoss: 10 ** 6 - looks,
    },
    capturedLsn: lsn,
    appliedLsn: lsn,
    lag: {
      capture: { bytes: (looks * 31 + i) % 5000, seconds: ((looks + i) % 9) / 10 },
      apply: { bytes: behind * 4096, seconds: behind, events: behind * 10 },
    },
    topicEnd: looks * 100,
    appliedOffset: looks * 100 - behind,
    eventsPerSecond: 100 + ((looks * 13 + i) % 50),
    notCopied: [],
    needsCopy: [],
    copies: Array.from({ length: tables }, (_, table) => copyOf(table)),
    reconciliations: Array.from({ length: tables }, (_, table) => passOf(table, tables, looks)),
    alerts: [],
    parked: [],
    paused: null,
    errors: [],
  };
}

/** A pass ends each second in each service, over one table after the other. */
function passOf(table: number, tables: number, looks: number): TablePasses {
  const at = moment(looks - ((looks - table + tables * 1000) % tables));
  return {
    table: `public.table_${String(table).padStart(3, "0")}`,
    verdict: "equal",
    level: "detailed",
    finishedAt: at,
    mismatches: 0,
    lastCleanAt: at,
    lastPassAt: at,
    lastPassMs: 1200 + table,
    mismatchRate: 0,
  };
}

function copyOf(table: number): TableCopyStatus {
  return {
    table: `public.table_${String(table).padStart(3, "0")}`,
    state: "copied",
    reason: "rows from before `offtake up`",
    rows: 1000 * table,
    bytes: 250_000 * table,
    estimatedRows: 1000 * table,
    estimatedBytes: 250_000 * table,
    rowsPerSecond: null,
    secondsLeft: null,
    waitsFor: null,
    error: null,
    requestedBy: "the connector",
    requestedAt: moment(-7200),
    startedAt: moment(-7100),
    finishedAt: moment(-7000),
    verifiedAt: moment(-6900),
  };
}

function tableOf({ table, ...pass }: TablePasses, i: number): ShownTable {
  const { table: _, ...copy } = copyOf(i);
  const mismatches = { missing: 0, extra: 0, differing: 0 };
  return { table, rows: 1000 * i, pass, mismatches, copy, needsCopy: null, parkedKeys: 0, deadLetters: 0, alerts: [] };
}

function unitOf(unit: string): NonNullable<ShownStatus["units"]>[number] {
  return { unit, process: "host 4711", ready: true, reason: "", ageSeconds: 1 };
}

function historyOf(service: number, looks: number): ReturnType<Operations["history"]> {
  const history = new LagHistory();
  for (let i = 0; i < historyLength; i += 1) {
    const value = (i * 7 + service + looks) % 100;
    history.add(began / 1000 + looks + (i - historyLength) * 10, {
      captureBytes: value * 100,
      captureSeconds: value / 100,
      applyBytes: value * 1000,
      applySeconds: value / 10,
      applyEvents: value,
      retainedBytes: 1_000_000 + value * 5000,
      appliedOffset: i * 1000,
    });
  }
  return history.read();
}

async function refused(): Promise<never> {
  throw new Error("nothing of a generated installation can be changed");
}

const quiet: Omit<Operations, "services" | "connectors" | "status" | "history" | "tables"> = {
  changeable: refused,
  pause: refused,
  resume: refused,
  snapshot: refused,
  request: refused,
  jobs: async () => [],
  job: async () => undefined,
  cancelJob: refused,
  reconciliations: async () => [],
  mismatches: async () => [],
  audit: async () => [],
  deadLetters: async () => [],
  deadLetter: refused,
  replay: refused,
  testNotifications: refused,
  skip: refused,
};
