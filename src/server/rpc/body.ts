/** A request's body: read, inflated and held to its limits before anyone parses it. */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { Compression } from "@connectrpc/connect/protocol";
import { messageOf } from "../../base/errors.ts";
import { errorOf, type Rejection } from "./rejection.ts";

const deflate = promisify(gzip);
const inflate = promisify(gunzip);

/** The whole body. @throws a ConnectError when it is larger than may be read, or does not arrive. */
export async function readBody(request: Request, maxBytes: number): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length")) > maxBytes) throw errorOf(tooLarge(maxBytes));
  let body: Uint8Array;
  try {
    body = await request.bytes();
  } catch (error) {
    throw errorOf(
      isBodyLimit(error) ? tooLarge(maxBytes) : malformed(`the body must arrive whole: ${messageOf(error)}`),
    );
  }
  if (body.length > maxBytes) throw errorOf(tooLarge(maxBytes));
  return body;
}

/** gzip as connect-es takes it, with an output that never grows beyond what may be read. */
export const gzipCompression: Compression = {
  name: "gzip",
  async compress(bytes) {
    return new Uint8Array(await deflate(bytes));
  },
  async decompress(bytes, maxBytes) {
    if (bytes.length === 0) return new Uint8Array(0);
    try {
      return new Uint8Array(await inflate(bytes, { maxOutputLength: maxBytes }));
    } catch (error) {
      if (hasCode(error, "ERR_BUFFER_TOO_LARGE")) throw errorOf(tooLarge(maxBytes));
      throw errorOf(malformed(`the body must be gzip, as its encoding says: ${messageOf(error)}`));
    }
  },
};

export function malformed(message: string): Rejection {
  return { kind: "body_malformed", message };
}

function tooLarge(maxBytes: number): Rejection {
  return { kind: "body_too_large", message: `the body must have at most ${maxBytes} bytes, on the wire and inflated` };
}

/** Whether Bun stopped to read because its own bound, above ours, was reached. */
function isBodyLimit(error: unknown): boolean {
  return error instanceof Error && /too large|exceed/i.test(error.message);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
