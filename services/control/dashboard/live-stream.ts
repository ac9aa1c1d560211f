/**
 * Keeps the board at what is: reads the stream of events, and when it breaks comes back to it with the number that it saw last, so that nothing is missed. A page that shows the figures of
 * before and does not say so is worse than none: since when they are old is told at once.
 *
 * A stream that says nothing is broken, too: the server gives a sign of life every ten seconds.
 */
import { signal } from "@preact/signals";
import { type ApiClient, ApiProblem, troubleIn } from "./api-client.ts";
import { EventStreamParser, type StreamEvent } from "./event-stream.ts";
import { retryPauseMs } from "./retry-pause.ts";
import type { ShownStatus, StatusPatch, Trouble } from "./shown-status.ts";
import type { StatusBoard } from "./status-board.ts";

/** Milliseconds without a byte. */
const silentMs = 25_000;

/** How the stream is. */
export type Liveness =
  | { readonly state: "opening" }
  | { readonly state: "live" }
  /** @property since ISO 8601, by the clock of the browser; undefined where it has never worked */
  | { readonly state: "broken"; readonly since: string | undefined; readonly trouble: Trouble };

export class LiveStream {
  readonly liveness = signal<Liveness>({ state: "opening" });
  readonly #client: ApiClient;
  readonly #board: StatusBoard;
  #lastEventId = "";
  #heardAt: string | undefined;

  constructor(client: ApiClient, board: StatusBoard) {
    this.#client = client;
    this.#board = board;
  }

  /** Until it is stopped, or the key is refused. Never throws. */
  async follow(stopped: AbortSignal): Promise<void> {
    let failures = 0;
    const heard = (): void => void (failures = 0);
    while (!stopped.aborted) {
      const trouble = await this.#read(stopped, heard).catch((error: unknown) => (error instanceof ApiProblem ? error : cutOff));
      if (stopped.aborted || (trouble instanceof ApiProblem && trouble.status === 401)) return;
      failures += 1;
      const { value } = this.liveness;
      const since = value.state === "broken" ? value.since : this.#heardAt;
      this.liveness.value = { state: "broken", since, trouble: trouble instanceof ApiProblem ? troubleIn(trouble) : trouble };
      await waited(retryPauseMs(failures, Math.random()), stopped);
    }
  }

  /** @returns why it has ended */
  async #read(stopped: AbortSignal, heard: () => void): Promise<Trouble> {
    const over = new AbortController();
    const end = (): void => over.abort();
    let timer = setTimeout(end, silentMs);
    try {
      const stream = await this.#client.stream(this.#lastEventId, AbortSignal.any([stopped, over.signal]));
      const parser = new EventStreamParser(this.#lastEventId);
      const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return cutOff;
        clearTimeout(timer);
        timer = setTimeout(end, silentMs);
        for (const event of parser.feed(value)) this.#take(event);
        this.#lastEventId = parser.lastEventId;
        this.#heardAt = new Date().toISOString();
        if (this.liveness.peek().state !== "live") this.liveness.value = { state: "live" };
        heard();
      }
    } finally {
      clearTimeout(timer);
      end();
    }
  }

  #take({ event, data }: StreamEvent): void {
    if (event === "status") {
      const status: ShownStatus = JSON.parse(data);
      this.#board.replace(status);
    } else if (event === "patch") {
      const patch: StatusPatch = JSON.parse(data);
      this.#board.patch(patch);
    }
  }
}

const cutOff: Trouble = { code: "PAGE_STREAM_ENDED", message: "The connection has ended.", cure: "" };

/** Until the time is over, the network is back, or it is stopped. */
async function waited(milliseconds: number, stopped: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const over = new AbortController();
    const end = (): void => {
      over.abort();
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end, { signal: over.signal });
    stopped.addEventListener("abort", end, { signal: over.signal });
  });
}
