/** What a validated configuration is: everything resolved, every unit in the name, nothing left to check. */
import type { Secret } from "../base/secret.ts";
import type { Metrics } from "../metrics/definition.ts";

export interface Config {
  /** The file as the user named it, or "the embedded default". */
  readonly source: string;
  /** Where relative paths start: the folder of the configuration file. */
  readonly folder: string;
  readonly server: ServerConfig;
  /** What clients may push. */
  readonly metrics: Metrics;
  /** In the order of the file. */
  readonly handlers: readonly HandlerConfig[];
}

export interface ServerConfig {
  readonly maxBodyBytes: number;
  /** Allowed origins; `["*"]` allows all. */
  readonly corsOrigins: readonly string[];
  /** Bearer tokens for the RPCs; empty: open to all. */
  readonly pushTokens: readonly Secret[];
  /** Tokens for /metrics, /status and /status.json; empty: open to all. */
  readonly scrapeTokens: readonly Secret[];
  /** Requests a second and burst per client address; undefined: no limit. */
  readonly rateLimit: { readonly requestsPerSecond: number; readonly burst: number } | undefined;
  /** Networks in CIDR form whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly tls: TlsConfig | undefined;
}

/** Absolute paths. */
export interface TlsConfig {
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string | undefined;
}

/** What every handler has; the built-in's own keys or a user's `with` are in `settings`, as plain JSON. */
export interface HandlerConfig {
  readonly name: string;
  readonly coolerMs: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly staleAfterMs: number;
  readonly maxSeries: number;
  /** Environments it runs in; empty: all. */
  readonly environments: readonly string[];
  /** Absolute path of a user's own handler; undefined for a built-in one. */
  readonly file: string | undefined;
  /** The environment variables that a user's handler may see. */
  readonly env: readonly string[];
  readonly settings: unknown;
}

/** The process's own settings, from environment variables. */
export interface Environment {
  readonly environment: "development" | "testing" | "staging" | "production";
  readonly githubToken: Secret | undefined;
  readonly githubUrl: string | undefined;
  readonly httpHost: string;
  readonly httpPort: number;
  /** Server threads; `auto` is resolved to the number of cores. */
  readonly httpThreads: number;
  readonly drainMs: number;
  readonly logLevel: "debug" | "info" | "warning" | "error";
  readonly runServer: boolean;
  readonly runWorker: boolean;
  /** Path of the configuration file; undefined: the embedded default. */
  readonly config: string | undefined;
  /** The ledger's address; undefined: in memory. It may hold a password. */
  readonly databaseUrl: Secret | undefined;
  readonly awsRegion: string;
  /** All variables after the environment file, for `${NAME}` and the threads. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}
