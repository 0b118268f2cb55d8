/** A request's body: read, inflated and held to its limits before anyone parses it. */
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { messageOf } from "../../base/errors.ts";
import { errorOf } from "./errors.ts";
import { malformed, type Rejection } from "./rejection.ts";

const deflate = promisify(gzip);
const inflate = promisify(gunzip);

/**
 * The whole body. What frames it counts in `maxBytes`, and not in `saidBytes`, of which its sender is told.
 *
 * @throws a ConnectError when it is larger than may be read, or does not arrive.
 */
export async function readBody(request: Request, maxBytes: number, saidBytes: number): Promise<Uint8Array> {
  const length = request.headers.get("content-length");
  if (Number(length) > maxBytes) throw errorOf(tooLarge(saidBytes));
  try {
    return length === null ? await readChunks(request, maxBytes, saidBytes) : await request.bytes();
  } catch (error) {
    if (error instanceof ConnectError) throw error;
    throw errorOf(malformed(`the body must arrive whole: ${messageOf(error)}`));
  }
}

/** A body whose length nobody has told. */
async function readChunks({ body }: Request, maxBytes: number, saidBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    // Leaving the loop cancels the rest.
    if (length > maxBytes) throw errorOf(tooLarge(saidBytes));
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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

function tooLarge(maxBytes: number): Rejection {
  return { kind: "body_too_large", message: `the body must have at most ${maxBytes} bytes, on the wire and inflated` };
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
