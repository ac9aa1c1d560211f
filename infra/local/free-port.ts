/**
 * Ports for servers that must come back on the same port after they were killed.
 *
 * They lie outside the range from which the system takes ports for outgoing connections (32768 and up on Linux, 49152 and up elsewhere). Inside
 * it, a client that tries again and again to reach a dead server on 127.0.0.1 is at some time given the very port that it dials, and talks to
 * itself; the server then cannot come back.
 */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const first = 20_000;
const last = 30_000;
const given = new Set<number>();

/** A port of 127.0.0.1 on which nobody listens and which this process has not been given before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(first, last);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  return promise;
}
