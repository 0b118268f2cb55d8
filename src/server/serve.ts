/** Puts the server together: the memory that clients push to, the RPCs, the routes, the listener. */
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { troubleOf } from "../base/errors.ts";
import { tlsReloadMs } from "../base/limits.ts";
import type { Log } from "../base/log.ts";
import type { ServerConfig } from "../config/config.ts";
import type { Metrics } from "../metrics/definition.ts";
import { pushOwnMetrics } from "../metrics/own.ts";
import { layoutOf } from "../metrics/push-layout.ts";
import { allocate, PushShard, pushFamilies } from "../metrics/push-store.ts";
import type { Registry } from "../metrics/registry.ts";
import { Access } from "./access.ts";
import { App } from "./app.ts";
import { Cors } from "./cors.ts";
import { type Fetch, listen } from "./listen.ts";
import { compressed, livenessRoute, metricsRoute, type Route, versionRoute } from "./routes.ts";
import { type Failure, Rpc } from "./rpc/connect.ts";
import { Lane } from "./rpc/lane.ts";
import { LaneHttp } from "./rpc/lane-http.ts";
import { Methods } from "./rpc/methods.ts";
import { kindOf } from "./rpc/rejection.ts";

export interface ServerOptions {
  readonly server: ServerConfig;
  /** What clients may push; its families are added to the registry. */
  readonly pushed: Metrics;
  readonly registry: Registry;
  readonly log: Log;
  readonly host: string;
  readonly port: number;
  /** Server threads. */
  readonly threads: number;
  /** How long everything is still answered once it is known that this process will stop (ms). */
  readonly drainMs: number;
  /** Further paths that answer GET and HEAD, open to those who may scrape; their answers are compressed. */
  readonly routes?: Readonly<Record<string, Route>>;
  /** How often the files of the certificate are looked at (ms); 10 s unless told. */
  readonly tlsReloadMs?: number;
}

export interface Server {
  /** `127.0.0.1:7777`, with the port that was taken. */
  readonly address: string;
  readonly port: number;
  /** Tells load balancers to turn away: resolves after `drainMs`, while all goes on being answered. */
  drain(): Promise<void>;
  /** Accepts nothing new and waits for the requests in flight; after that long (ms) they are cut. */
  stop(maxMs: number): Promise<void>;
}

/** @throws Problems when it cannot listen. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { server, pushed, registry, log, host } = options;
  const layout = layoutOf({ ...pushed, ...pushOwnMetrics(pushed) });
  const memory = allocate(layout, 1);
  for (const family of pushFamilies(layout, memory, registry.environment)) registry.add(family);

  let stopping = false;
  const methods = new Methods(new PushShard(layout, memory, 0), Object.keys(pushed));
  const { maxBodyBytes } = server;
  const access = new Access(server);
  const cors = new Cors(server.corsOrigins);
  const rpc = new Rpc({ routes: methods.routes, maxBodyBytes, failed: (failure) => report(failure, methods, log) });
  const guarded = { "/metrics": metricsRoute(registry), ...options.routes };
  const app = new App({
    rpc,
    lane: new LaneHttp({ lane: new Lane(methods), rpc, cors, maxBodyBytes }),
    access,
    cors,
    routes: {
      "/": livenessRoute(() => stopping),
      "/version": versionRoute,
      ...Object.fromEntries(Object.entries(guarded).map(([path, route]) => [path, access.scrape(compressed(route))])),
    },
    log,
  });
  const fetch: Fetch = (request, connections) =>
    stopping ? closing(app.fetch(request, connections)) : app.fetch(request, connections);
  const listener = listen({
    host,
    port: options.port,
    share: "alone",
    tls: server.tls,
    tlsReloadMs: options.tlsReloadMs ?? tlsReloadMs,
    fetch,
    log,
  });
  return {
    address: listener.address,
    port: listener.port,
    async drain() {
      stopping = true;
      await Bun.sleep(options.drainMs);
    },
    async stop(maxMs) {
      stopping = true;
      const timer = setTimeout(() => void listener.abort(), maxMs);
      await listener.stop();
      clearTimeout(timer);
    },
  };
}

/** Has the connection closed after the answer. */
async function closing(answer: Response | Promise<Response>): Promise<Response> {
  const response = await answer;
  response.headers.set("connection", "close");
  return response;
}

/** Counts and logs a call that failed. */
function report({ path, error, ours }: Failure, methods: Methods, log: Log): void {
  const kind = kindOf(error);
  if (kind !== undefined) methods.recorder.reject(kind);
  if (ours === undefined && !log.writes("debug")) return;
  const keys = { code: codeToString(error.code), method: path, reason: error.rawMessage };
  if (ours === undefined) log.debug("request failed", keys);
  else log.error("request failed", keys, troubleOf(ours));
}
