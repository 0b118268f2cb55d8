/** Signature Version 4, as a service checks it. */
import { createHash, createHmac } from "node:crypto";

export interface SignedRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

const form =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

/** What is wrong with a request's signature; undefined when it is right. */
export function wrongSignature(
  request: SignedRequest,
  keysOf: (accessKeyId: string) => Keys | undefined,
  region: string,
  service: string,
): "missing" | "unknown key" | "token" | "scope" | "signature" | undefined {
  const match = form.exec(String(request.headers.authorization ?? ""));
  if (match === null) return "missing";
  const [, keyId = "", day = "", signedRegion, signedService, signed = "", signature] = match;
  const keys = keysOf(keyId);
  if (keys === undefined) return "unknown key";
  if (keys.sessionToken !== request.headers["x-amz-security-token"]) return "token";
  if (signedRegion !== region || signedService !== service) return "scope";
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", request.headers["x-amz-date"], scope, sha256(canonical(request, signed))].join(
    "\n",
  );
  const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${keys.secretAccessKey}`,
  );
  return hmac(key, text).toString("hex") === signature ? undefined : "signature";
}

/** What was signed, line by line; `SignatureDoesNotMatch` repeats it. */
export function canonical({ method, url, headers, body }: SignedRequest, signed: string): string {
  const [path = "/", query = ""] = url.split("?");
  const lines = signed.split(";").map((name) => `${name}:${String(headers[name] ?? "").trim()}`);
  return [method, path, query, ...lines, "", signed, sha256(body)].join("\n");
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
