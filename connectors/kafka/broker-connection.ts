/**
 * A connection to one broker for produce and fetch. The library opens it (TCP, TLS, SASL); then its own reader is taken off the socket, since it joins every
 * request and every response from pieces, which at a megabyte each is half of the client's work.
 *
 * A broker answers the requests of a connection in their order, so an answer that is not for the oldest request is the end of the connection.
 *
 *     Request    size:int32 api_key:int16 api_version:int16 correlation:int32 client_id:string tags body
 *     Response   size:int32 correlation:int32 tags body                               (tags: a byte 0, since none are known)
 *
 * Source: Apache Kafka documentation, "Protocol", Request Header v2, Response Header v1.
 */
import type { Socket } from "node:net";
import { Connection, type ConnectionOptions } from "@platformatic/kafka";
import { OfftakeError } from "../../services/runtime/errors.ts";
import { kafkaError } from "./kafka-errors.ts";

/** An answer, from behind the response header on, or why there is none. */
export type Answered = (error: OfftakeError | undefined, body: Buffer) => void;

interface Waiting {
  readonly correlation: number;
  readonly answered: Answered;
  readonly until: number;
  /** Gives the memory for the answer. */
  readonly room: (size: number) => Buffer;
}

/** No broker sends more: socket.request.max.bytes is 100 MiB by default, and a fetch is bounded by what was asked for and one batch. */
const maxResponse = 512 << 20;

const nothing = Buffer.alloc(0);

function newRoom(size: number): Buffer {
  return Buffer.allocUnsafeSlow(size);
}

export class BrokerConnection {
  /** Called once when it is over, after every request has been told. */
  closed: () => void = () => {};

  readonly #socket: Socket;
  readonly #clientId: Buffer;
  readonly #timeoutMs: number;
  readonly #waiting: Waiting[] = [];
  readonly #watch: NodeJS.Timeout;
  #correlation = 0;
  /** The size of a response that is being collected, its bytes so far, or 4 bytes of size first. */
  readonly #size = Buffer.alloc(4);
  #sizeHave = 0;
  #response: Buffer | undefined;
  #have = 0;
  #over = false;

  private constructor(socket: Socket, clientId: string, timeoutMs: number) {
    this.#socket = socket;
    this.#clientId = Buffer.from(clientId);
    this.#timeoutMs = timeoutMs;
    socket.removeAllListeners("data");
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.once("close", () => this.#end("the broker closed the connection"));
    this.#watch = setInterval(() => this.#checkTimeout(), Math.min(1000, timeoutMs));
    this.#watch.unref();
  }

  /**
   * @param timeoutMs after which a request without an answer ends the connection
   * @throws OfftakeError KAFKA_UNREACHABLE, KAFKA_REFUSED
   */
  static async open(
    broker: { host: string; port: number },
    clientId: string,
    options: ConnectionOptions,
    timeoutMs: number,
  ): Promise<BrokerConnection> {
    const connection = new Connection(clientId, options);
    // The library reports a failure to the caller and as an event; an event nobody listens to would end the process.
    connection.on("error", () => {});
    // A SASL session that is about to expire: its answers would come where ours do. A new connection is a new session.
    connection.reauthenticate = () => void connection.socket.destroy();
    try {
      await connection.connect(broker.host, broker.port);
    } catch (error) {
      throw kafkaError(error, `accept a connection at ${broker.host}:${broker.port}`);
    }
    return new BrokerConnection(connection.socket, clientId, timeoutMs);
  }

  get isOpen(): boolean {
    return !this.#over;
  }

  /**
   * Sends a request of a version with flexible headers.
   *
   * @param body written as it is, not copied: it must not change before it is answered
   * @param answered called exactly once
   * @param room gives the memory for an answer of so many bytes
   */
  send(apiKey: number, apiVersion: number, body: readonly Buffer[], answered: Answered, room = newRoom): void {
    if (this.#over) {
      answered(unanswered("the connection is closed"), nothing);
      return;
    }
    this.#correlation = (this.#correlation + 1) & 0x7fff_ffff;
    const header = Buffer.allocUnsafe(15 + this.#clientId.length);
    header.writeInt32BE(header.length - 4 + body.reduce((sum, part) => sum + part.length, 0), 0);
    header.writeInt16BE(apiKey, 4);
    header.writeInt16BE(apiVersion, 6);
    header.writeInt32BE(this.#correlation, 8);
    header.writeInt16BE(this.#clientId.length, 12);
    this.#clientId.copy(header, 14);
    header[14 + this.#clientId.length] = 0;
    this.#waiting.push({ correlation: this.#correlation, answered, until: Date.now() + this.#timeoutMs, room });
    this.#socket.cork();
    this.#socket.write(header);
    for (const part of body) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** @returns the answer; rejects with what `answered` would be told */
  async request(apiKey: number, apiVersion: number, body: Buffer, room = newRoom): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const answered: Answered = (error, answer) => {
        if (error === undefined) resolve(answer);
        else reject(error);
      };
      this.send(apiKey, apiVersion, [body], answered, room);
    });
  }

  /** Ends it as a network does: whoever waits is told so later. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Ends it; requests that are not answered are told so. */
  destroy(): void {
    this.#socket.destroy();
    this.#end("the connection was given up");
  }

  #read(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.#over;) {
      if (this.#response === undefined) {
        this.#size[this.#sizeHave] = chunk[at]!;
        this.#sizeHave += 1;
        at += 1;
        if (this.#sizeHave === 4) this.#begin();
        continue;
      }
      const length = Math.min(this.#response.length - this.#have, chunk.length - at);
      chunk.copy(this.#response, this.#have, at, at + length);
      this.#have += length;
      at += length;
      if (this.#have === this.#response.length) this.#complete(this.#response);
    }
  }

  #begin(): void {
    const size = this.#size.readInt32BE(0);
    this.#sizeHave = 0;
    if (size < 5 || size > maxResponse) {
      this.#fail(`a response of ${size} bytes`);
      return;
    }
    this.#response = (this.#waiting[0]?.room ?? newRoom)(size);
    this.#have = 0;
  }

  #complete(response: Buffer): void {
    this.#response = undefined;
    const request = this.#waiting.shift();
    if (request === undefined || response.readInt32BE(0) !== request.correlation) {
      if (request !== undefined) this.#waiting.unshift(request);
      this.#fail("an answer to a request that is not the oldest");
      return;
    }
    if (response[4] !== 0) {
      this.#waiting.unshift(request);
      this.#fail("a response header with tags");
      return;
    }
    request.answered(undefined, response.subarray(5));
  }

  #checkTimeout(): void {
    const oldest = this.#waiting[0];
    if (oldest !== undefined && Date.now() > oldest.until) {
      this.#socket.destroy();
      this.#end(`no answer within ${this.#timeoutMs / 1000} s`);
    }
  }

  #fail(what: string): void {
    this.#socket.destroy();
    this.#end(`the broker sent ${what}`);
  }

  #end(why: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#watch);
    for (const { answered } of this.#waiting.splice(0)) answered(unanswered(why), nothing);
    this.closed();
  }
}

function unanswered(why: string): OfftakeError {
  return new OfftakeError("KAFKA_UNREACHABLE", `A request to Kafka was not answered: ${why}.`);
}
