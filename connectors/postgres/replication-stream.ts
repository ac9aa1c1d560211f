/**
 * A logical replication stream: opened by pg (start-up, authentication, TLS), then walked in place.
 *
 * pg-logical-replication is not used: it confirms LSN + 1, which loses a transaction whose commit record begins there, and a timer of its own
 * confirms what was only received (docs/decisions/0002-replication-client.md). Nothing here confirms anything: status() sends what it is told.
 *
 * Source: PostgreSQL documentation, "Streaming Replication Protocol", START_REPLICATION.
 */
import type { Socket } from "node:net";
import { DatabaseError, escapeIdentifier, type Client } from "pg";
import { messageOf, OfftakeError } from "../../services/runtime/errors.ts";
import type { Secret } from "../../services/runtime/secret.ts";
import { BackendFrames } from "./backend-frames.ts";
import { type Lsn, parseLsn } from "./lsn.ts";
import { standbyStatusUpdate } from "./replication-messages.ts";
import { backendPidOf, endSession, isUnreachable, openSession, sessionError, socketOf, sqlState } from "./session.ts";

/** Who the server is: a position means nothing without it. */
export interface SourceIdentity {
  readonly systemIdentifier: string;
  readonly timeline: number;
  readonly database: string;
}

/** Kinds of backend messages, as their first bytes. */
const Message = { copyBoth: 0x57, copyDone: 0x63, error: 0x45, notice: 0x4e, parameter: 0x53, complete: 0x43, ready: 0x5a } as const;

/** A replication connection before it streams: may ask the server who it is. */
export class ReplicationSession {
  readonly #client: Client;
  readonly #url: Secret;

  private constructor(client: Client, url: Secret) {
    this.#client = client;
    this.#url = url;
  }

  /** @throws OfftakeError SOURCE_UNREACHABLE, SOURCE_REFUSED */
  static async open(url: Secret, applicationName: string): Promise<ReplicationSession> {
    return new ReplicationSession(await openSession(url, { side: "source", applicationName, statementTimeoutMs: 0, replication: true }), url);
  }

  /** The server's process that reads the slot for us. */
  get backendPid(): number {
    return backendPidOf(this.#client);
  }

  async identify(): Promise<SourceIdentity> {
    try {
      const { rows } = await this.#client.query<{ systemid: string; timeline: string; dbname: string }>("IDENTIFY_SYSTEM");
      return { systemIdentifier: rows[0]!.systemid, timeline: Number(rows[0]!.timeline), database: rows[0]!.dbname };
    } catch (error) {
      throw sessionError(error, "source", this.#url);
    }
  }

  /**
   * Where each timeline before this one was left.
   *
   * @param timeline the present one; the first has no history
   */
  async history(timeline: number): Promise<{ timeline: number; endedAt: Lsn }[]> {
    if (timeline === 1) return [];
    try {
      const { rows } = await this.#client.query<{ content: string }>(`TIMELINE_HISTORY ${timeline}`);
      return parseTimelineHistory(rows[0]!.content);
    } catch (error) {
      throw sessionError(error, "source", this.#url);
    }
  }

  /**
   * Begins to stream from where the slot stands. The session becomes the stream.
   *
   * @throws OfftakeError SLOT_MISSING, SLOT_IN_USE, SLOT_LOST, SOURCE_UNSUITABLE, SOURCE_REFUSED, SOURCE_UNREACHABLE
   */
  async stream(slot: string, publication: string): Promise<ReplicationStream> {
    const command = `START_REPLICATION SLOT ${escapeIdentifier(slot)} LOGICAL 0/0 (proto_version '1', publication_names ${commandLiteral(escapeIdentifier(publication))}, messages 'true')`;
    const stream = new ReplicationStream(socketOf(this.#client));
    try {
      await stream.start(command);
      return stream;
    } catch (error) {
      await stream.end();
      throw slotError(error, slot) ?? sessionError(error, "source", this.#url);
    }
  }

  async end(): Promise<void> {
    await endSession(this.#client);
  }
}

/** A line of the history file is a timeline, a tab, and the LSN at which the next one left it. */
export function parseTimelineHistory(content: string): { timeline: number; endedAt: Lsn }[] {
  return content
    .split("\n")
    .map((line) => /^(\d+)\t([0-9A-F]+\/[0-9A-F]+)/.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({ timeline: Number(match[1]), endedAt: parseLsn(match[2]!) }));
}

/** Why the server does not give the slot, as far as it says so by SQLSTATE and text. */
function slotError(error: unknown, slot: string): OfftakeError | undefined {
  const why = messageOf(error);
  switch (sqlState(error)) {
    case "42704":
      return new OfftakeError("SLOT_MISSING", `The slot ${slot} does not exist at the source.`, {
        cause: error,
        cure: "If it never did, `offtake up` creates it. If it was dropped, the WAL since then is gone.",
      });
    case "55006":
      return new OfftakeError("SLOT_IN_USE", `The slot ${slot} is read by another process: ${why}.`, {
        cause: error,
        cure: "If that is another connector of the same name, this one waits as its standby.",
      });
    case "55000":
      if (why.includes("wal_level"))
        return new OfftakeError("SOURCE_UNSUITABLE", `The slot ${slot} cannot be read: ${why}.`, {
          cause: error,
          cure: "ALTER SYSTEM SET wal_level = 'logical'; and restart the source.",
        });
      return new OfftakeError("SLOT_LOST", `The slot ${slot} can no longer be read: ${why}.`, {
        cause: error,
        cure: "WAL that it needed is gone. Raise max_slot_wal_keep_size.",
      });
    default:
      return undefined;
  }
}

export class ReplicationStream {
  readonly frames = new BackendFrames();
  /** Called after each read, with whole messages in `frames`. */
  onBytes: () => void = () => {};
  /** Called once when the stream is over and nobody has ended it. */
  onEnd: (error: OfftakeError) => void = () => {};

  readonly #socket: Socket;
  #ended = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Sends the command and waits for the server to begin copying. From then on the stream is paused until resume(). */
  async start(command: string): Promise<void> {
    const socket = this.#socket;
    socket.removeAllListeners("data");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (error: Error): void => {
      reject(error);
      if (this.#ended) return;
      this.#ended = true;
      this.onEnd(over(error));
    };
    socket.once("error", fail);
    socket.once("close", () => fail(new Error("the server closed the replication connection")));
    const begun = (chunk: Buffer): void => {
      this.frames.push(chunk);
      try {
        while (this.frames.next()) {
          const { kind } = this.frames;
          if (kind === Message.error) return reject(serverError(this.frames.bytes, this.frames.start, this.frames.end));
          if (kind !== Message.copyBoth) continue;
          socket.pause();
          socket.off("data", begun);
          socket.on("data", (next: Buffer) => {
            this.frames.push(next);
            this.onBytes();
          });
          return resolve();
        }
      } catch (error) {
        reject(error);
      }
    };
    socket.on("data", begun);
    socket.write(simpleQuery(command));
    await promise;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /**
   * What to do with a message that is not CopyData.
   *
   * @throws OfftakeError SOURCE_UNREACHABLE, STREAM_REFUSED when the server ends the stream
   */
  other(kind: number, bytes: Buffer, start: number, end: number): void {
    if (kind === Message.error) throw over(serverError(bytes, start, end));
    if (kind === Message.copyDone || kind === Message.complete || kind === Message.ready) throw over(new Error("the server is shutting down"));
  }

  /** Tells the server how far the connector is. See standbyStatusUpdate for what each means. */
  status(written: Lsn, flushed: Lsn, replyNow: boolean): void {
    if (!this.#ended) this.#socket.write(standbyStatusUpdate(written, flushed, Date.now(), replyNow));
  }

  /** Ends the connection as a network does: whoever uses it is told so. */
  cut(): void {
    this.#socket.destroy();
  }

  async end(): Promise<void> {
    this.#ended = true;
    if (this.#socket.destroyed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once("close", resolve);
    // What was written last (a status update) leaves before the connection does.
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), 1000);
    this.#socket.resume();
    await promise;
    clearTimeout(timer);
  }
}

/** Query 'Q' length:int32 text:string. */
function simpleQuery(text: string): Buffer {
  const query = Buffer.alloc(5 + Buffer.byteLength(text) + 1);
  query[0] = 0x51;
  query.writeInt32BE(query.length - 1, 1);
  query.write(text, 5);
  return query;
}

export const unpublishedCure =
  "The publication is younger than a change that the slot has still to send, and PostgreSQL before 18 cannot pass such a change by: this slot is of no more use. The service's tables have to be copied again.";

/** An error that the server sends again at every start is a person's to mend; of all others the next start finds out what can be done about them. */
function over(reason: Error): OfftakeError {
  if (!isUnreachable(reason))
    return new OfftakeError("STREAM_REFUSED", `The source ended the replication stream: ${reason.message} (${sqlState(reason)}).`, {
      cause: reason,
      cure: isUnpublished(reason)
        ? unpublishedCure
        : "The server's log says more. Nothing is lost as long as the slot keeps its WAL; the connector looks again every half minute.",
    });
  return new OfftakeError("SOURCE_UNREACHABLE", `The replication stream ended: ${reason.message}.`, { cause: reason });
}

/** The server reads a publication as it was when the change was made. PostgreSQL 18 goes on without it, and the rows are missing; before, it ends the stream every time. */
function isUnpublished(reason: Error): boolean {
  return sqlState(reason) === "42704" && reason.message.startsWith("publication ");
}

/** ErrorResponse is fields of a code byte and a string each, and a zero byte at the end: C the SQLSTATE, M the message. As pg throws it. */
function serverError(bytes: Buffer, start: number, end: number): DatabaseError {
  const fields = new Map<string, string>();
  for (let at = start; at < end && bytes[at] !== 0;) {
    const zero = bytes.indexOf(0, at);
    const until = zero === -1 || zero > end ? end : zero;
    fields.set(String.fromCharCode(bytes[at]!), bytes.toString("utf8", at + 1, until));
    at = until + 1;
  }
  const error = new DatabaseError(fields.get("M") ?? "the server reports an error", end - start, "error");
  error.code = fields.get("C");
  return error;
}

/** Commands of the protocol know no escapes and no E'…', which pg's own escapeLiteral writes for a backslash. Source: PostgreSQL, repl_scanner.l. */
function commandLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
