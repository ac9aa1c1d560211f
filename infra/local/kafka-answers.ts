/**
 * Asks a Kafka broker for its metadata over a socket of its own: the only question that tells a broker that works from a port that is open.
 *
 * A broker opens its port a moment before the controller has let it in; a client that comes in that moment is told that there are no brokers.
 *
 * Source: Kafka protocol guide, Metadata v1.
 *   request:  size int32, api_key int16 = 3, api_version int16 = 1, correlation_id int32, client_id int16 = -1 (null), topics int32 = 0 (none)
 *   response: size int32, correlation_id int32, brokers int32 (count), …
 */
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectEncrypted } from "node:tls";

/**
 * @param broker host:port
 * @param options.encrypted whether it is spoken to in TLS; its certificate is believed, since nothing is told to it
 * @param options.brokers how many it must know of; default 1
 * @throws when it does not answer, or knows of fewer
 */
export async function kafkaAnswers(broker: string, { encrypted = false, brokers = 1 } = {}): Promise<void> {
  const colon = broker.lastIndexOf(":");
  const at = { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
  const socket = encrypted ? connectEncrypted({ ...at, rejectUnauthorized: false }) : connect(at);
  socket.setTimeout(5000, () => socket.destroy(new Error("no answer to a metadata request within 5 s")));
  try {
    await once(socket, encrypted ? "secureConnect" : "connect");
    const request = Buffer.alloc(18);
    request.writeInt32BE(14, 0);
    request.writeInt16BE(3, 4);
    request.writeInt16BE(1, 6);
    request.writeInt32BE(1, 8);
    request.writeInt16BE(-1, 12);
    request.writeInt32BE(0, 14);
    socket.write(request);
    const response = await firstBytes(socket, 12);
    const joined = response.readInt32BE(8);
    if (joined < brokers)
      throw new Error(joined === 0 ? "it answers, but no broker has joined" : `it answers, but only ${joined} of ${brokers} brokers have joined`);
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
