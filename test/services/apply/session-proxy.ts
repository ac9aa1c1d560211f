/**
 * A proxy in front of a server, for what a network or a pooler may do to a connection.
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface SessionProxy extends AsyncDisposable {
  /** The same URL by way of the proxy. */
  readonly url: string;
  /** Resolves when a client has sent the word of `muteAfter`. */
  readonly muted: Promise<void>;
  /** Ends every connection. */
  cut(): void;
  /** Ends every connection, and each new one at once, until there is a server again. */
  refuse(): void;
  accept(): void;
}

export interface SessionProxyOptions {
  /** From the moment a client has sent this word it hears nothing more. */
  readonly muteAfter?: string;
  /** Changes a client's first message. */
  readonly startUp?: (bytes: Buffer) => Buffer;
}

/** @param url with host and port */
export async function sessionProxy(url: string, { muteAfter, startUp }: SessionProxyOptions = {}): Promise<SessionProxy> {
  const to = new URL(url);
  const sockets: Socket[] = [];
  const { promise: someMuted, resolve: tellMuted } = Promise.withResolvers<void>();
  let refusing = false;
  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(to.port), to.hostname);
    let muted = false;
    let started = false;
    sockets.push(client, upstream);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("data", (bytes) => {
      muted ||= muteAfter !== undefined && bytes.includes(muteAfter);
      if (muted) tellMuted();
      upstream.write(started || startUp === undefined ? bytes : startUp(bytes));
      started = true;
    });
    upstream.on("data", (bytes) => {
      if (!muted) client.write(bytes);
    });
    upstream.on("close", () => client.destroy());
    client.on("close", () => upstream.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the proxy has no port");
  const through = new URL(url);
  through.hostname = "127.0.0.1";
  through.port = String(address.port);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    muted: someMuted,
    cut,
    refuse: () => {
      refusing = true;
      cut();
    },
    accept: () => {
      refusing = false;
    },
    [Symbol.asyncDispose]: async () => {
      cut();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

/** A start-up message without its `options`, as some poolers pass it on: length:int32 protocol:int32 (name value)* 0. */
export function withoutOptions(bytes: Buffer): Buffer {
  const parts = bytes.toString("latin1", 8, bytes.length - 2).split("\0");
  const kept: string[] = [];
  for (let i = 0; i < parts.length; i += 2) if (parts[i] !== "options") kept.push(parts[i]!, parts[i + 1]!);
  const body = Buffer.from(`${kept.join("\0")}\0\0`, "latin1");
  const head = Buffer.from(bytes.subarray(0, 8));
  head.writeInt32BE(8 + body.length);
  return Buffer.concat([head, body]);
}
