/**
 * COPY … TO STDOUT over a session of the library. While it runs the bytes of the socket are not the library's, which would make an object and a buffer of each
 * row: a quarter of the connector's time was spent on collecting those. Whoever takes the rows gets the bytes, and hands back the messages that are not rows.
 *
 * Source: PostgreSQL documentation, "Message Flow", COPY Operations.
 */
import type { Client } from "pg";
import { socketOf } from "./session.ts";

/**
 * @param bytes all that the server sends, as it comes, valid until it returns
 * @param other to be called with each whole message that is no row
 */
type Take = (bytes: Buffer, other: (message: Buffer) => void) => void;

export class CopyOut {
  readonly #client: Client;
  #take: Take | undefined;
  #failure: unknown;

  /** @param client of which nothing is being asked, so that the library has no half message */
  constructor(client: Client) {
    this.#client = client;
    const socket = socketOf(client);
    const library = socket.listeners("data");
    const other = (message: Buffer): void => {
      for (const listener of library) Reflect.apply(listener, socket, [message]);
    };
    socket.removeAllListeners("data");
    socket.on("data", (bytes: Buffer) => {
      if (this.#take === undefined) other(bytes);
      else if (this.#failure === undefined) this.#give(this.#take, bytes, other);
    });
  }

  /** @returns rejects with the server's error, or with what `take` threw, and then the session is at its end */
  async run(sql: string, take: Take): Promise<void> {
    this.#take = take;
    try {
      await this.#client.query(sql);
    } catch (error) {
      throw this.#failure ?? error;
    } finally {
      this.#take = undefined;
    }
  }

  #give(take: Take, bytes: Buffer, other: (message: Buffer) => void): void {
    try {
      take(bytes, other);
    } catch (error) {
      this.#failure = error;
      socketOf(this.#client).destroy();
    }
  }
}
