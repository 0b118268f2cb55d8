/** Every request's way: route, access, CORS, and the RPCs. No socket is known here. */
import { messageOf, troubleOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Kind } from "../metrics/definition.ts";
import type { Access } from "./access.ts";
import type { Cors } from "./cors.ts";
import { type Route, text } from "./routes.ts";
import type { Authority } from "./rpc/authority.ts";
import type { LaneHttp } from "./rpc/lane-http.ts";
import { methodPaths } from "./rpc/pushes.ts";

export interface AppOptions {
  readonly authority: Authority;
  readonly lane: LaneHttp;
  readonly access: Access;
  readonly cors: Cors;
  /** Answered at GET and HEAD, by path; or who answers whatever is no RPC. */
  readonly routes: Readonly<Record<string, Route>> | Elsewhere;
  readonly log: Log;
}

/** What knows the address at the other end of a request's connection. */
export interface Connections {
  requestIP(request: Request): { readonly address: string } | null;
}

/** Answers a request that is no RPC in another thread; `peer` is the address at the other end of its connection. */
export type Elsewhere = (request: Request, path: string, peer: string) => Promise<Response>;

const rpcPrefix = "/metrics.API/";
const kinds: ReadonlyMap<string, Kind> = new Map(
  (Object.keys(methodPaths) as Kind[]).map((kind) => [methodPaths[kind], kind]),
);

export class App {
  readonly #options: AppOptions;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #elsewhere: Elsewhere | undefined;
  /** Nearly all requests have the URL of the one before, and comparing is quicker than cutting. */
  #lastUrl = "";
  #lastPath = "/";

  constructor(options: AppOptions) {
    const { routes } = options;
    this.#options = options;
    this.#routes = new Map(typeof routes === "function" ? [] : Object.entries(routes));
    this.#elsewhere = typeof routes === "function" ? routes : undefined;
  }

  /** Answers any request. Never rejects. */
  readonly fetch = (request: Request, connections: Connections): Response | Promise<Response> => {
    const path = this.#pathOf(request.url);
    const kind = kinds.get(path);
    if (kind === undefined || request.method !== "POST") return this.#answer(request, path, connections);
    if (!this.#options.access.isOpen) return this.#admit(request, path, kind, connections);
    return this.#call(request, path, kind);
  };

  #pathOf(url: string): string {
    if (url !== this.#lastUrl) {
      this.#lastUrl = url;
      this.#lastPath = pathOf(url);
    }
    return this.#lastPath;
  }

  #call(request: Request, path: string, kind: Kind): Promise<Response> {
    const { authority, cors, lane } = this.#options;
    return lane.take(request, kind) ?? authority.answer(request, path).then((answer) => cors.apply(request, answer));
  }

  async #admit(request: Request, path: string, kind: Kind, connections: Connections): Promise<Response> {
    const { access, authority, cors } = this.#options;
    const refusal = await access.refusePush(request, connections);
    if (refusal === undefined) return this.#call(request, path, kind);
    return cors.apply(request, await authority.reject(request, path, refusal));
  }

  async #answer(request: Request, path: string, connections: Connections): Promise<Response> {
    const { cors, log } = this.#options;
    try {
      if (this.#elsewhere !== undefined && !path.startsWith(rpcPrefix)) {
        return await this.#elsewhere(request, path, connections.requestIP(request)?.address ?? "");
      }
      return cors.apply(request, this.#preflight(request, path) ?? (await this.#route(request, path, connections)));
    } catch (thrown) {
      log.error("request failed", { code: "internal", method: path, reason: messageOf(thrown) }, troubleOf(thrown));
      return cors.apply(request, text(500, "internal error\n"));
    }
  }

  #preflight(request: Request, path: string): Response | undefined {
    const { cors } = this.#options;
    if (request.method !== "OPTIONS") return undefined;
    if (path.startsWith(rpcPrefix)) return cors.preflight(request, ["POST"]);
    return cors.preflight(request, this.#routes.has(path) ? ["GET", "HEAD"] : ["GET", "HEAD", "POST"]);
  }

  #route(request: Request, path: string, connections: Connections): Response | Promise<Response> {
    if (path.startsWith(rpcPrefix)) return this.#options.authority.answer(request, path);
    const route = this.#routes.get(path);
    if (route === undefined) return text(404, "not found\n");
    if (request.method === "GET" || request.method === "HEAD") return route(request, connections);
    return text(405, "method not allowed\n", { allow: "GET, HEAD" });
  }
}

/**
 * The path, without a query. A URL is a bare path when the request's Host header is broken, and no URL at all when a
 * client asks for a tunnel.
 */
export function pathOf(url: string): string {
  const scheme = url.indexOf("://");
  if (scheme < 0 && !url.startsWith("/")) return `/${url}`;
  const start = scheme < 0 ? 0 : url.indexOf("/", scheme + 3);
  if (start < 0) return "/";
  let end = start;
  while (end < url.length && url[end] !== "?" && url[end] !== "#") end += 1;
  return url.slice(start, end);
}
