/**
 * Rejections as errors, and errors as the callers of Connect and Twirp read them. gRPC-web's stand in trailers, which
 * connect-es writes.
 */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, codeToString, errorToJson } from "@connectrpc/connect/protocol-connect";
import { ReasonSchema } from "../../gen/metrics/common_pb.ts";
import type { RejectionKind } from "../../metrics/own.ts";
import type { Call } from "./call.ts";
import type { Rejection } from "./rejection.ts";

const codes: Readonly<Partial<Record<RejectionKind, Code>>> = {
  body_too_large: Code.ResourceExhausted,
  rate_limited: Code.ResourceExhausted,
  unauthenticated: Code.Unauthenticated,
};

/** The rejection that an error was made from. */
const rejections = new WeakMap<ConnectError, Rejection>();

/**
 * The rejection as every protocol's error, with a `metrics.Reason` as its detail. A body that is too large has none:
 * that error is Connect's own, and its conformance suite wants it bare.
 */
export function errorOf(rejection: Rejection): ConnectError {
  const { kind, message, headers } = rejection;
  const reason = { desc: ReasonSchema, value: create(ReasonSchema, { info: message, kind }) };
  const details = kind === "body_too_large" ? [] : [reason];
  const error = new ConnectError(message, codes[kind] ?? Code.InvalidArgument, headers, details);
  rejections.set(error, rejection);
  return error;
}

/** Why a push was rejected, when the error is a rejection of ours. */
export function kindOf(error: ConnectError): RejectionKind | undefined {
  return rejections.get(error)?.kind;
}

/** The answer to a call that failed; the error's metadata become headers, unless the method's are given. */
export function errorResponse(
  error: ConnectError,
  errors: Call["errors"],
  status: number = codeToHttpStatus(error.code),
  given: Headers = error.metadata,
): Response {
  const headers = new Headers(given);
  headers.delete("content-encoding");
  headers.delete("content-length");
  headers.set("content-type", "application/json");
  return new Response(errorBody(error, errors), { status, headers });
}

function errorBody(error: ConnectError, errors: Call["errors"]): string {
  if (errors === "twirp") {
    const rejection = rejections.get(error);
    const meta = rejection && { meta: { kind: rejection.kind, info: rejection.message } };
    return JSON.stringify({ code: codeToString(error.code), msg: error.rawMessage, ...meta });
  }
  const connect = errorToJson(error, undefined);
  return JSON.stringify(errors === "both" ? Object.assign({}, connect, { msg: error.rawMessage }) : connect);
}
