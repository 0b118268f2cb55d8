/** Every request's way: route, CORS, and the RPCs. No socket is known here. */
import { messageOf, troubleOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Access } from "./access.ts";
import { Cors } from "./cors.ts";
import { type Route, text } from "./routes.ts";
import type { Rpc } from "./rpc/connect.ts";

export interface AppOptions {
  readonly rpc: Rpc;
  /** Answered at GET and HEAD, by path. */
  readonly routes: Readonly<Record<string, Route>>;
  readonly access: Access;
  readonly corsOrigins: readonly string[];
  readonly log: Log;
}

const rpcPrefix = "/metrics.API/";

export class App {
  readonly #options: AppOptions;
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #cors: Cors;

  constructor(options: AppOptions) {
    this.#options = options;
    this.#routes = new Map(Object.entries(options.routes));
    this.#cors = new Cors(options.corsOrigins);
  }

  /** Answers any request. Never rejects. */
  readonly fetch = async (request: Request, peer: string | undefined): Promise<Response> => {
    const path = pathOf(request.url);
    try {
      return this.#cors.apply(request, this.#preflight(request, path) ?? (await this.#answer(request, path, peer)));
    } catch (thrown) {
      const keys = { code: "internal", method: path, reason: messageOf(thrown) };
      this.#options.log.error("request failed", keys, troubleOf(thrown));
      return this.#cors.apply(request, text(500, "internal error\n"));
    }
  };

  #preflight(request: Request, path: string): Response | undefined {
    if (request.method !== "OPTIONS") return undefined;
    if (isRpc(path)) return this.#cors.preflight(request, ["POST"]);
    return this.#cors.preflight(request, this.#routes.has(path) ? ["GET", "HEAD"] : ["GET", "HEAD", "POST"]);
  }

  async #answer(request: Request, path: string, peer: string | undefined): Promise<Response> {
    if (isRpc(path)) return this.#call(request, path, peer);
    const route = this.#routes.get(path);
    if (route === undefined) return text(404, "not found\n");
    if (request.method === "GET" || request.method === "HEAD") return route(request, peer);
    return text(405, "method not allowed\n", { allow: "GET, HEAD" });
  }

  #call(request: Request, path: string, peer: string | undefined): Response | Promise<Response> {
    const { rpc, access } = this.#options;
    if (request.method !== "POST" && rpc.has(path)) return rpc.wrongMethod(request, path);
    const refusal = access.refusePush(request, peer);
    return refusal === undefined ? rpc.answer(request, path) : rpc.reject(request, path, refusal);
  }
}

function isRpc(path: string): boolean {
  return path.startsWith(rpcPrefix);
}

/** The path as it was sent, without a query. A URL is a bare path when the request's Host header is broken. */
export function pathOf(url: string): string {
  const scheme = url.indexOf("://");
  const start = scheme < 0 ? 0 : url.indexOf("/", scheme + 3);
  if (start < 0) return "/";
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}
