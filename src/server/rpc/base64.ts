/** The text mode of gRPC-web, which Google's clients for browsers send unless told: its frames as base64. */
import { errorOf } from "./errors.ts";
import { malformed } from "./rejection.ts";

/** What so many bytes take as base64. */
export function base64Length(bytes: number): number {
  return Math.ceil(bytes / 3) * 4;
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** Clients may pad each part that they send. @throws a ConnectError when it is no base64. */
export function fromBase64(text: Uint8Array): Uint8Array {
  const parts = Buffer.from(text)
    .toString("latin1")
    .trimEnd()
    .split(/(?<==)(?!=)/);
  for (const part of parts) {
    if (part.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(part)) {
      throw errorOf(malformed("the body must be base64 with its padding, as its content type says"));
    }
  }
  return Buffer.concat(parts.map((part) => Buffer.from(part, "base64")));
}
