/** specta's server in this process, on a port of its own, with nothing beside it. */
import type { Log, LogKeys } from "../../src/base/log.ts";
import type { ServerConfig } from "../../src/config/config.ts";
import type { Metrics } from "../../src/metrics/definition.ts";
import { Registry } from "../../src/metrics/registry.ts";
import { type Server, type ServerOptions, startServer } from "../../src/server/serve.ts";
import { Exposition } from "./exposition.ts";

/** What the embedded default lets clients push. */
export const defaultPushed = {
  page_ready_duration_seconds: {
    kind: "histogram",
    help: "the time it takes for the app to show a page",
    labels: { page: ["root"] },
    buckets: [0.1, 0.2, 0.3, 0.4, 0.5, 1, 2, 3, 4, 5],
  },
} as const satisfies Metrics;

/** One metric of each kind, with labels and without. */
export const manyPushed = {
  ...defaultPushed,
  jobs_total: { kind: "counter", help: "jobs", labels: { queue: ["mail", "images"], result: ["ok", "failed"] } },
  clicks_total: { kind: "counter", help: "clicks" },
  queue_length: { kind: "gauge", help: "jobs that wait", labels: { queue: ["mail", "images"] } },
} as const satisfies Metrics;

export const defaultServerConfig: ServerConfig = {
  maxBodyBytes: 64 * 1024,
  corsOrigins: ["*"],
  pushTokens: [],
  scrapeTokens: [],
  rateLimit: undefined,
  trustedProxies: [],
  tls: undefined,
};

export interface LogEntry {
  readonly level: "debug" | "info" | "warning" | "error";
  readonly message: string;
  readonly keys: LogKeys;
}

/** A log that keeps what it is told. */
export function memoryLog(): Log & { readonly entries: LogEntry[] } {
  const entries: LogEntry[] = [];
  const write =
    (level: LogEntry["level"]) =>
    (message: string, keys: LogKeys = {}) => {
      entries.push({ level, message, keys });
    };
  return {
    entries,
    debug: write("debug"),
    info: write("info"),
    warning: write("warning"),
    error: write("error"),
    writes: () => true,
    flush: async () => {},
  };
}

export interface TestServer extends AsyncDisposable {
  readonly server: Server;
  /** `http://127.0.0.1:41234`. */
  readonly url: string;
  readonly log: ReturnType<typeof memoryLog>;
  scrape(): Promise<Exposition>;
}

export type TestServerOptions = Partial<Omit<ServerOptions, "server" | "log">> & {
  readonly config?: Partial<ServerConfig>;
};

/** `await using specta = await startTestServer()` stops it with the block. */
export async function startTestServer({ config, ...options }: TestServerOptions = {}): Promise<TestServer> {
  const log = memoryLog();
  const server = await startServer({
    server: { ...defaultServerConfig, ...config },
    pushed: defaultPushed,
    registry: new Registry("testing"),
    log,
    host: "127.0.0.1",
    port: 0,
    threads: 1,
    drainMs: 0,
    ...options,
  });
  const url = `${config?.tls === undefined ? "http" : "https"}://127.0.0.1:${server.port}`;
  return {
    server,
    url,
    log,
    scrape: async () => new Exposition(await (await fetch(`${url}/metrics`)).text()),
    [Symbol.asyncDispose]: () => server.stop(0),
  };
}
