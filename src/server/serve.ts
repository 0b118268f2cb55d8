/** Puts the server together: the memory that clients push to, the RPCs, the routes, the listener. */
import { tlsReloadMs } from "../base/limits.ts";
import { type Log, logLevels } from "../base/log.ts";
import type { ServerConfig } from "../config/config.ts";
import type { Metrics } from "../metrics/definition.ts";
import { pushOwnMetrics } from "../metrics/own.ts";
import { layoutOf } from "../metrics/push-layout.ts";
import { allocate, type PushMemory, PushShard, pushFamilies } from "../metrics/push-store.ts";
import type { Registry } from "../metrics/registry.ts";
import { Access } from "./access.ts";
import { assemble } from "./assemble.ts";
import { type Fetch, listen } from "./listen.ts";
import { RateLimiter } from "./rate-limit.ts";
import { compressed, livenessRoute, metricsRoute, type Route, versionRoute } from "./routes.ts";
import { Pushes } from "./rpc/pushes.ts";
import type { Answers, Question, RouteQuestion, ThreadDuty } from "./thread-protocol.ts";
import { ServerThreads } from "./threads.ts";

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
  /** How long a connection of the main thread may be silent, and a body take to arrive (s); 75 s unless told. */
  readonly idleSeconds?: number;
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
  const { server, pushed, registry, log, threads } = options;
  const layout = layoutOf({ ...pushed, ...pushOwnMetrics(pushed) });
  const memory = allocate(layout, threads);
  for (const family of pushFamilies(layout, memory, registry.environment)) registry.add(family);

  let isStopping = false;
  const pushes = new Pushes(new PushShard(layout, memory, 0), Object.keys(pushed));
  const limiter = server.rateLimit && new RateLimiter(server.rateLimit);
  const access = new Access({ ...server, limiter });
  const guarded = { "/metrics": metricsRoute(registry), ...options.routes };
  const fetch = assemble({
    config: server,
    pushes,
    access,
    routes: {
      "/": livenessRoute(() => isStopping),
      "/version": versionRoute,
      ...Object.fromEntries(Object.entries(guarded).map(([path, route]) => [path, access.scrape(compressed(route))])),
    },
    log,
    isStopping: () => isStopping,
  });
  const listenOptions = { ...options, tls: server.tls, tlsReloadMs: options.tlsReloadMs ?? tlsReloadMs, fetch };
  const listener = listen({ ...listenOptions, share: threads > 1 ? "first" : "alone" });
  const others = new ServerThreads({
    duties: dutiesOf({ ...options, ...listenOptions, port: listener.port }, memory),
    answer: answerer(fetch, pushes, limiter),
    log,
  });
  await others.start();
  return {
    address: listener.address,
    port: listener.port,
    async drain() {
      isStopping = true;
      others.drain();
      await Bun.sleep(options.drainMs);
    },
    async stop(maxMs) {
      isStopping = true;
      const timer = setTimeout(() => {
        others.abort();
        void listener.abort();
      }, maxMs);
      // The other threads' last requests may still need this one.
      await others.stop();
      await listener.stop();
      clearTimeout(timer);
    },
  };
}

function dutiesOf(options: ServerOptions & { readonly tlsReloadMs: number }, memory: PushMemory): ThreadDuty[] {
  const { server, pushed, host, port, log } = options;
  const { maxBodyBytes, corsOrigins, trustedProxies, tls } = server;
  const duty = {
    ...{ memory, pushed, host, port, maxBodyBytes, corsOrigins, trustedProxies, tls, tlsReloadMs: options.tlsReloadMs },
    pushTokens: server.pushTokens.map((token) => token.reveal()),
    hasRateLimit: server.rateLimit !== undefined,
    logLevel: logLevels.find((level) => log.writes(level)) ?? "error",
  };
  return Array.from({ length: options.threads - 1 }, (_, index) => ({ ...duty, shard: index + 1 }));
}

/** What the main thread answers to the others. */
function answerer(fetch: Fetch, pushes: Pushes, limiter: RateLimiter | undefined) {
  const route = async ({ method, path, headers, peer }: RouteQuestion): Promise<Answers["route"]> => {
    const request = new Request(`http://localhost${path}`, { method, headers });
    const answer = await fetch(request, { requestIP: () => ({ address: peer }) });
    return { status: answer.status, headers: [...answer.headers], body: new Uint8Array(await answer.arrayBuffer()) };
  };
  return (question: Question): unknown => {
    if (question.ask === "route") return route(question);
    if (question.ask === "push") return pushes.pushOnce(question);
    return limiter?.take(question.address) ?? 0;
  };
}
