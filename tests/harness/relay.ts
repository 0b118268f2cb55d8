/** A TCP relay that tests put in front of a server, to hang or cut the way to it. */
import type { Socket } from "bun";

export interface Relay {
  readonly port: number;
  /** Bytes are held back, in both directions and on new connections too; nothing is closed: a lost network. */
  hang(): void;
  /** Bytes flow again; connections from the time of the hang are closed. */
  resume(): void;
  /** Closes all connections and refuses new ones, until `resume`. */
  cut(): void;
  stop(): void;
}

interface Way {
  /** The other socket; undefined until it is open. */
  peer: Socket<Way> | undefined;
  /** Bytes that wait for the peer. */
  readonly waiting: Uint8Array[];
}

export function startRelay(targetPort: number): Relay {
  let state: "open" | "hung" | "cut" = "open";
  const sockets = new Set<Socket<Way>>();

  function forward(from: Socket<Way>, bytes: Uint8Array): void {
    if (state !== "open") return;
    from.data.waiting.push(bytes);
    flush(from);
  }
  function flush(from: Socket<Way>): void {
    const { peer, waiting } = from.data;
    while (peer && waiting.length > 0) {
      const bytes = waiting[0]!;
      const written = peer.write(bytes);
      if (written < bytes.length) {
        waiting[0] = bytes.subarray(Math.max(written, 0));
        return;
      }
      waiting.shift();
    }
  }
  const handlers = {
    data: (socket: Socket<Way>, bytes: Buffer) => forward(socket, Uint8Array.from(bytes)),
    drain: (socket: Socket<Way>) => socket.data.peer && flush(socket.data.peer),
    close(socket: Socket<Way>) {
      sockets.delete(socket);
      if (state === "open") socket.data.peer?.end();
    },
    error: (socket: Socket<Way>) => socket.terminate(),
  };
  const listen = (port: number) =>
    Bun.listen<Way>({
      hostname: "127.0.0.1",
      port,
      socket: {
        ...handlers,
        async open(client) {
          client.data = { peer: undefined, waiting: [] };
          sockets.add(client);
          if (state === "hung") return;
          try {
            const server = await Bun.connect<Way>({
              hostname: "127.0.0.1",
              port: targetPort,
              data: { peer: client, waiting: [] },
              socket: handlers,
            });
            sockets.add(server);
            client.data.peer = server;
            flush(client);
          } catch {
            // The server is away: its client sees a closed connection, as it would without the relay.
            client.terminate();
          }
        },
      },
    });
  let listener = listen(0);
  const { port } = listener;
  const closeAll = (): void => {
    for (const socket of [...sockets]) socket.terminate();
    sockets.clear();
  };
  return {
    port,
    hang() {
      state = "hung";
    },
    resume() {
      if (state === "hung") closeAll();
      if (state === "cut") listener = listen(port);
      state = "open";
    },
    cut() {
      state = "cut";
      listener.stop(true);
      closeAll();
    },
    stop() {
      this.cut();
    },
  };
}
