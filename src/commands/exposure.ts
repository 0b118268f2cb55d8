import type { Environment, ServerConfig } from "../config/config.ts";

/** Who may reach what, by the name of the part: what an operator should know before the port is opened to a network. */
export function exposure(
  server: ServerConfig,
): Readonly<Record<"push" | "scrape" | "cors" | "rate" | "transport", string>> {
  const { pushTokens, scrapeTokens, corsOrigins, rateLimit, tls } = server;
  return {
    push: whoHas(pushTokens),
    scrape: whoHas(scrapeTokens),
    cors: corsOrigins.includes("*") ? "any origin" : corsOrigins.join(", ") || "no origin",
    rate: rateLimit === undefined ? "no limit" : `${rateLimit.requestsPerSecond} requests a second for an address`,
    transport:
      tls === undefined ? "plain HTTP" : tls.clientCaFile === undefined ? "TLS" : "TLS with client certificates",
  };
}

function whoHas(tokens: readonly unknown[]): string {
  if (tokens.length === 0) return "open to all who reach the port";
  return tokens.length === 1 ? "with its token" : `with one of ${tokens.length} tokens`;
}

/** Where the server would listen. */
export function listener({ httpHost, httpPort, httpThreads }: Environment): string {
  const host = httpHost.includes(":") ? `[${httpHost}]` : httpHost;
  return `${host}:${httpPort}, ${httpThreads === 1 ? "1 thread" : `${httpThreads} threads`}`;
}
