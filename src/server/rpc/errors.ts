/**
 * Rejections as errors, and errors as the callers of Connect and Twirp read them. gRPC-web's stand in trailers, which
 * connect-es writes.
 */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, codeToString, errorToJson } from "@connectrpc/connect/protocol-connect";
import { ReasonSchema } from "../../gen/metrics/common_pb.ts";
import { type RejectionKind, rejectionKinds } from "../../metrics/own.ts";
import type { Call } from "./call.ts";
import type { Rejection } from "./rejection.ts";

const codes: Readonly<Partial<Record<RejectionKind, Code>>> = {
  body_too_large: Code.ResourceExhausted,
  rate_limited: Code.ResourceExhausted,
  unauthenticated: Code.Unauthenticated,
};

/** The rejection as every protocol's error, with a `metrics.Reason` as its detail. */
export function errorOf({ kind, message, headers }: Rejection): ConnectError {
  const reason = create(ReasonSchema, { info: message, kind });
  return new ConnectError(message, codes[kind] ?? Code.InvalidArgument, headers, [
    { desc: ReasonSchema, value: reason },
  ]);
}

/** Why a push was rejected, when the error is a rejection of ours. */
export function kindOf(error: ConnectError): RejectionKind | undefined {
  const kind = reasonOf(error)?.kind;
  return rejectionKinds.find((one) => one === kind);
}

/** The answer to a call that failed; the error's metadata become headers. */
export function errorResponse(error: ConnectError, errors: Call["errors"], status?: number): Response {
  const headers = new Headers(error.metadata);
  headers.delete("content-encoding");
  headers.delete("content-length");
  headers.set("content-type", "application/json");
  return new Response(errorBody(error, errors), { status: status ?? codeToHttpStatus(error.code), headers });
}

function errorBody(error: ConnectError, errors: Call["errors"]): string {
  if (errors === "twirp") {
    const reason = reasonOf(error);
    const meta = reason && { meta: { kind: reason.kind, info: reason.info } };
    return JSON.stringify({ code: codeToString(error.code), msg: error.rawMessage, ...meta });
  }
  const connect = errorToJson(error, undefined);
  return JSON.stringify(errors === "both" ? Object.assign({}, connect, { msg: error.rawMessage }) : connect);
}

function reasonOf(error: ConnectError): { readonly info: string; readonly kind: string } | undefined {
  return error.findDetails(ReasonSchema)[0];
}
