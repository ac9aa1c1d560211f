/**
 * A prepared statement with parameters that are bytes already. The client library copies each parameter twice on its way to the socket, into a buffer
 * that grows by doubling; here the parameters go out from where they were written.
 *
 *     Bind     'B' length:int32 portal:cstring statement:cstring 1:int16 binary=1:int16 parameters:int16 Parameter* 0:int16
 *     Execute  'E' length:int32 portal:cstring rows:int32
 *     Sync     'S' length:int32
 *     Parameter  length:int32 byte*                                       (length -1 for NULL: never here)
 *
 * Source: PostgreSQL documentation, "Message Formats".
 */
import type { Socket } from "node:net";
import { type Client, type Connection, Query } from "pg";

/** What the library keeps at its connection, and its type declarations leave out. */
interface LibraryConnection extends Connection {
  readonly stream: Socket;
  readonly submittedNamedStatements: Record<string, string>;
  parse(query: { readonly name: string; readonly text: string }): void;
}

// Execute of the unnamed portal for all rows, and Sync.
const executeAndSync = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0x53, 0, 0, 0, 4]);

export class BoundQuery extends Query {
  readonly #statement: { readonly name: string; readonly text: string };
  readonly #parameters: readonly Buffer[];

  /** Whether the server knows the statement, or will when it comes to this query. */
  declare private readonly hasBeenParsed: (connection: LibraryConnection) => unknown;

  private constructor(name: string, text: string, parameters: readonly Buffer[], answered: (error: Error | undefined, rows: number) => void) {
    super({ name, text }, (error, result) => answered(error ?? undefined, result?.rowCount ?? 0));
    this.#statement = { name, text };
    this.#parameters = parameters;
  }

  /**
   * @param parameters in binary form; they must not change before the answer
   * @param text of a statement that returns no rows
   * @returns the number of rows that it touched; rejects with the server's own error
   */
  static async run(client: Client, name: string, text: string, parameters: readonly Buffer[]): Promise<number> {
    return new Promise((resolve, reject) => {
      client.query(
        new BoundQuery(name, text, parameters, (error, rows) => {
          if (error === undefined) resolve(rows);
          else reject(error);
        }),
      );
    });
  }

  /** The library calls it in `submit`, with the stream corked. */
  prepare(connection: LibraryConnection): void {
    const { name, text } = this.#statement;
    if (!this.hasBeenParsed(connection)) {
      connection.parse({ name, text });
      connection.submittedNamedStatements[name] = text;
    }
    const { stream } = connection;
    stream.write(this.#head(name));
    for (const parameter of this.#parameters) {
      const length = Buffer.allocUnsafe(4);
      length.writeInt32BE(parameter.length, 0);
      stream.write(length);
      stream.write(parameter);
    }
    // No result columns in binary.
    stream.write(Buffer.alloc(2));
    stream.write(executeAndSync);
  }

  #head(name: string): Buffer {
    const nameLength = Buffer.byteLength(name);
    const head = Buffer.alloc(1 + 4 + 1 + nameLength + 1 + 2 + 2 + 2);
    const body = this.#parameters.reduce((sum, { length }) => sum + 4 + length, 0) + 2;
    head[0] = 0x42;
    head.writeInt32BE(head.length - 1 + body, 1);
    let at = 6 + head.write(name, 6) + 1;
    at = head.writeInt16BE(1, at);
    at = head.writeInt16BE(1, at);
    head.writeInt16BE(this.#parameters.length, at);
    return head;
  }
}
