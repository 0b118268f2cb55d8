/** Two servers in memory that differ in one thing: one has the lane, the other sends everything to connect-es. */

import type { Kind } from "../../src/metrics/definition.ts";
import { pushOwnMetrics } from "../../src/metrics/own.ts";
import { layoutOf } from "../../src/metrics/push-layout.ts";
import { allocate, PushShard } from "../../src/metrics/push-store.ts";
import { Cors } from "../../src/server/cors.ts";
import { Rpc } from "../../src/server/rpc/connect.ts";
import { Lane } from "../../src/server/rpc/lane.ts";
import { LaneHttp } from "../../src/server/rpc/lane-http.ts";
import { Methods, methodPaths } from "../../src/server/rpc/methods.ts";
import { kindOf } from "../../src/server/rpc/rejection.ts";
import { manyPushed } from "./server.ts";

/** What one call leaves behind: all that a caller or a scrape can see of it. */
export interface Effect {
  readonly status: number;
  readonly body: string;
  readonly contentType: string | null;
  readonly vary: string | null;
  readonly origin: string | null;
  /** The cells that have changed, by their place. */
  readonly cells: Readonly<Record<number, number>>;
}

class Twin {
  readonly #cells: Float64Array;
  readonly #cors = new Cors(["*"]);
  readonly #rpc: Rpc;
  readonly #lane: LaneHttp | undefined;
  /** How many requests the lane has answered. */
  laned = 0;

  constructor(hasLane: boolean) {
    const layout = layoutOf({ ...manyPushed, ...pushOwnMetrics(manyPushed) });
    const memory = allocate(layout, 1);
    const methods = new Methods(new PushShard(layout, memory, 0), Object.keys(manyPushed));
    const maxBodyBytes = 64 * 1024;
    this.#cells = new Float64Array(memory.cells);
    this.#rpc = new Rpc({
      routes: methods.routes,
      maxBodyBytes,
      failed: ({ error }) => {
        const kind = kindOf(error);
        if (kind !== undefined) methods.recorder.reject(kind);
      },
    });
    const lane = new Lane(methods);
    const push = lane.push.bind(lane);
    lane.push = (kind, format, bytes) => {
      const outcome = push(kind, format, bytes);
      if (outcome !== undefined) this.laned += 1;
      return outcome;
    };
    if (hasLane) this.#lane = new LaneHttp({ lane, rpc: this.#rpc, cors: this.#cors, maxBodyBytes });
  }

  async call(kind: Kind, headers: Readonly<Record<string, string>>, body: Uint8Array<ArrayBuffer>): Promise<Effect> {
    const before = this.#cells.slice();
    const path = methodPaths[kind];
    const request = new Request(`http://localhost${path}`, {
      method: "POST",
      headers: { ...headers, "Content-Length": String(body.length) },
      body,
    });
    const laned = await this.#lane?.take(request, kind);
    const answer = laned ?? this.#cors.apply(request, await this.#rpc.answer(request, path));
    const cells: Record<number, number> = {};
    for (const [index, value] of this.#cells.entries()) if (!Object.is(value, before[index])) cells[index] = value;
    return {
      status: answer.status,
      body: Buffer.from(await answer.bytes()).toString("latin1"),
      contentType: answer.headers.get("content-type"),
      vary: answer.headers.get("vary"),
      origin: answer.headers.get("access-control-allow-origin"),
      cells,
    };
  }
}

export class Twins {
  readonly #fast = new Twin(true);
  readonly #slow = new Twin(false);

  /** How many requests the lane has answered by itself. */
  get laned(): number {
    return this.#fast.laned;
  }

  /** Sends the same request to both. */
  async call(kind: Kind, headers: Readonly<Record<string, string>>, body: Uint8Array<ArrayBuffer>) {
    return { lane: await this.#fast.call(kind, headers, body), connect: await this.#slow.call(kind, headers, body) };
  }
}
