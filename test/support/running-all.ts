/**
 * `offtake run` in the test's own process, with its supervisors: what a unit ends with is tried again, and /readyz says why it does not work.
 */
import { run } from "../../services/cli/run.ts";
import type { Configuration } from "../../services/runtime/configuration.ts";
import { createLog } from "../../services/runtime/log.ts";
import type { LogLine } from "./running-unit.ts";
import { waitFor } from "./wait-for.ts";

export interface Running extends AsyncDisposable {
  readonly log: readonly LogLine[];
  /** Where it serves /readyz. */
  readonly http: string;
  /** What /readyz says: its status, and the reason of each unit. */
  readyz(): Promise<{ status: number; reasons: Record<string, string> }>;
  /** Why the applier does not work, if it does not. */
  reason(): Promise<string>;
  /** Ends it. @returns whether everything was stopped in order */
  stop(): Promise<boolean>;
}

/** `offtake run` in this process. */
export async function running(configuration: Configuration, kind: "all" | "applier" = "all"): Promise<Running> {
  const stopping = new AbortController();
  const log: LogLine[] = [];
  const say = (text: string): void => {
    const line: LogLine = JSON.parse(text);
    log.push(line);
  };
  const ended = run(configuration, { kind, names: [], httpPort: 0 }, createLog({ env: {}, terminal: false, write: say }), stopping.signal);
  const http = String(await waitFor(() => log.find(({ http: address }) => address !== undefined)?.["http"], { what: "the address of /readyz" }));
  const readyz: Running["readyz"] = async () => {
    const response = await fetch(`${http}/readyz`);
    const { units }: { units: { unit: string; reason: string }[] } = JSON.parse(await response.text());
    return { status: response.status, reasons: Object.fromEntries(units.map(({ unit, reason }) => [unit, reason])) };
  };
  const stop = async (): Promise<boolean> => {
    stopping.abort();
    return ended;
  };
  return {
    log,
    http,
    readyz,
    reason: async () => (await readyz()).reasons["applier trading"] ?? "",
    stop,
    [Symbol.asyncDispose]: async () => void (await stop()),
  };
}
