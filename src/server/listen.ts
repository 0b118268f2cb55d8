/** The only file that opens a socket. */
import { messageOf, mustBe, Problems, troubleOf } from "../base/errors.ts";
import { idleTimeoutSeconds, stopQuietMs } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { TlsConfig } from "../config/config.ts";
import type { Connections } from "./app.ts";
import { readTls, type TlsMaterial, watchTls } from "./tls.ts";

/** Answers a request. */
export type Fetch = (request: Request, connections: Connections) => Response | Promise<Response>;

export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /**
   * - `alone`: the port must be free.
   * - `first`: the port must be free; others of this process join.
   * - `join`: the port was taken by this process.
   */
  readonly share: "alone" | "first" | "join";
  readonly tls: TlsConfig | undefined;
  /** How often the files of `tls` are looked at (ms). */
  readonly tlsReloadMs: number;
  /** How long a connection may be silent, and a body take to arrive (s); 75 s unless told. */
  readonly idleSeconds?: number;
  readonly fetch: Fetch;
  readonly log: Log;
}

export interface Listener {
  /** `127.0.0.1:7777`, with the port that was taken. */
  readonly address: string;
  readonly port: number;
  /** Accepts nothing new, closes connections without a request; resolves when the last request has been answered. */
  stop(): Promise<void>;
  /** Closes everything at once. */
  abort(): Promise<void>;
}

/** @throws Problems when the address cannot be listened on. */
export function listen(options: ListenOptions): Listener {
  const listener =
    options.tls === undefined ? bind(options, options.port, options.share) : listenTls(options, options.tls);
  if (options.share !== "join") options.log.info("server is accepting calls", { address: listener.address });
  return listener;
}

/** Bun cannot change a listener's certificate: a new one joins on the same port, then the old one stops. */
function listenTls(options: ListenOptions, config: TlsConfig): Listener {
  let current = bind(options, options.port, options.share === "join" ? "join" : "first", readTls(config));
  const { address, port } = current;
  const outgoing = new Set<Promise<void>>();
  const unwatch = watchTls(config, options.tlsReloadMs, options.log, (tls) => {
    const last = current;
    current = bind(options, port, "join", tls);
    const stopped: Promise<void> = last.stop().finally(() => outgoing.delete(stopped));
    outgoing.add(stopped);
  });
  return {
    address,
    port,
    async stop() {
      unwatch();
      await Promise.all([current.stop(), ...outgoing]);
    },
    async abort() {
      unwatch();
      await current.abort();
    },
  };
}

function bind(options: ListenOptions, wanted: number, share: ListenOptions["share"], tls?: TlsMaterial): Listener {
  const { host, fetch, log } = options;
  const port = share === "first" ? claim(host, wanted) : wanted;
  const server = explain(host, port, () =>
    Bun.serve({
      hostname: host,
      port,
      // Bun's default for a production server is true: a second daemon would share the port in silence.
      reusePort: share !== "alone",
      development: false,
      idleTimeout: options.idleSeconds ?? idleTimeoutSeconds,
      // Bodies are bounded where they are read, so that a caller whose body is too large gets an error that it can read.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      ...(tls && { tls }),
      fetch,
      error(thrown) {
        log.error("request failed", { code: "internal", reason: messageOf(thrown) }, troubleOf(thrown));
        return new Response("internal error\n", { status: 500, headers: { "content-type": "text/plain" } });
      },
    }),
  );
  const taken = server.port ?? port;
  const address = `${host.includes(":") ? `[${host}]` : host}:${taken}`;
  return { address, port: taken, stop: () => end(server), abort: () => server.stop(true) };
}

const stopLookMs = 20;

/** For Bun a connection that is silent, or whose head has not arrived, is not idle: it would be waited for. */
async function end(server: Bun.Server<undefined>): Promise<void> {
  let isStopped = false;
  const stopped = server.stop().then(() => {
    isStopped = true;
  });
  for (let quietMs = 0; !isStopped && quietMs < stopQuietMs; ) {
    await Promise.race([stopped, Bun.sleep(stopLookMs)]);
    quietMs = server.pendingRequests === 0 ? quietMs + stopLookMs : 0;
  }
  if (!isStopped) await server.stop(true);
}

/** Fails when the port is in use, which a listener that shares its port would not. */
function claim(host: string, port: number): number {
  const probe = explain(host, port, () =>
    Bun.serve({ hostname: host, port, reusePort: false, development: false, fetch: () => new Response(null) }),
  );
  void probe.stop(true);
  return probe.port ?? port;
}

function explain<T>(host: string, port: number, start: () => T): T {
  try {
    return start();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "EADDRINUSE") {
      throw new Problems([`${mustBe("SPECTA_HTTP_PORT", "a free port", port)}, in use on ${host}`]);
    }
    if (code === "EACCES") {
      throw new Problems([mustBe("SPECTA_HTTP_PORT", "a port that this user may listen on, such as 7777", port)]);
    }
    if (code.startsWith("ERR_OSSL")) {
      throw new Problems([`server.tls must be a certificate and its key in PEM: ${messageOf(error)}`]);
    }
    throw new Problems([`${mustBe("SPECTA_HTTP_HOST", "an address to listen on", host)}: ${messageOf(error)}`]);
  }
}
