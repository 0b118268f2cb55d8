import { maxGithubBodyBytes, maxGithubRedirects } from "../../base/limits.ts";
import { formatSize } from "../../base/units.ts";
import { readBody } from "../body.ts";
import { type Quota, Refused } from "./quota.ts";

const moved: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * `fetch` for GitHub, with `way` beside each request: asks nothing while the quota rests, follows redirects on the same
 * origin alone, so that the token goes nowhere else, and reads the whole body up to a bound, so that one that breaks off is
 * an error.
 */
export function transport(quota: Quota, way: object): (url: string, init: RequestInit) => Promise<Response> {
  return async (url, init) => {
    let target = new URL(url);
    for (let hops = 0; ; hops += 1) {
      quota.admit();
      const response = await fetch(target.href, { ...init, ...way, redirect: "manual" });
      const body = await bodyOf(response);
      quota.observe(response.status, response.headers, response.status >= 400 ? new TextDecoder().decode(body) : "");
      if (!moved.has(response.status)) return answer(response, body);
      if (hops === maxGithubRedirects) throw new Refused(`GitHub redirects more than ${maxGithubRedirects} times`);
      target = nextTarget(target, response);
    }
  };
}

function nextTarget(from: URL, response: Response): URL {
  const location = response.headers.get("location");
  const to = location === null ? null : URL.parse(location, from.href);
  if (to === null) throw new Refused(`GitHub answered ${response.status} without a usable Location`);
  if (to.origin !== from.origin)
    throw new Refused(`GitHub redirects to another host, which is not followed: ${to.origin}`);
  // The place of a moved repository may come without the question that was asked.
  if (to.search === "") to.search = from.search;
  return to;
}

async function bodyOf(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readBody(response, maxGithubBodyBytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Refused(`GitHub's answer must have at most ${formatSize(maxGithubBodyBytes)}`);
  }
}

function answer({ status, statusText, headers }: Response, body: Uint8Array<ArrayBuffer>): Response {
  const plain = new Headers(headers);
  // The body is inflated already.
  plain.delete("content-encoding");
  plain.delete("content-length");
  return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers: plain });
}
