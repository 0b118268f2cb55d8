/** Who may push, who may scrape, and how often. */
import type { Secret } from "../base/secret.ts";
import type { Connections } from "./app.ts";
import { ClientAddresses } from "./client-address.ts";
import type { Limiter } from "./rate-limit.ts";
import { type Route, text } from "./routes.ts";
import type { Rejection } from "./rpc/rejection.ts";

export interface AccessOptions {
  /** Empty: everyone may push. */
  readonly pushTokens: readonly Secret[];
  /** Empty: everyone may scrape. */
  readonly scrapeTokens: readonly Secret[];
  /** Networks in CIDR form whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  /** Undefined: as often as they like. */
  readonly limiter: Limiter | undefined;
}

/** What is asked of a request before anything is done for it. */
export class Access {
  readonly #push: Tokens;
  readonly #scrape: Tokens;
  readonly #addresses: ClientAddresses;
  readonly #limiter: Limiter | undefined;

  constructor({ pushTokens, scrapeTokens, trustedProxies, limiter }: AccessOptions) {
    this.#push = new Tokens(pushTokens);
    this.#scrape = new Tokens(scrapeTokens);
    this.#addresses = new ClientAddresses(trustedProxies);
    this.#limiter = limiter;
  }

  /** Whether anyone may push as often as they like. */
  get isOpen(): boolean {
    return this.#limiter === undefined && this.#push.isEmpty;
  }

  /** Why this request may not push, or undefined when it may. */
  async refusePush(request: Request, connections: Connections): Promise<Rejection | undefined> {
    const waitSeconds = await this.#wait(request, connections);
    if (waitSeconds > 0) {
      const message = `requests must be fewer: try again in ${waitSeconds} s`;
      return { kind: "rate_limited", message, headers: { "retry-after": String(waitSeconds) } };
    }
    if (this.#push.allow(bearerOf(request.headers))) return undefined;
    const message = "Authorization must be Bearer with a token that may push";
    return { kind: "unauthenticated", message, headers: { "www-authenticate": bearerChallenge } };
  }

  /** The route, for those who may scrape. */
  scrape(route: Route): Route {
    return async (request, connections) => {
      const waitSeconds = await this.#wait(request, connections);
      if (waitSeconds > 0) return text(429, "too many requests\n", { "retry-after": String(waitSeconds) });
      const { headers } = request;
      if (this.#scrape.allow(bearerOf(headers) ?? passwordOf(headers))) return route(request, connections);
      // A browser asks for the password of the first challenge that it knows.
      const challenges = `Basic realm="specta", charset="UTF-8", ${bearerChallenge}`;
      return text(401, "a token that may scrape is needed\n", { "www-authenticate": challenges });
    };
  }

  #wait(request: Request, connections: Connections): number | Promise<number> {
    if (this.#limiter === undefined) return 0;
    return this.#limiter.take(
      this.#addresses.of(connections.requestIP(request)?.address, request.headers.get("x-forwarded-for")),
    );
  }
}

const bearerChallenge = 'Bearer realm="specta"';

/** Tokens that are compared in constant time, by their hashes. */
class Tokens {
  readonly #hashes: readonly Buffer[];

  constructor(tokens: readonly Secret[]) {
    this.#hashes = tokens.map((token) => hash(token.reveal()));
  }

  get isEmpty(): boolean {
    return this.#hashes.length === 0;
  }

  /** All are compared whichever fits. Without tokens everyone is let in. */
  allow(token: string | undefined): boolean {
    if (this.#hashes.length === 0) return true;
    if (token === undefined) return false;
    const given = hash(token);
    let known = false;
    for (const one of this.#hashes) known = crypto.timingSafeEqual(one, given) || known;
    return known;
  }
}

function hash(token: string): Buffer {
  return new Bun.CryptoHasher("sha256").update(token).digest();
}

function bearerOf(headers: Headers): string | undefined {
  return /^bearer +([!-~]+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
}

/** The password of HTTP basic authentication; the user's name does not matter. */
function passwordOf(headers: Headers): string | undefined {
  const credentials = /^basic +([!-~]+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (credentials === undefined) return undefined;
  const decoded = Buffer.from(credentials, "base64").toString();
  const colon = decoded.indexOf(":");
  return colon < 0 ? undefined : decoded.slice(colon + 1);
}
