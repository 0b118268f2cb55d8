import { ipVersion } from "../../base/address.ts";
import { build } from "../../base/build.ts";
import { maxProbes, reminderMs } from "../../base/limits.ts";
import type { Context, Handler, Sample, World } from "../handler.ts";
import { healthy, leastHealthy, unhealthy } from "../health.ts";
import { inLanes } from "../lanes.ts";
import { wayOut } from "../outbound.ts";
import { Certificates, type ReadExpiry, readExpiry } from "./certificate.ts";
import { certificateExpiry, definitions, endpointHealth } from "./metrics.ts";
import { type Probe, probe } from "./probe.ts";
import { type Settings, targetsIn } from "./settings.ts";

/** What tests put in the place of the clock and of the handshakes. */
export interface Tuning {
  /** Unix milliseconds. */
  readonly now?: () => number;
  readonly readExpiry?: ReadExpiry;
}

interface Endpoint {
  readonly service: string;
  readonly url: URL;
  readonly wanted: readonly number[];
  /** The URL as the log may show it: credentials are left out, and values of its query. */
  readonly shown: string;
}

export function createHandler(settings: Settings, world: World, tuning: Tuning = {}): Handler {
  const now = tuning.now ?? Date.now;
  const targets = targetsIn(settings, world.environment);
  const endpoints = targets.flatMap(({ service, urls, status }) =>
    urls.map((url): Endpoint => ({ service, url: new URL(url), wanted: status, shown: show(url) })),
  );
  const certificates = new Certificates(tuning.readExpiry ?? readExpiry, now);
  const log = new ChangeLog(now);
  /** Hosts of URLs that were not healthy at last. */
  const failing = new Set<string>();
  // HTTPS_PROXY, HTTP_PROXY, NO_PROXY, NODE_EXTRA_CA_CERTS and SSL_CERT_FILE count, those of the environment file too. What
  // is wrong with them fails the execution instead of every endpoint.
  const way = wayOut(world.variables, { isDirect: isLoopback });
  for (const { url } of endpoints) way(url);
  const userAgent = `specta/${build.tag}`;

  async function look(endpoint: Endpoint, { signal, timeoutMs }: Context): Promise<Probe> {
    return await probe(endpoint.url.href, endpoint.wanted, { timeoutMs, userAgent, signal, wayOut: way });
  }

  async function readCertificates({ signal, timeoutMs }: Context): Promise<void> {
    const due = new Map<string, URL>();
    for (const { url } of endpoints) {
      if (url.protocol === "https:" && certificates.isDue(url, !failing.has(url.host))) due.set(url.host, url);
    }
    await inLanes(maxProbes, [...due.values()], (url) => certificates.read(url, timeoutMs, signal));
  }

  function expiries(): Sample[] {
    const earliest = new Map<string, number>();
    for (const { service, url } of endpoints) {
      const expiryMs = url.protocol === "https:" ? certificates.expiryMs(url) : undefined;
      if (expiryMs !== undefined) earliest.set(service, Math.min(expiryMs, earliest.get(service) ?? expiryMs));
    }
    return [...earliest].map(([service, expiryMs]) => {
      return { metric: certificateExpiry, labels: { service }, number: expiryMs / 1000 };
    });
  }

  return {
    metrics: definitions(targets),
    cooler: () => 5000,
    async ensure(context) {
      const [probes] = await Promise.all([
        inLanes(maxProbes, endpoints, (endpoint) => look(endpoint, context)),
        readCertificates(context),
      ]);
      failing.clear();
      for (const [index, endpoint] of endpoints.entries()) {
        const seen = probes[index]!;
        if (!seen.isHealthy) failing.add(endpoint.url.host);
        log.observe(endpoint, seen, context);
      }
      const samples = endpoints.map(({ service }, index): Sample => {
        return { metric: endpointHealth, labels: { service }, number: probes[index]!.isHealthy ? healthy : unhealthy };
      });
      return [...leastHealthy(samples), ...expiries()];
    },
  };
}

/** A proxy would look at itself there. */
function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || (ipVersion(hostname) === 4 && hostname.startsWith("127."));
}

/** Tells of a URL that is not healthy when that begins or changes, and once an hour while it lasts. */
class ChangeLog {
  readonly #now: () => number;
  readonly #told = new Map<Endpoint, { readonly cause: string; readonly atMs: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  observe(endpoint: Endpoint, { isHealthy, cause, reason, status }: Probe, context: Context): void {
    if (isHealthy) {
      this.#told.delete(endpoint);
      return;
    }
    const told = this.#told.get(endpoint);
    if (told?.cause === cause && this.#now() - told.atMs < reminderMs) return;
    this.#told.set(endpoint, { cause, atMs: this.#now() });
    context.log("info", "observed non-ok status code", {
      reason,
      status: status === undefined ? "" : String(status),
      url: endpoint.shown,
    });
  }
}

function show(text: string): string {
  const url = new URL(text);
  if (url.username === "" && url.password === "" && url.search === "") return text;
  url.username = "";
  url.password = "";
  const query = [...url.searchParams.keys()].map((key) => `${encodeURIComponent(key)}=…`).join("&");
  url.search = "";
  url.hash = "";
  return query === "" ? url.href : `${url.href}?${query}`;
}
