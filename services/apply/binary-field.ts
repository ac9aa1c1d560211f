/**
 * A value behind its length: how an element of an array and a field of a row of COPY look alike. A length that is wrong by one puts every byte behind it into the
 * wrong place; the server finds that out in most cases, and the tests in all.
 *
 *     Field    length:int32 byte*                                        (length -1 for NULL)
 *
 * Source: PostgreSQL's src/backend/utils/adt/arrayfuncs.c, array_send; documentation, "COPY", File Formats, Binary Format.
 */
import type { ChangeLog } from "./change-log.ts";
import { NotMergeable } from "./not-mergeable.ts";
import type { ParameterType } from "./parameter-type.ts";

/** Bytes that the field may need. @param value its place in the log's columns */
export function fieldRoom(log: ChangeLog, value: number, { fixed, byLength }: ParameterType): number {
  return 4 + fixed + (byLength ? log.end[value]! - log.start[value]! : 0);
}

/**
 * @param change that the value is of
 * @param value its place in the log's columns
 * @returns where the field ends
 * @throws NotMergeable where the value has to be read by the target
 */
export function writeField(to: Buffer, at: number, log: ChangeLog, change: number, value: number, { write }: ParameterType): number {
  const start = log.start[value]!;
  const end = start === -1 ? at + 4 : write(to, at + 4, log.buffers[log.buffer[change]!]!, start, log.end[value]!);
  if (end === -1) throw new NotMergeable("a value that is not what PostgreSQL prints for its type");
  const length = start === -1 ? -1 : end - at - 4;
  to[at] = length >> 24;
  to[at + 1] = length >> 16;
  to[at + 2] = length >> 8;
  to[at + 3] = length;
  return end;
}
