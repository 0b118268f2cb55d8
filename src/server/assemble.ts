/** One thread's server, from a request to its shard; the main thread's and the others' are put together alike. */
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { troubleOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ServerConfig } from "../config/config.ts";
import type { Access } from "./access.ts";
import { App, type Elsewhere } from "./app.ts";
import { Cors } from "./cors.ts";
import type { Fetch } from "./listen.ts";
import type { Route } from "./routes.ts";
import { type Failure, Rpc } from "./rpc/connect.ts";
import { Lane } from "./rpc/lane.ts";
import { LaneHttp } from "./rpc/lane-http.ts";
import type { Methods } from "./rpc/methods.ts";
import { kindOf } from "./rpc/rejection.ts";

export interface Parts {
  readonly config: Pick<ServerConfig, "maxBodyBytes" | "corsOrigins">;
  readonly methods: Methods;
  readonly access: Access;
  /** What this thread answers beside the RPCs, by path, or who does instead of it. */
  readonly routes: Readonly<Record<string, Route>> | Elsewhere;
  readonly log: Log;
  /** Whether connections are to be closed after their answer. */
  readonly isStopping: () => boolean;
}

export function assemble({ config, methods, access, routes, log, isStopping }: Parts): Fetch {
  const { maxBodyBytes, corsOrigins } = config;
  const cors = new Cors(corsOrigins);
  const rpc = new Rpc({ routes: methods.routes, maxBodyBytes, failed: (failure) => report(failure, methods, log) });
  const lane = new LaneHttp({ lane: new Lane(methods), rpc, cors, maxBodyBytes });
  const app = new App({ rpc, lane, access, cors, routes, log });
  return (request, connections) =>
    isStopping() ? closing(app.fetch(request, connections)) : app.fetch(request, connections);
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
