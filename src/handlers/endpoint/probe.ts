import { messageOf } from "../../base/errors.ts";
import { maxProbeRedirects } from "../../base/limits.ts";
import { formatDuration } from "../../base/units.ts";
import type { WayOut } from "../outbound.ts";

/** What one probe has seen. */
export interface Probe {
  readonly isHealthy: boolean;
  /** The final status; undefined when there was none. */
  readonly status: number | undefined;
  /** Why it is not healthy; empty when it is. */
  readonly reason: string;
  /** The same for the same cause, though the reason's words may differ. */
  readonly cause: string;
}

export interface ProbeOptions {
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Ends the probe early; it then throws. */
  readonly signal: AbortSignal;
  /** The proxy and the authorities of a request. */
  readonly wayOut: WayOut;
}

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * GETs a URL, follows its redirects and looks at the final status: a redirect whose own status is wanted is final. The
 * body is not read and not inflated. Each request has a connection of its own, so that none fails because an idle one was
 * closed meanwhile; names are resolved by Bun, which remembers an address for 30 seconds.
 */
export async function probe(url: string, wanted: readonly number[], options: ProbeOptions): Promise<Probe> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const ended = new AbortController();
  const signal = AbortSignal.any([timeout, options.signal, ended.signal]);
  try {
    return await follow(new URL(url), wanted, signal, options);
  } catch (thrown) {
    options.signal.throwIfAborted();
    if (timeout.aborted) return unreached(`no answer within ${formatDuration(options.timeoutMs)}`, "timeout");
    const reason = reasonOf(thrown);
    return unreached(reason, reason);
  } finally {
    // Closes the connection, whatever its body would still send.
    ended.abort();
  }
}

async function follow(
  start: URL,
  wanted: readonly number[],
  signal: AbortSignal,
  options: ProbeOptions,
): Promise<Probe> {
  let url = start;
  for (let hops = 0; ; hops += 1) {
    const { status, location } = await ask(url, signal, options);
    if (wanted.includes(status)) return { isHealthy: true, status, reason: "", cause: "" };
    if (!redirects.has(status) || location === null) {
      return bad(status, `the status must be ${wanted.length === 1 ? "" : "one of "}${wanted.join(", ")}`);
    }
    if (hops === maxProbeRedirects) return bad(status, `more than ${maxProbeRedirects} redirects`);
    const next = URL.parse(location, url.href);
    if (next === null || !isWeb(next)) return bad(status, "a redirect must lead to an http or https URL");
    url = next;
  }
}

async function ask(url: URL, signal: AbortSignal, options: ProbeOptions) {
  const response = await fetch(url.href, {
    ...options.wayOut(url),
    headers: { "User-Agent": options.userAgent, Accept: "*/*" },
    redirect: "manual",
    keepalive: false,
    decompress: false,
    signal,
  });
  const answer = { status: response.status, location: response.headers.get("location") };
  await response.body?.cancel();
  return answer;
}

function bad(status: number, reason: string): Probe {
  return { isHealthy: false, status, reason, cause: `${status} ${reason}` };
}

function unreached(reason: string, cause: string): Probe {
  return { isHealthy: false, status: undefined, reason, cause };
}

/** Bun's own words for these are an advice to a person at a keyboard. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the connection was refused",
  ECONNRESET: "the connection was closed before an answer",
  EHOSTUNREACH: "the host cannot be reached",
  ENETUNREACH: "the network cannot be reached",
  ENOTFOUND: "the name cannot be resolved",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another host",
  ResponseHeadersTooLarge: "the headers of the answer are too large",
};

/** Why there was no answer; never with an URL in it, which may hold a secret. */
function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : "";
  return reasons[code] ?? messageOf(thrown).replace(/\bhttps?:\/\/[^\s"']+/g, "the URL");
}

function isWeb({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}
