/**
 * Statements that leave together, under one Sync: once one of them fails the server passes over all that follow. So nothing behind a BEGIN runs when the
 * BEGIN itself has failed (cancelled by an administrator, it left the rows to commit one statement at a time), and a batch takes one round trip.
 *
 * Parameters go out from where they were written: the client library would copy each twice, into a buffer that grows by doubling.
 *
 *     Group      (Parse? Bind Execute (CopyData* CopyDone)?)* Sync
 *     Parse      'P' length:int32 statement:cstring sql:cstring 0:int16
 *     Bind       'B' length:int32 portal:cstring statement:cstring 1:int16 format:int16 parameters:int16 Parameter* 0:int16
 *     Execute    'E' length:int32 portal:cstring rows:int32
 *     CopyData   'd' length:int32 byte*
 *     CopyDone   'c' length:int32
 *     Sync       'S' length:int32
 *     Parameter  length:int32 byte*                                       (length -1 for NULL: never here)
 *
 * Source: PostgreSQL documentation, "Message Formats"; "Message Flow", Pipelining, and "COPY Operations": the data
 * of a COPY that has failed, or that stands behind a statement that has, is passed over like everything else up to Sync.
 */
import type { Socket } from "node:net";
import { type Client, type Connection, Query } from "pg";
import { sqlState } from "../../connectors/postgres/session.ts";
import { failpoint } from "../runtime/failpoint.ts";

export interface GroupStatement {
  /** Under which the server keeps it; empty for one that is not kept. */
  readonly name: string;
  /** Rows that it returns are passed over. */
  readonly sql: string;
  /** They must not change before the answer. */
  readonly values: readonly Buffer[];
  /** Whether the values are in text form; else in binary. */
  readonly text: boolean;
  /** The data of a COPY, which must not change before the answer. */
  readonly copy?: readonly Buffer[];
  /** What it means when the statement divides by zero: one that asks something, and fails where the answer is no. */
  readonly no?: () => Error;
}

export const begin: GroupStatement = { name: "offtake begin", sql: "BEGIN", values: [], text: true };
export const commit: GroupStatement = { name: "offtake commit", sql: "COMMIT", values: [], text: true };

export interface GroupAnswer {
  /** Rows that each statement touched or returned, up to the one that failed. */
  readonly counts: readonly number[];
  /** The server's own, or what it means. */
  readonly error: Error | undefined;
}

/** What the library keeps at its connection, and its type declarations leave out. */
interface LibraryConnection extends Connection {
  readonly stream: Socket;
  /** Text of each statement that the server has answered the Parse of. */
  readonly parsedStatements: Record<string, string>;
  /** Of each that it has not answered yet. */
  readonly submittedNamedStatements: Record<string, string>;
  parse(query: { readonly name: string; readonly text: string }): void;
}

// No result columns in binary; Execute of the unnamed portal for all rows.
const execute = Buffer.from([0, 0, 0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0]);
const copyDone = Buffer.from([0x63, 0, 0, 0, 4]);
const sync = Buffer.from([0x53, 0, 0, 0, 4]);

const smallBytes = 16 << 10;

class StatementGroup extends Query {
  readonly counts: number[] = [];
  readonly #statements: readonly GroupStatement[];
  /** Names that were sent to be parsed, and where that is kept. */
  readonly #submitted: string[] = [];
  #connection: LibraryConnection | undefined;
  /** The library remembers under them what the server says that it has parsed: those of the statement that is answered next. */
  declare name: string;
  declare text: string;

  constructor(statements: readonly GroupStatement[], answered: (error: Error | undefined) => void) {
    super({ name: statements[0]!.name, text: statements[0]!.sql }, (error) => answered(error ?? undefined));
    this.#statements = statements;
  }

  /** Also where the first statement has neither name nor values: one by one it would leave without the others. */
  requiresPreparation(): boolean {
    return true;
  }

  /** The library calls it in `submit`, with the stream corked. */
  prepare(connection: LibraryConnection): void {
    this.#connection = connection;
    const { parsedStatements, submittedNamedStatements } = connection;
    for (const { name, sql, values, text, copy } of this.#statements) {
      if (failpoint !== undefined) {
        // What stands before it leaves first: the server has a part of the group, and nothing that ends it.
        connection.stream.uncork();
        connection.stream.cork();
        failpoint("before-statement", () => connection.stream.destroy());
      }
      if (name === "") connection.parse({ name, text: sql });
      // Also where a group before this one, which is under way, has it.
      else if (parsedStatements[name] === undefined && submittedNamedStatements[name] === undefined) {
        connection.parse({ name, text: sql });
        submittedNamedStatements[name] = sql;
        this.#submitted.push(name);
      }
      write(connection.stream, name, values, text);
      if (copy !== undefined) writeCopy(connection.stream, copy);
    }
    connection.stream.write(sync);
  }

  /** Behind the statement that failed nothing was parsed: whoever needs it next has to send it again. */
  forgetSubmitted(): void {
    for (const name of this.#submitted) delete this.#connection?.submittedNamedStatements[name];
  }

  handleDataRow(): void {}

  /** The data is under way already. */
  handleCopyInResponse(): void {}

  handleCommandComplete({ text }: { readonly text: string }): void {
    failpoint?.("after-statement", () => this.#connection?.stream.destroy());
    this.counts.push(Number(/\d+$/.exec(text)?.[0] ?? 0));
    const next = this.#statements[this.counts.length];
    if (next === undefined) return;
    this.name = next.name;
    this.text = next.sql;
  }
}

function write(stream: Socket, name: string, values: readonly Buffer[], text: boolean): void {
  const nameLength = Buffer.byteLength(name);
  const head = Buffer.alloc(1 + 4 + 1 + nameLength + 1 + 2 + 2 + 2);
  const body = values.reduce((sum, { length }) => sum + 4 + length, 0) + 2;
  head[0] = 0x42;
  head.writeInt32BE(head.length - 1 + body, 1);
  let at = 6 + head.write(name, 6) + 1;
  at = head.writeInt16BE(1, at);
  at = head.writeInt16BE(text ? 0 : 1, at);
  head.writeInt16BE(values.length, at);
  const parts: Buffer[] = [head];
  for (const value of values) {
    const length = Buffer.allocUnsafe(4);
    length.writeInt32BE(value.length, 0);
    parts.push(length, value);
  }
  parts.push(execute);
  // What is small is cheaper to copy than to hand over piece by piece.
  if (body < smallBytes) stream.write(Buffer.concat(parts));
  else for (const part of parts) stream.write(part);
}

function writeCopy(stream: Socket, copy: readonly Buffer[]): void {
  for (const piece of copy) {
    const head = Buffer.allocUnsafe(5);
    head[0] = 0x64;
    head.writeInt32BE(4 + piece.length, 1);
    stream.write(head);
    stream.write(piece);
  }
  stream.write(copyDone);
}

/** A text array as a value in text form. */
export function arrayText(values: readonly string[]): Buffer {
  return Buffer.from(`{${values.map((value) => `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(",")}}`);
}

/**
 * Sends them in one go, and waits for all. Never rejects. Another group may be sent before the answer: once this one has failed inside of a transaction, the
 * server refuses every statement of that one, up to a ROLLBACK.
 */
export async function runGroup(client: Client, statements: readonly GroupStatement[]): Promise<GroupAnswer> {
  return new Promise((resolve) => {
    const group = new StatementGroup(statements, (error) => {
      if (error !== undefined) group.forgetSubmitted();
      resolve({ counts: group.counts, error: error && meaning(statements[group.counts.length], error) });
    });
    client.query(group);
  });
}

/** division_by_zero */
const no = "22012";

function meaning(failed: GroupStatement | undefined, error: Error): Error {
  return failed?.no !== undefined && sqlState(error) === no ? failed.no() : error;
}
