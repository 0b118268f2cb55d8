/** One thread's server, from a request to its shard; the main thread's and the others' are put together alike. */
import { troubleOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ServerConfig } from "../config/config.ts";
import type { Access } from "./access.ts";
import { App, type Elsewhere } from "./app.ts";
import { Cors } from "./cors.ts";
import type { Fetch } from "./listen.ts";
import type { Route } from "./routes.ts";
import { Authority } from "./rpc/authority.ts";
import type { Failure } from "./rpc/connect.ts";
import { Lane } from "./rpc/lane.ts";
import { LaneHttp } from "./rpc/lane-http.ts";
import type { Pushes } from "./rpc/pushes.ts";

export interface Parts {
  readonly config: Pick<ServerConfig, "maxBodyBytes" | "corsOrigins">;
  readonly pushes: Pushes;
  readonly access: Access;
  /** What this thread answers beside the RPCs, by path, or who does instead of it. */
  readonly routes: Readonly<Record<string, Route>> | Elsewhere;
  readonly log: Log;
  /** Whether connections are to be closed after their answer. */
  readonly isStopping: () => boolean;
}

export function assemble({ config, pushes, access, routes, log, isStopping }: Parts): Fetch {
  const { maxBodyBytes, corsOrigins } = config;
  const cors = new Cors(corsOrigins);
  const failed = (failure: Failure) => report(failure, pushes, log);
  const authority = new Authority({ pushes, maxBodyBytes, failed });
  const lane = new LaneHttp({ lane: new Lane(pushes), authority, cors, maxBodyBytes, failed });
  const app = new App({ authority, lane, access, cors, routes, log });
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
function report({ path, code, reason, kind, ours }: Failure, pushes: Pushes, log: Log): void {
  if (kind !== undefined) pushes.recorder.reject(kind);
  const keys = { code, method: path, reason };
  if (ours !== undefined) log.error("request failed", keys, troubleOf(ours));
  else if (log.writes("debug")) log.debug("request failed", keys);
}
