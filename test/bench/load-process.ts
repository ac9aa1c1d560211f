/**
 * The windows' load, in a process and a session of its own. In the bench's session Linux gives it a part of one share of the cores, together with the connector and the
 * applier (sched_autogroup): its transactions were slow since the load itself had no core, which an application on a machine of its own has.
 *
 * This file is both ends: what starts the process, and the process.
 *
 * Source: sched(7), The autogroup feature.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { OpenLoop, type Rate, type TransactionTimes } from "./open-loop.ts";
import { SteadyChanges } from "./steady-changes.ts";

type Question = "take" | "stop";

const number = z.number();
const orderShape = z.object({
  url: z.string(),
  rate: z.object({ perSecond: number, connections: number }),
  rows: number,
  from: number,
  hot: number.optional(),
});
const timesShape = z.object({
  p50: number,
  p90: number,
  p99: number,
  max: number,
  transactions: number,
  perSecond: number,
  seconds: number,
  lateP99: number,
});
/** Times where they were asked for. */
const answerShape = z.object({ failure: z.string().optional(), times: timesShape.optional() });

type Answer = z.infer<typeof answerShape>;

export interface LoadOrder {
  readonly url: string;
  readonly rate: Rate;
  /** Of the table as it was filled. */
  readonly rows: number;
  /** Changes that earlier loads have made, at most. */
  readonly from: number;
  /** Rows that every fifth change is made to. */
  readonly hot?: number | undefined;
}

export class LoadProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(order: LoadOrder): Promise<LoadProcess> {
    const child = fork(fileURLToPath(import.meta.url), [JSON.stringify(order)], { detached: true });
    const process = new LoadProcess(child);
    await process.#answer();
    return process;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Of the transactions since the last call. @throws where one has failed */
  async take(): Promise<TransactionTimes> {
    const { times } = await this.#ask("take");
    if (times === undefined) throw new Error("the load has stopped");
    return times;
  }

  /** Returns when all of its transactions have ended. Again and again is fine. @throws where one has failed */
  async stop(): Promise<void> {
    if (!this.#child.connected) return;
    try {
      await this.#ask("stop");
    } finally {
      if (this.#child.connected) this.#child.disconnect();
    }
  }

  async #ask(question: Question): Promise<Answer> {
    const answer = this.#answer();
    this.#child.send(question);
    return answer;
  }

  /** Of the process to the last question; it answers once when it has started. */
  async #answer(): Promise<Answer> {
    const answered = new AbortController();
    const { signal } = answered;
    try {
      const ended = once(this.#child, "exit", { signal }).then(() => [{ failure: "the load's process has ended" }]);
      const [message] = await Promise.race([once(this.#child, "message", { signal }), ended]);
      const answer = answerShape.parse(message);
      if (answer.failure !== undefined) throw new Error(answer.failure);
      return answer;
    } finally {
      answered.abort();
    }
  }
}

async function runLoad(send: (answer: Answer) => void): Promise<void> {
  const { url, rate, rows, from, hot } = orderShape.parse(JSON.parse(process.argv[2]!));
  const changes = new SteadyChanges(rows, from, hot);
  const load = await OpenLoop.start(url, rate, () => changes.next());
  // Whoever wanted it is gone.
  process.on("disconnect", () => process.exit());
  process.on("message", (question: Question) => {
    const answer = async (): Promise<Answer> => {
      if (question === "take") return { times: load.take() };
      await load.stop();
      return {};
    };
    void answer().then(send, (error: unknown) => send({ failure: String(error) }));
  });
  send({});
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await runLoad((answer) => void process.send?.(answer));
