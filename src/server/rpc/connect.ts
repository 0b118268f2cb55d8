/**
 * connect-es behind `Request → Response`: the authority on Connect and gRPC-web. What it leaves open is closed here: the
 * body is read, inflated and checked first, Twirp's content type and errors are translated, and a call that failed
 * before its method was reached has failed by its caller's fault.
 */
import type { Registry } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, createConnectRouter } from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { codeToString } from "@connectrpc/connect/protocol-connect";
import { mustBe } from "../../base/errors.ts";
import type { RejectionKind } from "../../metrics/own.ts";
import { base64Length, fromBase64, toBase64 } from "./base64.ts";
import { gzipCompression, readBody } from "./body.ts";
import { type Call, callOf, errorsOf, knownContentTypes } from "./call.ts";
import { errorOf, errorResponse, kindOf } from "./errors.ts";
import { exchange, exchangeError, headersOf, type Outcome, tracing } from "./exchange.ts";
import { frameHeadBytes } from "./frames.ts";
import { explain, readMessages } from "./messages.ts";
import type { Rejection } from "./rejection.ts";

export interface RpcOptions {
  /** Registers the services. */
  readonly routes: (router: ConnectRouter) => void;
  /** What a body may have, on the wire and inflated. */
  readonly maxBodyBytes: number;
  /** The types that a service's `google.protobuf.Any` may hold, for their JSON; left out: none. */
  readonly types?: Registry;
  /** Told of every call that failed, once. */
  readonly failed: (failure: Failure) => void;
}

export interface Failure {
  readonly path: string;
  /** Connect's code, as text. */
  readonly code: string;
  readonly reason: string;
  /** Of a rejection. */
  readonly kind: RejectionKind | undefined;
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
      ...(options.types === undefined ? {} : { jsonOptions: { registry: options.types } }),
    });
    options.routes(router);
    this.#options = options;
    this.#handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  }

  /** Answers any request; its body may have been read already. Never rejects. */
  async answer(request: Request, path: string, body?: Uint8Array): Promise<Response> {
    const handler = this.#handlers.get(path);
    if (handler === undefined) return this.#unknownPath(request, path);
    if (request.method !== "POST") return this.#wrongMethod(request, path);
    const call = callOf(request.headers);
    if (call === undefined) return this.#unknownType(request, path);
    try {
      const outcome = await this.#exchange(handler, call, request, body);
      if (outcome.error !== undefined) this.#report(path, outcome.error, outcome.thrown);
      return respond(call, outcome);
    } catch (thrown) {
      const error = thrown instanceof ConnectError ? thrown : new ConnectError("internal error", Code.Internal);
      this.#report(path, error, thrown === error ? undefined : thrown);
      return respond(call, await exchangeError(handler, call, request, error));
    }
  }

  /** Answers with a rejection, whatever the request's body holds; it is not read. */
  async reject(request: Request, path: string, rejection: Rejection): Promise<Response> {
    const handler = this.#handlers.get(path);
    const call = callOf(request.headers);
    if (handler === undefined) return this.#unknownPath(request, path);
    if (call === undefined) return this.#unknownType(request, path);
    const error = errorOf(rejection);
    this.#report(path, error, undefined);
    if (call.protocol === "connect") return errorResponse(error, call.errors);
    return respond(call, await exchangeError(handler, call, request, error));
  }

  async #exchange(handler: UniversalHandler, call: Call, request: Request, read?: Uint8Array): Promise<Outcome> {
    const { maxBodyBytes } = this.#options;
    const maxBytes = maxBodyBytes + (call.protocol === "grpc-web" ? frameHeadBytes : 0);
    const sent = read ?? (await readBody(request, call.text ? base64Length(maxBytes) : maxBytes, maxBodyBytes));
    const body = call.text ? fromBase64(sent) : sent;
    const headers = headersOf(request);
    const messages = await readMessages(handler.method, call, headers, body, maxBodyBytes);
    const outcome = await exchange(handler, call, request, headers, body);
    if (outcome.error === undefined || outcome.reached) return outcome;
    for (const message of messages) {
      const error = explain(handler.method, call, message);
      if (error !== undefined) throw error;
    }
    return outcome;
  }

  #unknownPath(request: Request, path: string): Response {
    const message = `the path must be one of ${[...this.#handlers.keys()].join(", ")}`;
    return this.#refuse(request, path, 404, new ConnectError(message, Code.Unimplemented));
  }

  #wrongMethod(request: Request, path: string): Response {
    const message = mustBe("the HTTP method", "POST", request.method);
    return this.#refuse(request, path, 405, new ConnectError(message, Code.Unknown, { allow: "POST" }));
  }

  #unknownType(request: Request, path: string): Response {
    const expected = `one of ${knownContentTypes.join(", ")}`;
    const message = mustBe("the content type", expected, request.headers.get("content-type") ?? "");
    return this.#refuse(request, path, 415, new ConnectError(message, Code.Unknown));
  }

  #refuse(request: Request, path: string, status: number, error: ConnectError): Response {
    this.#report(path, error, undefined);
    const response = errorResponse(error, errorsOf(request.headers), status);
    if (!readsConnectErrors(request.headers)) response.headers.set("content-type", jsonForOthers);
    return response;
  }

  #report(path: string, error: ConnectError, ours: unknown): void {
    const { code, rawMessage: reason } = error;
    this.#options.failed({ path, code: codeToString(code), reason, kind: kindOf(error), ours });
  }
}

/** JSON as before, spelled so that a client which does not expect an error of Connect's does not take it for one. */
const jsonForOthers = "application/json; charset=utf-8";

function readsConnectErrors(headers: Headers): boolean {
  return headers.has("connect-protocol-version") || callOf(headers)?.protocol === "connect";
}

function respond(call: Call, { status, headers, body, error }: Outcome): Response {
  if (call.protocol === "connect" && error !== undefined) return errorResponse(error, call.errors, status, headers);
  if (call.answerType !== undefined) headers.set("content-type", call.answerType);
  return new Response(call.text ? toBase64(body) : body, { status, headers });
}
