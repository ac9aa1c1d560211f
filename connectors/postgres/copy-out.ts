/**
 * COPY … TO STDOUT over a session of the library: rows as the bytes that the server sends, never as strings or objects.
 *
 * Source: PostgreSQL documentation, "Message Flow", COPY Operations.
 */
import { type Client, Query } from "pg";

class CopyOut extends Query {
  readonly #row: (bytes: Buffer) => void;
  #failure: unknown;

  constructor(sql: string, row: (bytes: Buffer) => void, done: (error: unknown) => void) {
    super({ text: sql }, (error) => done(this.#failure ?? error ?? undefined));
    this.#row = row;
  }

  /** What it throws would end the process: the rest is passed over, and the statement fails with it. */
  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    if (this.#failure !== undefined) return;
    try {
      this.#row(chunk);
    } catch (error) {
      this.#failure = error;
    }
  }
}

/**
 * @param row told of each row, with its newline; the bytes are valid until it returns
 * @returns rejects with the server's error, or with what `row` threw
 */
export async function copyOut(client: Client, sql: string, row: (bytes: Buffer) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  client.query(
    new CopyOut(sql, row, (error) => {
      if (error === undefined) resolve();
      else reject(error instanceof Error ? error : new Error("COPY failed"));
    }),
  );
  await promise;
}
