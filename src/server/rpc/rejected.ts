/**
 * The answer to a push that the lane rejects, in the bytes that connect-es would make of it: a rejected batch must not
 * cost more than an accepted one, and an error object with its stack, its details and their encodings costs as much as
 * reading the batch.
 */
import { type Call, errorsOf } from "./call.ts";
import type { Failure } from "./connect.ts";
import type { Rejection } from "./rejection.ts";

/** All that the lane rejects breaks a rule of its content: what a caller may do was decided before. */
const code = "invalid_argument";
export const rejectedStatus = 400;

/** What is told of it to the log and the metrics. */
export function failureOf(path: string, { kind, message }: Rejection): Failure {
  return { path, code, reason: message, kind, ours: undefined };
}

/** The bodies of such answers. A client that is wrong is wrong in the same way again, so the last one is kept. */
export class RejectedBodies {
  #message = "";
  #errors: Call["errors"] | undefined;
  #body = "";

  /** As a caller of Connect or Twirp reads it. */
  of(rejection: Rejection, headers: Headers, contentType: string): string {
    const errors = errorsOf(headers, contentType);
    if (rejection.message !== this.#message || errors !== this.#errors) {
      this.#message = rejection.message;
      this.#errors = errors;
      this.#body = bodyOf(rejection, errors);
    }
    return this.#body;
  }
}

function bodyOf({ kind, message }: Rejection, errors: Call["errors"]): string {
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
