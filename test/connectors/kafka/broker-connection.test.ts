/** Answers of a broker as they come over TCP: in pieces, together, too late, out of turn. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { BrokerConnection } from "../../../connectors/kafka/broker-connection.ts";
import { freePort } from "../../../infra/local/free-port.ts";

const opened: { close: () => void }[] = [];
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

interface Peer {
  readonly connection: BrokerConnection;
  readonly socket: Socket;
  /** What the connection has sent so far. */
  sent: () => Buffer;
}

async function connected(timeoutMs = 10_000): Promise<Peer> {
  const accepted = Promise.withResolvers<Socket>();
  const port = await freePort();
  const server = createServer((socket) => accepted.resolve(socket)).listen(port, "127.0.0.1");
  await once(server, "listening");
  const connection = await BrokerConnection.open({ host: "127.0.0.1", port }, "tést", { connectTimeout: 5000 }, timeoutMs);
  const socket = await accepted.promise;
  socket.setNoDelay(true);
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
  });
  opened.push({
    close: () => {
      connection.destroy();
      socket.destroy();
      server.close();
    },
  });
  return { connection, socket, sent: () => bytes };
}

/** A response with header version 1. */
function response(correlation: number, body: string, tags = 0): Buffer {
  const bytes = Buffer.alloc(9 + Buffer.byteLength(body));
  bytes.writeInt32BE(bytes.length - 4, 0);
  bytes.writeInt32BE(correlation, 4);
  bytes[8] = tags;
  bytes.write(body, 9);
  return bytes;
}

async function receives(peer: Peer, length: number): Promise<Buffer> {
  await expect.poll(() => peer.sent().length).toBe(length);
  return peer.sent();
}

describe("a connection to a broker", () => {
  test("sends header and body as they are", async () => {
    const peer = await connected();
    const body = [Buffer.from("one"), Buffer.alloc(100_000, "x"), Buffer.from("two")];
    peer.connection.send(0, 11, body, () => undefined);
    const clientId = Buffer.from("tést");
    const sent = await receives(peer, 4 + 2 + 2 + 4 + 2 + clientId.length + 1 + 100_006);
    expect(sent.readInt32BE(0)).toBe(sent.length - 4);
    expect([sent.readInt16BE(4), sent.readInt16BE(6), sent.readInt32BE(8), sent.readInt16BE(12)]).toEqual([0, 11, 1, clientId.length]);
    expect(sent.subarray(14, 14 + clientId.length)).toEqual(clientId);
    expect(sent.subarray(14 + clientId.length)).toEqual(Buffer.concat([Buffer.alloc(1), ...body]));
  });

  test("reads answers cut at every byte, and several in one piece, each into the room that was given for it", async () => {
    const peer = await connected();
    const whole = Buffer.concat([response(1, "first"), response(2, ""), response(3, "third")]);
    for (let cut = 0; cut <= whole.length; cut += 1) {
      const { connection, socket } = await connected();
      const rooms: number[] = [];
      const room = (size: number): Buffer => {
        rooms.push(size);
        return Buffer.alloc(size);
      };
      const answers = Promise.all(["a", "b", "c"].map(async (text) => connection.request(1, 13, Buffer.from(text), room)));
      socket.write(whole.subarray(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      socket.write(whole.subarray(cut));
      expect((await answers).map(String)).toEqual(["first", "", "third"]);
      expect(rooms).toEqual([10, 5, 10]);
    }
    expect(peer.connection.isOpen).toBe(true);
  });

  test.each([
    ["an answer that nobody asked for", Buffer.concat([response(1, "first"), response(2, "second"), response(3, "?")])],
    ["an answer out of turn", response(2, "second")],
    ["a header with tags", response(1, "first", 1)],
    ["a size that cannot be", Buffer.from([0, 0, 0, 4, 0, 0, 0, 1])],
    ["a negative size", Buffer.from([255, 255, 255, 255])],
    ["a size beyond all measure", Buffer.from([127, 255, 255, 255])],
  ])("ends with %s, and tells every request that is left", async (_, bytes) => {
    const { connection, socket } = await connected();
    let closed = 0;
    connection.closed = () => {
      closed += 1;
    };
    const answers = Promise.allSettled(["a", "b"].map(async (text) => connection.request(1, 13, Buffer.from(text))));
    socket.write(bytes);
    const refused = (await answers).filter(({ status }) => status === "rejected");
    await expect.poll(() => connection.isOpen).toBe(false);
    for (const each of refused) expect(each).toMatchObject({ reason: { code: "KAFKA_UNREACHABLE", retry: "yes" } });
    expect(refused).toHaveLength(bytes.includes("second") && bytes.includes("first") ? 0 : 2);
    expect(closed).toBe(1);
  });

  test("ends when no answer comes in time, and when the broker hangs up in the middle of one", async () => {
    const late = await connected(50);
    await expect(late.connection.request(1, 13, Buffer.alloc(1))).rejects.toThrow("no answer within 0.05 s");
    expect(late.connection.isOpen).toBe(false);
    const gone = await connected();
    const waiting = gone.connection.request(1, 13, Buffer.alloc(1));
    gone.socket.end(response(1, "first").subarray(0, 7));
    await expect(waiting).rejects.toMatchObject({ code: "KAFKA_UNREACHABLE" });
    await expect(gone.connection.request(1, 13, Buffer.alloc(1))).rejects.toThrow("the connection is closed");
  });

  test("tells nothing twice when it is given up", async () => {
    const { connection } = await connected();
    const told: (string | undefined)[] = [];
    connection.send(1, 13, [Buffer.alloc(1)], (error) => told.push(error?.code));
    connection.destroy();
    connection.destroy();
    expect(told).toEqual(["KAFKA_UNREACHABLE"]);
  });
});
