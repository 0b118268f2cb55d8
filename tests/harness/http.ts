/** Servers that answer as a test says, down to the byte, on ports of their own. */
import { createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export interface RawServer extends Disposable {
  readonly port: number;
  readonly url: string;
  /** Requests so far, each with its headers as text. */
  readonly requests: string[];
  /** Connections that were made so far, and those of them that are open. */
  readonly connections: { made: number; open: number };
}

export type Answer = (socket: Socket, request: string) => void;

export interface TlsFiles {
  readonly key: string;
  readonly cert: string;
}

/** A server that hands every request, once its headers are there, to `answer`. */
export async function rawServer(answer: Answer, tls?: TlsFiles): Promise<RawServer> {
  const requests: string[] = [];
  const connections = { made: 0, open: 0 };
  const sockets = new Set<Socket>();
  const serve = (socket: Socket): void => {
    connections.made += 1;
    connections.open += 1;
    sockets.add(socket);
    let text = "";
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      connections.open -= 1;
      sockets.delete(socket);
    });
    socket.on("data", (bytes) => {
      text += String(bytes);
      if (!text.includes("\r\n\r\n")) return;
      requests.push(text);
      const request = text;
      text = "";
      answer(socket, request);
    });
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${address.port}`,
    requests,
    connections,
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** An answer with no body. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}): Answer {
  const lines = Object.entries({ "Content-Length": "0", ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  return (socket) => socket.write(`HTTP/1.1 ${code} Any\r\n${lines.join("")}\r\n`);
}
