/** Two servers in memory that differ in one thing: one has the lane, the other sends everything to connect-es. */

import type { Kind } from "../../src/metrics/definition.ts";
import { pushOwnMetrics } from "../../src/metrics/own.ts";
import { layoutOf } from "../../src/metrics/push-layout.ts";
import { allocate, PushShard } from "../../src/metrics/push-store.ts";
import { Cors } from "../../src/server/cors.ts";
import { Authority } from "../../src/server/rpc/authority.ts";
import type { Failure } from "../../src/server/rpc/connect.ts";
import { Lane } from "../../src/server/rpc/lane.ts";
import { LaneHttp } from "../../src/server/rpc/lane-http.ts";
import { methodPaths, Pushes } from "../../src/server/rpc/pushes.ts";
import { manyPushed } from "./server.ts";

/** What one call leaves behind: all that a caller or a scrape can see of it. */
export interface Effect {
  readonly status: number;
  readonly body: string;
  readonly contentType: string | null;
  readonly vary: string | null;
  readonly origin: string | null;
  /** The cells that have changed, by their place; as text, for minus zero is a change too. */
  readonly cells: Readonly<Record<number, string>>;
  /** What the log is told. */
  readonly failures: readonly Failure[];
}

class Twin {
  readonly #cells: Float64Array;
  readonly #cors = new Cors(["*"]);
  readonly #authority: Authority;
  readonly #lane: LaneHttp | undefined;
  /** How many requests the lane has answered. */
  laned = 0;
  /** What the log is told. */
  failures: Failure[] = [];

  constructor(hasLane: boolean) {
    const layout = layoutOf({ ...manyPushed, ...pushOwnMetrics(manyPushed) });
    const memory = allocate(layout, 1);
    const pushes = new Pushes(new PushShard(layout, memory, 0), Object.keys(manyPushed));
    const maxBodyBytes = 64 * 1024;
    this.#cells = new Float64Array(memory.cells);
    const failed = (failure: Failure) => {
      this.failures.push(failure);
      if (failure.kind !== undefined) pushes.recorder.reject(failure.kind);
    };
    this.#authority = new Authority({ pushes, maxBodyBytes, failed });
    const lane = new Lane(pushes);
    const push = lane.push.bind(lane);
    lane.push = (kind, format, bytes) => {
      const outcome = push(kind, format, bytes);
      if (outcome !== undefined) this.laned += 1;
      return outcome;
    };
    if (hasLane)
      this.#lane = new LaneHttp({ lane, authority: this.#authority, cors: this.#cors, maxBodyBytes, failed });
  }

  async call(kind: Kind, headers: Readonly<Record<string, string>>, body: Uint8Array<ArrayBuffer>): Promise<Effect> {
    const before = this.#cells.slice();
    this.failures = [];
    const path = methodPaths[kind];
    const request = new Request(`http://localhost${path}`, {
      method: "POST",
      headers: { ...headers, "Content-Length": String(body.length) },
      body,
    });
    const laned = await this.#lane?.take(request, kind);
    const answer = laned ?? this.#cors.apply(request, await this.#authority.answer(request, path));
    const cells: Record<number, string> = {};
    for (const [index, value] of this.#cells.entries())
      if (!Object.is(value, before[index])) cells[index] = Object.is(value, -0) ? "-0" : String(value);
    return {
      status: answer.status,
      body: Buffer.from(await answer.bytes()).toString("latin1"),
      contentType: answer.headers.get("content-type"),
      vary: answer.headers.get("vary"),
      origin: answer.headers.get("access-control-allow-origin"),
      cells,
      failures: this.failures,
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
