/**
 * What the HTTP API takes and answers with. Names are public; a later version adds some and takes none away, so objects of answers are open.
 *
 * Source: docs/cli.md for what commands answer, too.
 */
import { z } from "zod";
import { roles } from "./api-keys.ts";

/** PostgreSQL takes no NUL in a text. */
const text = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^[^\0]*$/, "no NUL");
const moment = z.iso.datetime();
const maybe = <T extends z.ZodType>(type: T) => z.union([type, z.null()]);

export const serviceParams = z.strictObject({ service: text(200) });
export const connectorParams = z.strictObject({ name: text(200) });
export const jobParams = z.strictObject({ id: z.string().regex(/^[jc]\d{1,18}$/, "expected j or c and a number") });
export const letterParams = z.strictObject({ id: z.string().regex(/^[A-Za-z0-9._-]{1,200}:\d{1,18}$/, "expected service:number") });
export const nothing = z.strictObject({});

export const page = z.strictObject({
  service: text(200).optional().describe("Of this service alone."),
  table: text(200).optional().describe("Of this table alone, as schema.table."),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe("How many at most, newest first."),
});
export const serviceQuery = z.strictObject({ service: text(200).optional().describe("Of this service alone.") });

const tables = z.array(text(200)).max(1000).default([]).describe("table or schema.table; all of the service where left out.");
export const snapshotBody = z.strictObject({ tables: tables.describe("table or schema.table; those that are marked as not copied where left out.") });
export const reconcileBody = z.strictObject({ tables, level: z.enum(["basic", "detailed", "strict"]).default("detailed") });
export const repairBody = z.strictObject({ tables, dryRun: z.boolean().default(false).describe("Say what is wrong, and publish nothing.") });
export const skipBody = z.strictObject({
  all: z.boolean().default(false).describe("All of its queue."),
  reason: text(1000).describe("For the audit."),
});

const unit = z
  .looseObject({ unit: z.string(), process: z.string(), ready: z.boolean(), reason: z.string(), ageSeconds: z.number() })
  .meta({ id: "Unit" });

export const serviceStatus = z
  .looseObject({
    service: z.string(),
    connector: z.string(),
    slot: z.looseObject({
      name: z.string(),
      word: z.string(),
      reason: z.string(),
      page: z.boolean(),
      active: maybe(z.boolean()),
      retainedBytes: maybe(z.number()),
      safeBytes: maybe(z.number()).describe("WAL that can still be written before the slot may be lost; null for no limit."),
      budgetBytes: z.number().describe("source.maxRetainedWal."),
      growthBytesPerSecond: maybe(z.number()).describe(
        "Of retainedBytes, over the last two minutes; 0 where it does not grow, null where it is not known yet.",
      ),
      secondsToLoss: maybe(z.number()).describe("At that rate; null where it does not grow, has no limit, or is not known."),
    }),
    capturedLsn: maybe(z.string()),
    appliedLsn: maybe(z.string()),
    lag: z.looseObject({
      capture: z.looseObject({ bytes: maybe(z.number()), seconds: maybe(z.number()) }),
      apply: z.looseObject({ bytes: maybe(z.number()), seconds: maybe(z.number()), events: maybe(z.number()) }),
    }),
    eventsPerSecond: maybe(z.number()),
    paused: maybe(z.looseObject({ by: z.string(), since: moment })),
    errors: z.array(z.looseObject({ code: z.string(), message: z.string(), cure: z.string() })),
  })
  .meta({ id: "ServiceStatus", description: "As `offtake status --json` has it, and of the slot what can be said by who looks for a while." });

export const installationStatus = z
  .looseObject({
    at: moment,
    services: z.array(serviceStatus),
    units: maybe(z.array(unit)).describe(
      "What each process says of its connectors, appliers and reconcilers; null while the control database cannot be asked.",
    ),
    validation: maybe(
      z.looseObject({
        at: moment,
        ok: z.boolean(),
        findings: z.array(z.looseObject({ level: z.string(), where: z.string(), what: z.string(), cure: z.string() })),
      }),
    ),
  })
  .meta({ id: "Status" });

export const lag = z
  .looseObject({ service: z.string(), at: moment, lag: serviceStatus.shape.lag, paused: serviceStatus.shape.paused })
  .meta({ id: "Lag" });
export const connectorStatus = z
  .looseObject({
    connector: z.string(),
    service: z.string(),
    at: moment,
    slot: serviceStatus.shape.slot,
    capturedLsn: maybe(z.string()),
    lag: serviceStatus.shape.lag.shape.capture,
    units: maybe(z.array(unit)),
  })
  .meta({ id: "ConnectorStatus" });

export const pauseAnswer = z
  .looseObject({ service: z.string(), changed: z.boolean(), paused: serviceStatus.shape.paused })
  .meta({ id: "PauseAnswer" });

export const job = z
  .looseObject({
    id: z.string(),
    kind: z.enum(["copy", "reconcile", "repair"]),
    service: z.string(),
    tables: z.array(z.string()),
    state: z.enum(["waiting", "running", "done", "failed", "cancelled"]),
    progress: maybe(z.string()),
    rows: maybe(z.number()),
    estimatedRows: maybe(z.number()),
    secondsLeft: maybe(z.number()),
    error: maybe(z.string()),
    result: z.unknown(),
    requestedBy: z.string(),
    requestedAt: moment,
    startedAt: maybe(moment),
    finishedAt: maybe(moment),
  })
  .meta({ id: "Job", description: "Work that takes longer than a request may." });
export const jobs = z.looseObject({ jobs: z.array(job) }).meta({ id: "Jobs" });
export const cancelAnswer = z
  .looseObject({ id: z.string(), cancelled: z.boolean().describe("False for one that was over.") })
  .meta({ id: "CancelAnswer" });

export const reconciliations = z
  .looseObject({
    reconciliations: z.array(
      z.looseObject({
        id: z.string(),
        service: z.string(),
        table: z.string(),
        level: z.string(),
        verdict: z.string(),
        startedAt: moment,
        finishedAt: moment,
        mismatches: z.number(),
      }),
    ),
  })
  .meta({ id: "Reconciliations" });
export const mismatches = z
  .looseObject({
    mismatches: z.array(
      z.looseObject({
        service: z.string(),
        table: z.string(),
        kind: z.enum(["missing", "extra", "differing"]),
        key: z.looseObject({}),
        detail: z.looseObject({}),
        foundAt: moment,
        reconciliation: z.string(),
      }),
    ),
  })
  .meta({ id: "Mismatches", description: "What the newest pass over each table has found wrong, and what the stream has shown since." });
export const audit = z
  .looseObject({
    entries: z.array(
      z.looseObject({
        id: z.string(),
        at: moment,
        who: z.string(),
        action: z.string(),
        service: z.string(),
        subject: z.string(),
        before: z.unknown(),
        after: z.unknown(),
      }),
    ),
  })
  .meta({ id: "Audit" });

export const ownKey = z.looseObject({ name: z.string(), role: z.enum(roles) }).meta({ id: "OwnKey" });

const column = z.array(maybe(z.number()));
export const history = z
  .looseObject({
    service: z.string(),
    everySeconds: z.number(),
    times: z.array(z.number()).describe("Seconds since 1970, oldest first; the other columns have a value for each."),
    captureBytes: column,
    captureSeconds: column,
    applyBytes: column,
    applySeconds: column,
    applyEvents: column,
    eventsPerSecond: column,
    retainedBytes: column.describe("WAL that the slot retains."),
  })
  .meta({ id: "History", description: "The last hour, as far as the process that answers has lived. Null is what was not known." });

const pass = z.looseObject({
  verdict: z.string(),
  level: z.string(),
  finishedAt: moment,
  mismatches: z.number(),
  lastCleanAt: maybe(moment),
  lastPassAt: maybe(moment),
  lastPassMs: maybe(z.number()),
  mismatchRate: z.number(),
});
const copy = z.looseObject({
  state: z.string(),
  rows: z.number(),
  estimatedRows: maybe(z.number()),
  secondsLeft: maybe(z.number()),
  finishedAt: maybe(moment),
  verifiedAt: maybe(moment),
});
export const serviceTables = z
  .looseObject({
    service: z.string(),
    at: moment,
    tables: z.array(
      z.looseObject({
        table: z.string(),
        rows: maybe(z.number()).describe("By the monolith's statistics; null for a table that was never analysed, or where it cannot be asked."),
        pass: maybe(pass).describe("The newest."),
        mismatches: maybe(z.looseObject({ missing: z.number(), extra: z.number(), differing: z.number() })).describe(
          "Null where it was never compared, or is too divergent for its rows to be counted.",
        ),
        copy: maybe(copy).describe("The newest."),
        needsCopy: maybe(z.string()).describe("Why rows of it are missing at the target."),
        parkedKeys: maybe(z.number()).describe("Null where the target cannot be asked."),
        deadLetters: maybe(z.number()),
        alerts: z.array(z.looseObject({ kind: z.string(), detail: z.string(), raisedAt: moment })),
      }),
    ),
    errors: serviceStatus.shape.errors.describe("What could not be found out."),
  })
  .meta({ id: "ServiceTables" });

const letter = z.looseObject({
  id: z.string().describe("service:number"),
  service: z.string(),
  table: z.string(),
  op: z.string(),
  key: z.string(),
  since: moment,
  error: maybe(z.string()),
  cure: maybe(z.string()),
  deadLetters: z.number(),
  keys: z.number(),
});
export const deadLetters = z
  .looseObject({
    queues: z.array(letter).describe("The first of each queue."),
    errors: z
      .array(z.looseObject({ service: z.string(), code: z.string(), message: z.string(), cure: z.string() }))
      .describe("Targets that could not be asked."),
  })
  .meta({ id: "DeadLetters" });
export const shownLetters = z
  .looseObject({
    service: z.string(),
    waiting: z.number().describe("Events of the queue."),
    keys: z.number().describe("Keys that are parked with it."),
    deadLetters: z
      .array(
        z.looseObject({
          id: z.string().describe("service:number"),
          table: z.string(),
          op: z.string(),
          key: z.string(),
          position: z.string(),
          topic: z.string(),
          offset: z.number(),
          since: moment,
          sqlState: maybe(z.string()),
          error: maybe(z.string()).describe("Null for one that only waits behind another."),
          cure: maybe(z.string()),
          row: z.record(z.string(), maybe(z.string())).describe("As the event has it; redacted columns are [redacted]."),
        }),
      )
      .describe("The first hundred of the queue, in their order."),
  })
  .meta({ id: "ShownLetters" });
const audited = z.boolean().describe("False where it is done, and the control database could not take the row of the audit.");
export const replayAnswer = z
  .looseObject({
    service: z.string(),
    replayed: z.array(
      z.looseObject({ id: z.string(), events: z.number(), error: maybe(z.looseObject({ code: z.string(), message: z.string(), cure: z.string() })) }),
    ),
    audited,
  })
  .meta({ id: "ReplayAnswer" });
export const skipAnswer = z.looseObject({ service: z.string(), skipped: z.number(), audited }).meta({ id: "SkipAnswer" });
export const testedWebhooks = z
  .looseObject({
    webhooks: z.array(
      z.looseObject({ webhook: z.string(), error: maybe(z.looseObject({ code: z.string(), message: z.string(), cure: z.string() })) }),
    ),
  })
  .meta({ id: "TestedWebhooks" });
