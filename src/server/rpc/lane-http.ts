/** Which requests may take the lane, and its answers as HTTP. */
import { messageOf } from "../../base/errors.ts";
import type { Kind } from "../../metrics/definition.ts";
import type { Cors } from "../cors.ts";
import type { Authority } from "./authority.ts";
import type { Failure } from "./connect.ts";
import { type FormatName, type Lane, Successes } from "./lane.ts";
import { methodPaths } from "./pushes.ts";
import { failureOf, RejectedBodies, rejectedStatus } from "./rejected.ts";
import { malformed } from "./rejection.ts";

/** The content types as nearly all write them; another spelling is for connect-es. */
const formats: ReadonlyMap<string | null, FormatName> = new Map([
  ["application/json", "json"],
  ["application/proto", "proto"],
  ["application/protobuf", "proto"],
]);

function initOf(status: number, contentType: string): ResponseInit {
  return { status, headers: new Headers({ "content-type": contentType, vary: "Origin" }) };
}

const rejectedInit = initOf(rejectedStatus, "application/json");

export interface LaneHttpOptions {
  readonly lane: Lane;
  readonly authority: Authority;
  readonly cors: Cors;
  readonly maxBodyBytes: number;
  /** Told of every call that failed, once. */
  readonly failed: (failure: Failure) => void;
}

export class LaneHttp {
  readonly #options: LaneHttpOptions;
  readonly #successes = new Successes();
  readonly #rejected = new RejectedBodies();
  /** Of good answers, by content type; made once, as all that is the same for all. */
  readonly #inits: ReadonlyMap<string, ResponseInit>;

  constructor(options: LaneHttpOptions) {
    this.#options = options;
    this.#inits = new Map([...formats.keys()].map((type) => [type!, initOf(200, type!)]));
  }

  /** Answers a POST to a method; undefined for a request that is not plain enough, of which nothing was read then. */
  take(request: Request, kind: Kind): Promise<Response> | undefined {
    const { headers } = request;
    const type = headers.get("content-type");
    const format = formats.get(type);
    const length = headers.get("content-length");
    if (format === undefined || length === null || Number(length) > this.#options.maxBodyBytes) return undefined;
    if (headers.has("content-encoding") || headers.has("connect-timeout-ms") || headers.has("idempotency-key")) {
      return undefined;
    }
    return request.bytes().then(
      (bytes) => this.#answer(request, kind, format, type!, bytes),
      (error: unknown) => this.#lost(request, kind, error),
    );
  }

  #answer(
    request: Request,
    kind: Kind,
    format: FormatName,
    type: string,
    bytes: Uint8Array,
  ): Response | Promise<Response> {
    const outcome = this.#options.lane.push(kind, format, bytes);
    if (typeof outcome === "number") {
      const body = format === "json" ? this.#successes.json(outcome) : this.#successes.proto(outcome);
      return this.#reply(request, body, this.#inits.get(type)!);
    }
    const { authority, cors, failed } = this.#options;
    const path = methodPaths[kind];
    if (outcome === undefined) {
      return authority.answer(request, path, bytes).then((answer) => cors.apply(request, answer));
    }
    failed(failureOf(path, outcome));
    return this.#reply(request, this.#rejected.of(outcome, request.headers, type), rejectedInit);
  }

  #reply(request: Request, body: string | Uint8Array<ArrayBuffer>, init: ResponseInit): Response {
    const response = new Response(body, init);
    return request.headers.has("origin") ? this.#options.cors.allow(request, response) : response;
  }

  /** The body did not arrive. */
  async #lost(request: Request, kind: Kind, error: unknown): Promise<Response> {
    const { authority, cors } = this.#options;
    const lost = malformed(`the body must arrive whole: ${messageOf(error)}`);
    return cors.apply(request, await authority.reject(request, methodPaths[kind], lost));
  }
}
