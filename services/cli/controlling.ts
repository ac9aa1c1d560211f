/** The control process of `offtake run`: its unit, and the API with the dashboard that it answers by. */
import { type Api, createApi } from "../control/api-server.ts";
import { ControlSession } from "../control/control-session.ts";
import { dashboardBundle } from "../control/dashboard-bundle.ts";
import type { Configuration } from "../runtime/configuration.ts";
import type { Log } from "../runtime/log.ts";
import type { Metrics } from "../runtime/metrics.ts";
import type { Unit } from "../runtime/supervisor.ts";
import { version } from "../runtime/version.ts";
import { ControlBoard } from "./control-board.ts";
import { type ControlParts, controlUnit } from "./control-unit.ts";
import { operationsOf } from "./operations.ts";

/** Ended last: what is on its way may still ask. */
export class Controlling implements AsyncDisposable {
  readonly unit: Unit;
  readonly api: Api;
  readonly #control: ControlSession;
  readonly #board: ControlBoard;

  private constructor(parts: ControlParts, api: Api) {
    this.unit = controlUnit(parts);
    this.api = api;
    this.#control = parts.control;
    this.#board = parts.board;
  }

  static async open(configuration: Configuration, log: Log, metrics: Metrics): Promise<Controlling> {
    const control = new ControlSession(configuration.control.url, "offtake control");
    const board = new ControlBoard(configuration);
    const operations = operationsOf({ configuration, control, board });
    const { apiKeys: keys } = configuration.http;
    const api = await createApi({ operations, keys, version, log: log.child({ unit: "http" }), dashboard: dashboardBundle });
    return new Controlling({ configuration, control, board, log, metrics }, api);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.close();
    await this.#board[Symbol.asyncDispose]();
    await this.#control.end();
  }
}
