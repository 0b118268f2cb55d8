import type { Environment, ServerConfig } from "../config/config.ts";

/** Who may reach what, by the name of the part: what an operator should know before the port is opened to a network. */
export function exposure(
  server: ServerConfig,
): Readonly<Record<"push" | "scrape" | "cors" | "rate" | "transport", string>> {
  const { pushTokens, scrapeTokens, corsOrigins, rateLimit, tls } = server;
  return {
    push: pushTokens.length === 0 ? "open to all who reach the port" : `with one of ${pushTokens.length} tokens`,
    scrape: scrapeTokens.length === 0 ? "open to all who reach the port" : `with one of ${scrapeTokens.length} tokens`,
    cors: corsOrigins.includes("*") ? "any origin" : corsOrigins.join(", ") || "no origin",
    rate: rateLimit === undefined ? "no limit" : `${rateLimit.requestsPerSecond} requests a second for an address`,
    transport:
      tls === undefined ? "plain HTTP" : tls.clientCaFile === undefined ? "TLS" : "TLS with client certificates",
  };
}

/** Where the server would listen. */
export function listener({ httpHost, httpPort, httpThreads }: Environment): string {
  const host = httpHost.includes(":") ? `[${httpHost}]` : httpHost;
  return `${host}:${httpPort}, ${httpThreads === 1 ? "1 thread" : `${httpThreads} threads`}`;
}
