/**
 * Ends a session whose server owes an answer and says nothing any more: the network would take a quarter of an hour to give up.
 *
 * One timer for the session. The library's own limit (query_timeout) is a timer for each query, and V8 kept what hung on it until a mark-compact, all that a batch was made of: at a
 * thousand batches a second 2.5 MB a second, and an applier of 200 MB instead of 140.
 *
 * Source: pg's documentation, Client, `drain`; Node.js documentation, net.Socket.
 */
import type { Socket } from "node:net";
import type { Client } from "pg";

/** Looks within the limit: so it is kept to a fifth, and never shorter. */
const looks = 5;

/** @param limitMs of silence, in milliseconds, after which the socket is destroyed with an error; the session's queries fail with it */
export function watchAnswers(client: Client, socket: Socket, limitMs: number): void {
  let answered = socket.bytesWritten;
  let heard = socket.bytesRead;
  /** When it was first seen to owe an answer, or to go on with one. */
  let since: number | undefined;
  client.on("drain", () => {
    answered = socket.bytesWritten;
  });
  const watch = setInterval(() => {
    const now = performance.now();
    if (socket.bytesWritten === answered) since = undefined;
    else if (since === undefined || socket.bytesRead !== heard) since = now;
    else if (now - since >= limitMs) socket.destroy(new Error(`the server owes an answer, and has said nothing for ${limitMs} ms`));
    heard = socket.bytesRead;
  }, limitMs / looks);
  watch.unref();
  socket.once("close", () => clearInterval(watch));
}
