/**
 * What a reconciler does beside its passes, for as long as it has the lock: it looks at rows that have just changed (stream-check.ts), and raises and clears alerts (alert-watch.ts). Trouble
 * here ends no pass: it is told, and tried again.
 */
import { withControl } from "../control/control-session.ts";
import { recordPass } from "../control/pass-history.ts";
import { Backoff } from "../runtime/backoff.ts";
import { Complaints } from "../runtime/complaints.ts";
import { asOfftakeError } from "../runtime/errors.ts";
import { waitOrStop } from "../runtime/stop-signal.ts";
import { reconcilePolicy } from "../runtime/table-mapping.ts";
import { fullName } from "../runtime/table-pattern.ts";
import { watchAlerts } from "./alert-watch.ts";
import type { Decided } from "./candidates.ts";
import { ServicePasses } from "./reconcile-service.ts";
import type { ReconcilerContext, Scheduled } from "./reconciler.ts";
import { reportedKey } from "./report.ts";
import type { Waiting } from "./reverify-queue.ts";
import { checkStream } from "./stream-check.ts";
import { StreamFindings, streamReport } from "./stream-findings.ts";

/** Milliseconds for which a row may be hot, and the source may hold back what is applied: the next change asks for it again. */
const patience = { hotMs: 5000, unseenMs: 2000 };

export class BetweenPasses {
  readonly #context: ReconcilerContext;
  readonly #stopping = new AbortController();
  readonly #findings = new StreamFindings();
  readonly #ended: Promise<void>;
  /** What is compared by itself; undefined before anybody has looked. */
  schedule: readonly Scheduled[] | undefined;

  constructor(context: ReconcilerContext) {
    this.#context = context;
    this.#ended = Promise.all([this.#run(), watchAlerts(context, () => this.schedule, this.#stopping.signal)]).then(() => undefined);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ended;
  }

  /** Never throws. */
  async #run(): Promise<void> {
    const { connector, log, metrics, pauses, service } = this.#context;
    const { signal } = this.#stopping;
    if (!service.tables.some(({ reconcile }) => reconcile !== undefined && reconcile.level !== "basic")) return;
    const complaints = new Complaints(log, metrics);
    const backoff = new Backoff(500, 10_000);
    while (!signal.aborted) {
      await pauses.until(connector.name, "resumed", signal);
      const check = async (turn: AbortSignal): Promise<void> => {
        try {
          await this.#check(turn);
          backoff.reset();
        } catch (thrown) {
          if (!turn.aborted) complaints.say(asOfftakeError(thrown), "rows that change are not looked at for the moment; passes go on");
        }
      };
      await pauses.untilPaused(connector.name, check, signal);
      await waitOrStop(backoff.next(), signal);
    }
  }

  async #check(signal: AbortSignal): Promise<void> {
    const { configuration, connector, service } = this.#context;
    const passes = await ServicePasses.open({ configuration, connector, service, tables: [], level: "strict", signal, ...patience });
    try {
      const takes = (table: Waiting["table"]): boolean => (reconcilePolicy(service, table)?.level ?? "basic") !== "basic";
      const looked = async (waiting: Waiting, decided: Decided): Promise<void> => this.#looked(waiting, decided);
      await checkStream({ configuration, service, passes, takes, looked }, signal);
    } finally {
      await passes.end();
    }
  }

  async #looked({ table: name, columns, keys }: Waiting, decided: Decided): Promise<void> {
    const { configuration, connector, service, log, metrics } = this.#context;
    const table = fullName(name);
    const labels = { service: service.name, table };
    metrics.reconcileStreamRowsTotal.inc(labels, keys.length);
    const asked = keys.map((key) => reportedKey(columns, key));
    const found = this.#findings.fresh(table, asked, decided);
    const counts = { missing: found.missing.length, extra: found.extra.length, differing: found.differing.length };
    for (const [kind, count] of Object.entries(counts)) if (count > 0) metrics.reconcileStreamMismatchesTotal.inc({ ...labels, kind }, count);
    if (counts.missing + counts.extra + counts.differing === 0) return;
    log.warn({ table, ...counts }, "rows that have just changed are wrong at the target");
    const report = streamReport({ service: service.name, table, startedAt: new Date().toISOString() }, keys.length, decided, found);
    await withControl(configuration.control.url, `offtake ${service.name} reconciler`, async (control) =>
      recordPass(control, connector.name, report),
    );
    this.#findings.recorded(table, found);
  }
}
