/** The HTTP API over a pipeline of a test's own, in this process, with a key of each role. */
import { newApiKey, type Role, roles } from "../../../services/control/api-keys.ts";
import { createApi } from "../../../services/control/api-server.ts";
import { dashboardBundle } from "../../../services/control/dashboard-bundle.ts";
import { ControlSession } from "../../../services/control/control-session.ts";
import { ControlBoard } from "../../../services/cli/control-board.ts";
import { operationsOf } from "../../../services/cli/operations.ts";
import type { Configuration } from "../../../services/runtime/configuration.ts";
import { startHealthServer } from "../../../services/runtime/health-server.ts";
import { createLog } from "../../../services/runtime/log.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";

export interface Answered {
  readonly status: number;
  readonly type: string;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ServedApi extends AsyncDisposable {
  readonly url: string;
  /** What a key of each role is. */
  readonly keys: Readonly<Record<Role, string>>;
  /** What went wrong that is a fault of Offtake. */
  readonly faults: readonly string[];
  /** @param key undefined for none. @param path below /api/v1 */
  ask(method: string, path: string, options?: { key?: string | undefined; body?: unknown; text?: string; type?: string }): Promise<Answered>;
}

export async function servedApi(configuration: Configuration, requestsPerMinute = 100_000): Promise<ServedApi> {
  const made = roles.map((role) => ({ name: `the ${role}`, role, ...newApiKey() }));
  const faults: string[] = [];
  const log = createLog({ env: {}, terminal: false, write: (line) => void faults.push(line) });
  const control = new ControlSession(configuration.control.url, "offtake test api");
  const board = new ControlBoard(configuration);
  const operations = operationsOf({ configuration, control, board });
  const keys = made.map(({ name, role, hash }) => ({ name, role, hash }));
  const api = await createApi({ operations, keys, version: "test", log, dashboard: dashboardBundle, requestsPerMinute });
  const server = await startHealthServer({ host: "127.0.0.1", port: 0, metrics: createMetrics("test"), readiness: () => [], rest: api.handle });
  const url = `http://127.0.0.1:${server.port}`;
  return {
    url,
    keys: { viewer: made[0]!.key, operator: made[1]!.key, admin: made[2]!.key },
    faults,
    ask: async (method, path, { key, body, text, type = "application/json" } = {}) => {
      const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: { ...(key === undefined ? {} : { authorization: `Bearer ${key}` }), ...(sent === undefined ? {} : { "content-type": type }) },
        ...(sent === undefined ? {} : { body: sent }),
      });
      const answered: Record<string, unknown> = JSON.parse(await response.text());
      return { status: response.status, type: response.headers.get("content-type")?.split(";")[0] ?? "", headers: response.headers, body: answered };
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      await api.close();
      await board[Symbol.asyncDispose]();
      await control.end();
    },
  };
}
