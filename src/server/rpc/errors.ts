/** Errors as the callers of Connect and Twirp read them. gRPC-web's stand in trailers, which connect-es writes. */
import type { ConnectError } from "@connectrpc/connect";
import { codeToHttpStatus, codeToString, errorToJson } from "@connectrpc/connect/protocol-connect";
import type { Call } from "./call.ts";
import { reasonOf } from "./rejection.ts";

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
