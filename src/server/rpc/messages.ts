/** The messages in a request's body, before connect-es sees it: inflated, and held to what it does not check. */
import { type DescMethod, fromBinary, fromJsonString } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { messageOf } from "../../base/errors.ts";
import { gzipCompression } from "./body.ts";
import type { Call } from "./call.ts";
import { errorOf } from "./errors.ts";
import { splitFrames } from "./frames.ts";
import { faultOf } from "./json-fault.ts";
import { malformed } from "./rejection.ts";
import { checkWire } from "./wire.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The messages as plain bytes. Those in an encoding that nobody here knows are left out, for connect-es to refuse.
 *
 * @throws a ConnectError when one does not inflate within the limit, or breaks its format.
 */
export async function readMessages(
  method: DescMethod,
  call: Call,
  headers: Headers,
  body: Uint8Array,
  maxBytes: number,
): Promise<readonly Uint8Array[]> {
  const messages: Uint8Array[] = [];
  for (const { data, encoding } of partsOf(call, headers, body)) {
    if (encoding !== "identity" && encoding !== "gzip") continue;
    const message = encoding === "gzip" ? await gzipCompression.decompress(data, maxBytes) : data;
    const fault = call.binary ? checkWire(method.input, message) : checkText(message);
    if (fault !== undefined) throw errorOf(malformed(`the body must be ${format(method, call)}: ${fault}`));
    messages.push(message);
  }
  return messages;
}

/** Why connect-es could not decode a message, or undefined when it could. */
export function explain(method: DescMethod, call: Call, message: Uint8Array): ConnectError | undefined {
  try {
    if (call.binary) fromBinary(method.input, message);
    else fromJsonString(method.input, utf8.decode(message), { ignoreUnknownFields: true });
    return undefined;
  } catch (error) {
    const fault = call.binary ? undefined : faultOf(method.input, parsed(message));
    return errorOf(malformed(fault ?? `the body must be ${format(method, call)}: ${messageOf(error)}`));
  }
}

/** Undefined for what is no JSON. */
function parsed(message: Uint8Array): unknown {
  try {
    return JSON.parse(utf8.decode(message));
  } catch {
    return undefined;
  }
}

function* partsOf(call: Call, headers: Headers, body: Uint8Array): Generator<{ data: Uint8Array; encoding: string }> {
  if (call.protocol === "connect") {
    yield { data: body, encoding: headers.get("content-encoding") ?? "identity" };
    return;
  }
  const encoding = headers.get("grpc-encoding") ?? "identity";
  for (const frame of splitFrames(body)) {
    if (!frame.trailer) yield { data: frame.data, encoding: frame.compressed ? encoding : "identity" };
  }
}

function checkText(message: Uint8Array): string | undefined {
  try {
    utf8.decode(message);
    return undefined;
  } catch {
    return "it must be valid UTF-8";
  }
}

function format(method: DescMethod, call: Call): string {
  return `a ${method.input.typeName} in ${call.binary ? "protobuf" : "JSON"}`;
}
