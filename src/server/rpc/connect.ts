/**
 * connect-es behind `Request → Response`: the authority on Connect and gRPC-web. What it leaves open is closed here: the
 * body is read, inflated and checked first, Twirp's content type and errors are translated, and a call that failed
 * before its method was reached has failed by its caller's fault.
 */
import { Code, ConnectError, type ConnectRouter, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { gzipCompression, readBody } from "./body.ts";
import { type Call, callOf, errorsOf, knownContentTypes } from "./call.ts";
import { errorResponse } from "./errors.ts";
import { exchange, exchangeError, type Outcome, tracing } from "./exchange.ts";
import { frameHeadBytes } from "./frames.ts";
import { explain, readMessages } from "./messages.ts";

export interface RpcOptions {
  /** Registers the services. */
  readonly routes: (router: ConnectRouter) => void;
  /** What a body may have, on the wire and inflated. */
  readonly maxBodyBytes: number;
  /** Told of every call that failed, once. */
  readonly failed: (failure: Failure) => void;
}

export interface Failure {
  readonly path: string;
  readonly error: ConnectError;
  /** What was thrown, when the failure is ours; undefined when it is the caller's. */
  readonly ours: unknown;
}

/** The methods of the services, by path. */
export class Rpc {
  readonly #handlers: ReadonlyMap<string, UniversalHandler>;
  readonly #options: RpcOptions;

  constructor(options: RpcOptions) {
    const router = createConnectRouter({
      connect: true,
      grpcWeb: true,
      grpc: false,
      acceptCompression: [gzipCompression],
      interceptors: [tracing],
      readMaxBytes: options.maxBodyBytes,
    });
    options.routes(router);
    this.#options = options;
    this.#handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  }

  /** Whether there is a method at this path. */
  has(path: string): boolean {
    return this.#handlers.has(path);
  }

  /** Answers a POST; its body may have been read already. Never rejects. */
  async answer(request: Request, path: string, body?: Uint8Array): Promise<Response> {
    const handler = this.#handlers.get(path);
    const call = callOf(request.headers);
    if (handler === undefined || call === undefined) return this.#unknown(request, path);
    try {
      const outcome = await this.#exchange(handler, call, request, body);
      if (outcome.error !== undefined) this.report(path, outcome.error, outcome.thrown);
      return respond(call, outcome);
    } catch (thrown) {
      const error = thrown instanceof ConnectError ? thrown : new ConnectError("internal error", Code.Internal);
      this.report(path, error, thrown === error ? undefined : thrown);
      return respond(call, await exchangeError(handler, call, request, error));
    }
  }

  /** Answers with an error, whatever the request's body holds; it is not read. */
  async reject(request: Request, path: string, error: ConnectError): Promise<Response> {
    const handler = this.#handlers.get(path);
    const call = callOf(request.headers);
    if (handler === undefined || call === undefined) return this.#unknown(request, path);
    this.report(path, error, undefined);
    return respond(call, await exchangeError(handler, call, request, error));
  }

  /** The answer to another HTTP method than POST. */
  wrongMethod(request: Request, path: string): Response {
    const error = new ConnectError(
      `the HTTP method must be POST: current value is ${JSON.stringify(request.method)}`,
      Code.Unimplemented,
      { allow: "POST" },
    );
    this.report(path, error, undefined);
    return errorResponse(error, errorsOf(request.headers), 405);
  }

  async #exchange(handler: UniversalHandler, call: Call, request: Request, read?: Uint8Array): Promise<Outcome> {
    const { maxBodyBytes } = this.#options;
    const maxBytes = maxBodyBytes + (call.protocol === "grpc-web" ? frameHeadBytes : 0);
    const body = read ?? (await readBody(request, maxBytes));
    const messages = await readMessages(handler.method, call, request.headers, body, maxBodyBytes);
    const outcome = await exchange(handler, call, request, body);
    if (outcome.error === undefined || outcome.reached) return outcome;
    for (const message of messages) {
      const error = explain(handler.method, call, message);
      if (error !== undefined) throw error;
    }
    return outcome;
  }

  #unknown(request: Request, path: string): Response {
    const type = request.headers.get("content-type") ?? "";
    const known = this.has(path);
    const error = known
      ? new ConnectError(
          `the content type must be one of ${knownContentTypes.join(", ")}: current value is ${JSON.stringify(type)}`,
          Code.InvalidArgument,
        )
      : new ConnectError(`the path must be one of ${[...this.#handlers.keys()].join(", ")}`, Code.Unimplemented);
    this.report(path, error, undefined);
    return errorResponse(error, errorsOf(request.headers), known ? 415 : 404);
  }

  /** Tells of a call that failed; `ours` is what was thrown when the failure is ours. */
  report(path: string, error: ConnectError, ours: unknown): void {
    this.#options.failed({ path, error, ours });
  }
}

function respond(call: Call, { status, headers, body, error }: Outcome): Response {
  if (call.protocol === "connect" && error !== undefined) return errorResponse(error, call.errors);
  if (call.answerType !== undefined) headers.set("content-type", call.answerType);
  return new Response(body, { status, headers });
}
