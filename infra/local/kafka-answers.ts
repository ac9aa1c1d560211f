/**
 * Asks a Kafka broker for its metadata over a bare socket: the only question that tells a broker that works from a port that is open.
 *
 * A broker opens its port a moment before the controller has let it in; a client that comes in that moment is told that there are no brokers.
 *
 * Source: Kafka protocol guide, Metadata v1.
 *   request:  size int32, api_key int16 = 3, api_version int16 = 1, correlation_id int32, client_id int16 = -1 (null), topics int32 = 0 (none)
 *   response: size int32, correlation_id int32, brokers int32 (count), …
 */
import { once } from "node:events";
import { connect } from "node:net";

/** @param broker host:port, without TLS. @throws when it does not answer, or knows of no broker */
export async function kafkaAnswers(broker: string): Promise<void> {
  const colon = broker.lastIndexOf(":");
  const socket = connect({ host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) });
  socket.setTimeout(5000, () => socket.destroy(new Error("no answer to a metadata request within 5 s")));
  try {
    await once(socket, "connect");
    const request = Buffer.alloc(18);
    request.writeInt32BE(14, 0);
    request.writeInt16BE(3, 4);
    request.writeInt16BE(1, 6);
    request.writeInt32BE(1, 8);
    request.writeInt16BE(-1, 12);
    request.writeInt32BE(0, 14);
    socket.write(request);
    const response = await firstBytes(socket, 12);
    if (response.readInt32BE(8) < 1) throw new Error("it answers, but no broker has joined");
  } finally {
    socket.destroy();
  }
}

async function firstBytes(stream: AsyncIterable<Buffer>, count: number): Promise<Buffer> {
  let bytes: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= count) return bytes;
  }
  throw new Error("it closed the connection");
}
