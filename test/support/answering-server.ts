/** A server on this machine that says what the test wants it to say: for what may listen where somebody else is expected. */
import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener, type Server as HttpServer } from "node:http";
import { createServer, type Server, type Socket } from "node:net";

export interface AnsweringServer extends AsyncDisposable {
  readonly port: number;
}

export async function httpServer(answer: RequestListener): Promise<AnsweringServer> {
  return listening(createHttpServer(answer));
}

/** @param answer gets what each client sends */
async function tcpServer(answer: (socket: Socket, bytes: Buffer) => void): Promise<AnsweringServer> {
  return listening(createServer((socket) => socket.on("error", () => {}).on("data", (bytes) => answer(socket, Buffer.from(bytes)))));
}

async function listening(server: Server | HttpServer): Promise<AnsweringServer> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen");
  const close = async (): Promise<void> => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    server.close();
  };
  return { port: address.port, [Symbol.asyncDispose]: close };
}

/** A PostgreSQL of this version, as far as it gets: it lets anybody in, says what it is, and answers nothing. */
export async function postgresOfVersion(version: string): Promise<AnsweringServer> {
  const greeting = Buffer.concat([
    message("R", Buffer.alloc(4)),
    message("S", Buffer.from(`server_version\0${version}\0`)),
    message("Z", Buffer.from("I")),
  ]);
  return tcpServer((socket, bytes) => {
    // X: the client leaves.
    if (bytes[0] === 0x58) socket.end();
    else socket.write(greeting);
  });
}

/** type:byte size:int32 body */
function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** A PostgreSQL that asks for the password in clear, and says it again in its refusal, as it came and in a URL: what a proxy's log line or a careless extension does. */
export async function postgresThatRepeatsPasswords(): Promise<AnsweringServer> {
  return tcpServer((socket, bytes) => {
    if (bytes[0] !== 0x70) {
      socket.write(message("R", Buffer.from([0, 0, 0, 3])));
      return;
    }
    const password = bytes.subarray(5, -1).toString();
    const said = `the password ${password} of postgres://me:${encodeURIComponent(password)}@host/db is not right`;
    socket.end(message("E", Buffer.from(`SFATAL\0VFATAL\0C28P01\0M${said}\0\0`)));
  });
}
