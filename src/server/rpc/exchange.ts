/** One exchange with a method of connect-es, from bytes to bytes. */
import { gunzipSync } from "node:zlib";
import {
  Code,
  ConnectError,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
} from "@connectrpc/connect";
import { createAsyncIterable, readAllBytes, type UniversalHandler } from "@connectrpc/connect/protocol";
import { errorFromJsonBytes } from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { trailerParse } from "@connectrpc/connect/protocol-grpc-web";
import type { Call } from "./call.ts";
import { frame, splitFrames } from "./frames.ts";
import { clampTimeouts } from "./timeouts.ts";

/** What became of a call. */
export interface Outcome {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
  /** Whether the body was decoded, so that the method ran. */
  readonly reached: boolean;
  /** Why it failed: what the method threw, else what connect-es answered. */
  readonly error: ConnectError | undefined;
  /** What the method threw when it was no ConnectError. */
  readonly thrown: unknown;
}

interface Trace {
  /** Thrown in place of the method. */
  readonly instead: ConnectError | undefined;
  reached: boolean;
  thrown: unknown;
}

const traceKey = createContextKey<Trace | undefined>(undefined, { description: "what became of this call" });

/** Notes whether the method was reached, and what it threw. */
export const tracing: Interceptor = (next) => async (request) => {
  const trace = request.contextValues.get(traceKey);
  if (trace === undefined) return next(request);
  if (trace.instead !== undefined) throw trace.instead;
  trace.reached = true;
  try {
    return await next(request);
  } catch (thrown) {
    trace.thrown = thrown;
    throw thrown;
  }
};

/** The request's deadline or end, as an error of the method. */
export function throwIfAborted({ signal }: Pick<HandlerContext, "signal">): void {
  if (signal.aborted) throw ConnectError.from(signal.reason, Code.Canceled);
}

/** The request's headers as connect-es reads them: names of encodings in lower case, timeouts that a timer can hold. */
export function headersOf(request: Request): Headers {
  const headers = new Headers(request.headers);
  for (const name of ["content-encoding", "grpc-encoding"]) {
    const encoding = headers.get(name)?.toLowerCase();
    if (encoding === "") headers.delete(name);
    else if (encoding !== undefined) headers.set(name, encoding);
  }
  clampTimeouts(headers);
  return headers;
}

/** Gives the body to the method. */
export function exchange(
  handler: UniversalHandler,
  call: Call,
  request: Request,
  headers: Headers,
  body: Uint8Array,
): Promise<Outcome> {
  return run(handler, call, request, headers, body, undefined);
}

/** Has an error of ours encoded in the caller's protocol: the method runs on an empty message and throws it. */
export function exchangeError(handler: UniversalHandler, call: Call, request: Request, error: ConnectError) {
  const headers = new Headers(request.headers);
  for (const name of ["content-encoding", "content-length", "connect-timeout-ms", "grpc-encoding", "grpc-timeout"]) {
    headers.delete(name);
  }
  const message = call.binary ? new Uint8Array(0) : new TextEncoder().encode("{}");
  return run(handler, call, request, headers, call.protocol === "grpc-web" ? frame(message) : message, error);
}

async function run(
  handler: UniversalHandler,
  call: Call,
  request: Request,
  headers: Headers,
  body: Uint8Array,
  instead: ConnectError | undefined,
): Promise<Outcome> {
  headers.set("content-type", call.contentType);
  const trace: Trace = { instead, reached: false, thrown: undefined };
  const answer = await handler({
    httpVersion: "1.1",
    method: "POST",
    // A request's own URL is no URL when its Host header is broken; nobody looks at the host.
    url: `http://localhost${handler.requestPath}`,
    header: headers,
    body: createAsyncIterable([body]),
    signal: request.signal,
    contextValues: createContextValues().set(traceKey, trace),
  });
  const outcome = {
    status: answer.status,
    headers: new Headers(answer.header),
    body: new Uint8Array(await readAllBytes(answer.body ?? createAsyncIterable([]), Number.MAX_SAFE_INTEGER)),
    reached: trace.reached,
  };
  const thrown = trace.thrown instanceof ConnectError ? undefined : trace.thrown;
  if (trace.thrown instanceof ConnectError) return { ...outcome, error: trace.thrown, thrown };
  const read = call.protocol === "connect" ? readConnectError : readTrailerError;
  return { ...outcome, error: instead ?? read(outcome.status, outcome.headers, outcome.body), thrown };
}

function readConnectError(status: number, headers: Headers, body: Uint8Array): ConnectError | undefined {
  if (status === 200) return undefined;
  const bytes = headers.get("content-encoding") === "gzip" ? gunzipSync(body) : body;
  const fallback = new ConnectError(`the answer was HTTP ${status}`, Code.Internal);
  return errorFromJsonBytes(bytes, headers, fallback);
}

function readTrailerError(_status: number, headers: Headers, body: Uint8Array): ConnectError | undefined {
  const last = splitFrames(body).at(-1);
  if (last === undefined || !last.trailer) return findTrailerError(headers);
  return findTrailerError(trailerParse(last.compressed ? gunzipSync(last.data) : last.data));
}
