/** Who may call from a browser: every answer passes here, errors included. */
import { preflightSeconds } from "../base/limits.ts";

export class Cors {
  /** Undefined: every origin. */
  readonly #origins: ReadonlySet<string> | undefined;

  /** `["*"]` allows all origins. */
  constructor(origins: readonly string[]) {
    this.#origins = origins.includes("*") ? undefined : new Set(origins);
  }

  /** Adds the headers that let a page of an allowed origin read the answer. */
  apply(request: Request, response: Response): Response {
    response.headers.append("vary", "Origin");
    return this.allow(request, response);
  }

  /** The same for an answer that says `Vary: Origin` already. */
  allow(request: Request, response: Response): Response {
    const { headers } = response;
    const origin = request.headers.get("origin");
    if (origin === null || !this.#allows(origin)) return response;
    headers.set("access-control-allow-origin", this.#origins === undefined ? "*" : origin);
    headers.set("access-control-expose-headers", "*");
    return response;
  }

  /** The answer to a preflight, or undefined when the request is none. */
  preflight(request: Request, methods: readonly string[]): Response | undefined {
    const { headers } = request;
    const isPreflight = request.method === "OPTIONS" && headers.has("access-control-request-method");
    if (!isPreflight || !headers.has("origin")) return undefined;
    const answer = new Headers({ vary: "Access-Control-Request-Method, Access-Control-Request-Headers" });
    if (this.#allows(headers.get("origin")!)) {
      answer.set("access-control-allow-methods", methods.join(", "));
      answer.set("access-control-max-age", String(preflightSeconds));
      const wanted = headers.get("access-control-request-headers");
      if (wanted !== null) answer.set("access-control-allow-headers", wanted);
    }
    return new Response(null, { status: 204, headers: answer });
  }

  #allows(origin: string): boolean {
    return this.#origins === undefined || this.#origins.has(origin);
  }
}
