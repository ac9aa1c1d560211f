/**
 * What has changed, told to everybody who listens, once a second at most. Nobody listens, nobody looks. Messages have numbers, and the last few minutes of them are kept: whose connection has
 * broken says the last number that it saw, and misses nothing.
 */
import { randomBytes } from "node:crypto";
import type { Writable } from "node:stream";
import { waitOrStop } from "../runtime/stop-signal.ts";
import type { Operations, ShownStatus } from "./operations.ts";

/** Milliseconds between two looks; messages that are kept; looks without any change until a sign of life. */
const lookMs = 1000;
const kept = 300;

/** Characters of the messages that are kept: a patch of an installation that goes up and down as a whole is long. */
const mostKept = 16 << 20;
const quietLooks = 10;

/** Listeners at a time: each is an open connection. */
export const mostListeners = 100;

/** Bytes that a listener may leave unread, besides the first message: the status of a large installation is larger than that. */
const mostUnread = 4 << 20;

/**
 * Tells a connection. One that nobody reads any more, of a laptop that sleeps, is cut: what it is told would be kept for it until the process has no memory left. One on
 * a slow line has time for its first message: cut in the middle of that, it would begin again for ever.
 */
export function tellerOf(connection: Writable): (text: string) => void {
  let first: number | undefined;
  return (text) => {
    first ??= text.length;
    if (connection.writableLength > first + mostUnread) connection.destroy();
    else connection.write(text);
  };
}

interface Message {
  readonly number: number;
  readonly text: string;
}

export class EventFeed {
  readonly #status: Operations["status"];
  /** Numbers of another process, or of one from before, are not taken for its own. */
  readonly #epoch = randomBytes(6).toString("hex");
  readonly #listeners = new Set<(text: string) => void>();
  #messages: Message[] = [];
  #number = 0;
  #newest: ShownStatus | undefined;
  #watching: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(status: Operations["status"]) {
    this.#status = status;
  }

  get isFull(): boolean {
    return this.#listeners.size >= mostListeners;
  }

  /**
   * Tells what was missed, or everything, and from then on what changes.
   *
   * @param lastEventId as the listener has it from an earlier connection
   * @returns ends it
   */
  async listen(lastEventId: string | undefined, tell: (text: string) => void): Promise<() => void> {
    this.#newest ??= await this.#status();
    const missed = this.#missed(lastEventId)
      ?.map(({ text }) => text)
      .join("");
    if (missed !== "") tell(shorter(missed, eventText(this.#id(this.#number), "status", this.#newest)));
    this.#listeners.add(tell);
    this.#watching ??= this.#watch();
    return () => {
      this.#listeners.delete(tell);
      if (this.#listeners.size > 0) return;
      this.#watching?.stop.abort();
      this.#watching = undefined;
    };
  }

  async close(): Promise<void> {
    this.#listeners.clear();
    this.#watching?.stop.abort();
    await this.#watching?.ended;
  }

  #watch(): { stop: AbortController; ended: Promise<void> } {
    const stop = new AbortController();
    const loop = async (): Promise<void> => {
      for (let quiet = 1; (await waitOrStop(lookMs, stop.signal)) === "elapsed"; quiet += 1) {
        if (await this.#look()) quiet = 0;
        else if (quiet % quietLooks === 0) for (const tell of this.#listeners) tell(": nothing has changed\n\n");
      }
    };
    return { stop, ended: loop() };
  }

  /** @returns whether something has changed */
  async #look(): Promise<boolean> {
    const status = await this.#status();
    const patch = this.#newest === undefined ? status : patchOf(this.#newest, status);
    this.#newest = status;
    if (patch === undefined) return false;
    this.#number += 1;
    const text = eventText(this.#id(this.#number), "patch", patch);
    this.#messages = newestOf([...this.#messages, { number: this.#number, text }]);
    for (const tell of this.#listeners) tell(text);
    return true;
  }

  #id(number: number): string {
    return `${this.#epoch}-${number}`;
  }

  /** Undefined where it is not known what was missed. While nobody listened nobody looked: the next look tells what has changed since. */
  #missed(lastEventId: string | undefined): Message[] | undefined {
    const [epoch, text = ""] = (lastEventId ?? "").split("-");
    const number = Number(text);
    const isKnown = epoch === this.#epoch && /^\d+$/.test(text) && number <= this.#number && number >= this.#number - this.#messages.length;
    return isKnown ? this.#messages.filter((message) => message.number > number) : undefined;
  }
}

/** Whoever was away for long is told everything anew where that is less. In one piece: what a listener has time for is reckoned from its first message. */
function shorter(missed: string | undefined, status: string): string {
  return missed === undefined || missed.length > status.length ? status : missed;
}

/** Those that are kept: without the oldest, as long as they are too many or too long. Pure. */
export function newestOf<T extends { readonly text: string }>(messages: readonly T[]): T[] {
  let length = 0;
  const tooOld = messages.findLastIndex(({ text }) => (length += text.length) > mostKept);
  return messages.slice(Math.max(tooOld + 1, messages.length - kept, 0));
}

/**
 * Of each service that has changed its name and what has, and the rest where it has. Lag changes every second, and what is known of two hundred tables does not: whole services would be megabytes a
 * second, which a page has no time to read.
 *
 * Pure. @returns undefined where nothing has changed but the time
 */
export function patchOf(before: ShownStatus, now: ShownStatus): Readonly<Record<string, unknown>> | undefined {
  const earlier = new Map(before.services.map((each) => [each.service, new Map<string, unknown>(Object.entries(each))]));
  const services = now.services.flatMap((service) => {
    const then = earlier.get(service.service);
    const changed = Object.entries(service).filter(([name, value]) => JSON.stringify(then?.get(name)) !== JSON.stringify(value));
    return changed.length === 0 ? [] : [{ service: service.service, ...Object.fromEntries(changed) }];
  });
  const rest = (["units", "validation"] as const).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]));
  if (services.length === 0 && rest.length === 0) return undefined;
  return { at: now.at, services, ...Object.fromEntries(rest.map((name) => [name, now[name]])) };
}

/** Source: HTML Standard, "Server-sent events". */
function eventText(id: string, event: string, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
