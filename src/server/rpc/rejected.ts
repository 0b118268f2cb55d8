/**
 * The answer to a push that the lane rejects, in the bytes that connect-es would make of it: a rejected batch must not
 * cost more than an accepted one, and an error object with its stack, its details and their encodings costs as much as
 * reading the batch.
 */
import type { RejectionKind } from "../../metrics/own.ts";
import { type Call, errorsOf } from "./call.ts";
import type { Failure } from "./connect.ts";
import type { Rejection } from "./rejection.ts";

const invalid = { code: "invalid_argument", status: 400 } as const;
const exhausted = { code: "resource_exhausted", status: 429 } as const;
const outcomes: Readonly<Partial<Record<RejectionKind, { readonly code: string; readonly status: number }>>> = {
  body_too_large: exhausted,
  rate_limited: exhausted,
  unauthenticated: { code: "unauthenticated", status: 401 },
};

/** What is told of it to the log and the metrics. */
export function failureOf(path: string, { kind, message }: Rejection): Failure {
  return { path, code: (outcomes[kind] ?? invalid).code, reason: message, kind, ours: undefined };
}

/** To a caller of Connect or Twirp. */
export function rejectedResponse(request: Request, rejection: Rejection): Response {
  const { code, status } = outcomes[rejection.kind] ?? invalid;
  const body = bodyOf(rejection, code, errorsOf(request.headers));
  return new Response(body, { status, headers: { ...rejection.headers, "content-type": "application/json" } });
}

function bodyOf({ kind, message }: Rejection, code: string, errors: Call["errors"]): string {
  const text = JSON.stringify(message);
  if (errors === "twirp") return `{"code":"${code}","msg":${text},"meta":{"kind":"${kind}","info":${text}}}`;
  const detail = `{"type":"metrics.Reason","debug":{"info":${text},"kind":"${kind}"},"value":"${reasonOf(message, kind)}"}`;
  const msg = errors === "both" ? `,"msg":${text}` : "";
  return `{"code":"${code}","message":${text},"details":[${detail}]${msg}}`;
}

/** A `metrics.Reason` in protobuf, in base64: field 100 is the info, field 200 the kind, each with its length. */
function reasonOf(info: string, kind: string): string {
  // A character for each byte, as btoa wants it.
  const bytes = Buffer.from(info).toString("latin1");
  return btoa(`\xa2\x06${varint(bytes.length)}${bytes}\xc2\x0c${varint(kind.length)}${kind}`).replace(/=+$/, "");
}

function varint(value: number): string {
  return value < 128 ? String.fromCharCode(value) : String.fromCharCode((value & 127) | 128) + varint(value >> 7);
}
