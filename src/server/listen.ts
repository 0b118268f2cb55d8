/** The only file that opens a socket. */
import { messageOf, mustBe, Problems, troubleOf } from "../base/errors.ts";
import { bodySlackBytes, idleTimeoutSeconds } from "../base/limits.ts";
import type { Log } from "../base/log.ts";

/** Answers a request; `peer` is the address at the other end of its connection. */
export type Fetch = (request: Request, peer: string | undefined) => Response | Promise<Response>;

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly maxBodyBytes: number;
  /** Whether other threads of this process listen on the same port; else a second daemon on it fails. */
  readonly shared: boolean;
  readonly fetch: Fetch;
  readonly log: Log;
}

export interface Listener {
  readonly port: number;
  /** Accepts nothing new, closes idle connections; resolves when the last request has been answered. */
  stop(): Promise<void>;
  /** Closes everything at once. */
  abort(): Promise<void>;
}

/** @throws Problems when the address cannot be listened on. */
export function listen({ host, port, maxBodyBytes, shared, fetch, log }: ListenOptions): Listener {
  const server = open(host, port, () =>
    Bun.serve({
      hostname: host,
      port,
      // Bun's default for a production server is true: a second daemon would share the port in silence.
      reusePort: shared,
      development: false,
      idleTimeout: idleTimeoutSeconds,
      maxRequestBodySize: maxBodyBytes + bodySlackBytes,
      fetch: (request, socket) => fetch(request, socket.requestIP(request)?.address),
      error(thrown) {
        log.error("request failed", { code: "internal", reason: messageOf(thrown) }, troubleOf(thrown));
        return new Response("internal error\n", { status: 500, headers: { "content-type": "text/plain" } });
      },
    }),
  );
  return {
    port: server.port ?? port,
    stop: () => server.stop(),
    abort: () => server.stop(true),
  };
}

function open<T>(host: string, port: number, start: () => T): T {
  try {
    return start();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EADDRINUSE")
      throw new Problems([`${mustBe("SPECTA_HTTP_PORT", "a free port", port)}, in use on ${host}`]);
    throw new Problems([`${mustBe("SPECTA_HTTP_HOST", "an address to listen on", host)}: ${messageOf(error)}`]);
  }
}
