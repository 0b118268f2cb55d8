import { maxAwsBodyBytes } from "../../base/limits.ts";
import { readBody } from "../body.ts";
import type { World } from "../handler.ts";
import { authorityVariables, wayOut } from "../outbound.ts";
import type { Secrets } from "./secrets.ts";

/** Statuses whose answer may have no body. */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

/**
 * `fetch` for the SDK's clients, by the thread's own proxy and authorities. An attempt that takes longer than `requestMs`
 * fails with a TimeoutError, which the SDK tries again. Redirects are not followed, so that what is signed goes nowhere
 * else; the whole body is read up to a bound, so that one that breaks off is an error.
 */
export function transport(
  variables: World["variables"],
  secrets: Secrets,
  requestMs: number,
): (request: Request) => Promise<Response> {
  const way = wayOut(variables, { names: [...authorityVariables, "AWS_CA_BUNDLE"] });
  return async (request) => {
    secrets.note(request.headers);
    const response = await fetch(request, {
      ...way(new URL(request.url)),
      redirect: "manual",
      signal: AbortSignal.any([request.signal, AbortSignal.timeout(requestMs)]),
    });
    const body = await readBody(response, maxAwsBodyBytes);
    const { status, statusText } = response;
    const headers = new Headers(response.headers);
    // The body is inflated already.
    headers.delete("content-encoding");
    headers.delete("content-length");
    return new Response(bodiless.has(status) ? null : body, { status, statusText, headers });
  };
}
