/**
 * Server-sent events out of the text of a response, however it was cut on its way. A parser that loses the line that is cut in two shows figures of a minute ago and says that they are live.
 *
 *     stream  = *( block )
 *     block   = *( line ) blank                  dispatched, unless it has no data
 *     line    = ":" any end                      a comment
 *             | name [ ":" [ " " ] value ] end   event, data (joined by LF), id (unless it has a NUL); others, retry too, mean nothing here
 *     blank   = end
 *     end     = CR LF | LF | CR                  a CR that ends a chunk may be half of one
 *
 * EventSource is no way to have them: it cannot send a key. Pure.
 *
 * Source: HTML Standard, "Server-sent events", 9.2.5 and 9.2.6. The byte order mark at the start is the decoder's.
 */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

export class EventStreamParser {
  /** Of the newest event; what to come back with. Empty for none. */
  lastEventId = "";
  /** Of the line under way. Joined once, when it is whole: a status of megabytes comes in a hundred chunks. */
  #pieces: string[] = [];
  #data: string[] = [];
  #event = "";
  #id = "";
  #endedByReturn = false;

  /** @param lastEventId of the connection before */
  constructor(lastEventId = "") {
    this.lastEventId = lastEventId;
    this.#id = lastEventId;
  }

  /** @returns events that are whole now, in their order */
  feed(text: string): StreamEvent[] {
    const events: StreamEvent[] = [];
    let start = this.#endedByReturn && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#endedByReturn = false;
    const next = { feed: indexOrEnd(text, "\n", start), return: indexOrEnd(text, "\r", start) };
    for (;;) {
      const end = Math.min(next.feed, next.return);
      if (end === text.length) break;
      this.#pieces.push(text.slice(start, end));
      const line = this.#pieces.join("");
      this.#pieces = [];
      start = end + (text.startsWith("\r\n", end) ? 2 : 1);
      this.#endedByReturn = text[end] === "\r" && start === text.length;
      if (next.feed < start) next.feed = indexOrEnd(text, "\n", start);
      if (next.return < start) next.return = indexOrEnd(text, "\r", start);
      const event = this.#take(line);
      if (event !== undefined) events.push(event);
    }
    if (start < text.length) this.#pieces.push(text.slice(start));
    return events;
  }

  #take(line: string): StreamEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return undefined;
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "event") this.#event = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) this.#id = value;
    return undefined;
  }

  #dispatch(): StreamEvent | undefined {
    const { event, data } = { event: this.#event, data: this.#data };
    this.lastEventId = this.#id;
    this.#event = "";
    this.#data = [];
    return data.length === 0 ? undefined : { event: event === "" ? "message" : event, data: data.join("\n") };
  }
}

function indexOrEnd(text: string, wanted: string, from: number): number {
  const found = text.indexOf(wanted, from);
  return found === -1 ? text.length : found;
}
