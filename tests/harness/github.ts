/**
 * A GitHub that speaks the wire of the real one, as far as workflow runs go: token, pages with `Link`, the filter by
 * time and its 1,000 results, ETags, attempts, the quota and its headers, moved repositories. Its clock is the test's.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type AttemptState, briefly, type ErrorBody, type RunBody, runBody } from "./github-answers.ts";

export interface FakeAttempt {
  readonly startedMs: number;
  readonly endedMs: number;
  readonly conclusion: string;
}

export interface FakeRun {
  readonly id: number;
  readonly name: string;
  readonly path: string;
  /** What `created_at` says. */
  readonly createdMs: number;
  /** When it can first be seen; `createdMs` when left out. */
  readonly visibleMs?: number;
  /** In order; those that begin later than now do not exist yet. */
  readonly attempts: readonly FakeAttempt[];
}

/** A request as it came. */
export interface Seen {
  readonly path: string;
  readonly repository: string;
  readonly query: URLSearchParams;
  readonly kind: "runs" | "attempt" | "other";
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Filled in when it was answered; 0 where the connection was cut or never answered. */
  status: number;
}

/** What goes wrong with one request instead of the right answer. */
export type Fault =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly body: string;
      readonly headers?: Record<string, string>;
    }
  | { readonly kind: "reset" }
  | { readonly kind: "half"; readonly chunked?: boolean }
  | { readonly kind: "hang" };

export const refusal = (status: number, message: string, headers: Record<string, string> = {}): Fault => {
  const body: ErrorBody = { message, documentation_url: "https://docs.github.com/rest", status: String(status) };
  return {
    kind: "answer",
    status,
    body: JSON.stringify(body),
    headers: { "content-type": "application/json", ...headers },
  };
};

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Record<string, string>;
}

const json = { "content-type": "application/json; charset=utf-8" };
/** GitHub gives no more of one filtered listing. */
const maxResults = 1000;

export class FakeGitHub {
  readonly owner: string;
  readonly token: string;
  /** Whether bodies have the fields alone that are read. */
  readonly brief: boolean;
  now: () => number;
  readonly requests: Seen[] = [];
  /** Runs by the repository's name. */
  readonly runs = new Map<string, FakeRun[]>();
  /** Moved repositories: old name to new name. */
  readonly moved = new Map<string, string>();
  fault: (seen: Seen) => Fault | undefined = () => undefined;
  /** Called before an answer is made, so that a test can change the world between two pages. */
  before: (seen: Seen) => void | Promise<void> = () => undefined;
  limit = 5000;
  remaining = 5000;
  resetMs: number | undefined;
  #server = createServer((request, response) => void this.#serve(request, response));
  #bodies = new Map<string, string>();

  constructor(options: { owner?: string; token?: string; now?: () => number; brief?: boolean } = {}) {
    this.owner = options.owner ?? "acme";
    this.brief = options.brief ?? false;
    this.token = options.token ?? "ghp_sentinel";
    this.now = options.now ?? Date.now;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Adds a run of one attempt. */
  add(repository: string, run: FakeRun): void {
    const list = this.runs.get(repository) ?? [];
    list.push(run);
    this.runs.set(repository, list);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const parts = url.pathname.split("/").filter((part) => part !== "");
    const byId = parts[0] === "repositories";
    const repository = byId ? this.#nameOf(Number(parts[1])) : (parts[2] ?? "");
    const rest = parts.slice(byId ? 2 : 3);
    const kind = rest.join("/") === "actions/runs" ? "runs" : rest[3] === "attempts" ? "attempt" : "other";
    const seen: Seen = {
      path: url.pathname,
      repository,
      query: url.searchParams,
      kind,
      headers: request.headers,
      status: 0,
    };
    this.requests.push(seen);
    await this.before(seen);
    const fault = this.fault(seen);
    if (fault?.kind === "hang") return;
    if (fault?.kind === "reset") {
      request.socket.destroy();
      return;
    }
    const known = byId || parts[1] === this.owner;
    const answer = fault?.kind === "answer" ? { headers: {}, ...fault } : this.#answer(seen, rest, known);
    seen.status = answer.status;
    if (fault?.kind === "half") {
      const length = fault.chunked ? {} : { "content-length": String(Buffer.byteLength(answer.body)) };
      response.writeHead(answer.status, { ...answer.headers, ...length });
      response.write(answer.body.slice(0, answer.body.length / 2), () => request.socket.destroy());
      return;
    }
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }

  #answer(seen: Seen, rest: readonly string[], known: boolean): Answer {
    if (seen.headers.authorization !== `token ${this.token}`) return this.#error(401, "Bad credentials");
    if (this.resetMs !== undefined && this.resetMs <= this.now()) {
      this.resetMs = undefined;
      this.remaining = this.limit;
    }
    if (this.remaining === 0) return this.#error(403, "API rate limit exceeded for user ID 1.");
    const newName = this.moved.get(seen.repository);
    if (newName !== undefined) {
      const place = `${this.url}/repositories/${this.#idOf(newName)}/${rest.join("/")}?${seen.query}`;
      const body = { message: "Moved Permanently", url: place, documentation_url: "https://docs.github.com/rest" };
      return { status: 301, body: JSON.stringify(body), headers: { ...json, location: place } };
    }
    const runs = known ? this.runs.get(seen.repository) : undefined;
    if (!runs || seen.kind === "other") return this.#spend(this.#error(404, "Not Found"));
    return seen.kind === "runs" ? this.#list(seen, runs) : this.#attempt(seen.repository, runs, rest);
  }

  #list({ repository, query, headers }: Seen, runs: readonly FakeRun[]): Answer {
    const now = this.now();
    const within = filterOf(query.get("created") ?? "");
    const listed = runs
      .filter((run) => (run.visibleMs ?? run.createdMs) <= now && within(run.createdMs))
      .sort((a, b) => b.createdMs - a.createdMs || b.id - a.id);
    const perPage = Math.min(100, Math.max(1, Number(query.get("per_page") ?? 30)));
    const page = Math.max(1, Number(query.get("page") ?? 1));
    const given = listed.slice(0, maxResults);
    const bodies = given.slice((page - 1) * perPage, page * perPage).map((run) => this.#current(repository, run));
    const body = `{"total_count":${listed.length},"workflow_runs":[${bodies.join(",")}]}`;
    const etag = `W/"${Bun.hash(body).toString(16)}"`;
    const last = Math.ceil(given.length / perPage);
    const link = this.#link(repository, query, page, last);
    const quick = { etag, ...(link === "" ? {} : { link }) };
    if (headers["if-none-match"] === etag) return { status: 304, body: "", headers: { ...quick, ...this.#quota() } };
    return this.#spend({ status: 200, body, headers: { ...json, ...quick } });
  }

  #link(repository: string, query: URLSearchParams, page: number, last: number): string {
    const to = (number: number, rel: string) => {
      const next = new URLSearchParams(query);
      next.set("page", String(number));
      return `<${this.url}/repositories/${this.#idOf(repository)}/actions/runs?${next}>; rel="${rel}"`;
    };
    const links: string[] = [];
    if (page > 1) links.push(to(page - 1, "prev"));
    if (page < last) links.push(to(page + 1, "next"), to(last, "last"));
    if (page > 1) links.push(to(1, "first"));
    return links.join(", ");
  }

  #attempt(repository: string, runs: readonly FakeRun[], rest: readonly string[]): Answer {
    const run = runs.find(({ id }) => String(id) === rest[2]);
    const number = Number(rest[4]);
    const attempt = run?.attempts[number - 1];
    if (!run || !attempt || attempt.startedMs > this.now()) return this.#spend(this.#error(404, "Not Found"));
    return this.#spend({ status: 200, body: this.#body(repository, run, number), headers: json });
  }

  #current(repository: string, run: FakeRun): string {
    const begun = run.attempts.filter(({ startedMs }) => startedMs <= this.now()).length;
    return this.#body(repository, run, Math.max(1, begun));
  }

  #body(repository: string, run: FakeRun, number: number): string {
    const attempt = run.attempts[number - 1]!;
    const ended = attempt.endedMs <= this.now();
    const key = `${repository} ${run.id} ${number} ${ended}`;
    let body = this.#bodies.get(key);
    if (body === undefined) {
      const state: AttemptState = {
        owner: this.owner,
        repository,
        repositoryId: this.#idOf(repository),
        id: run.id,
        attempt: number,
        name: run.name,
        path: run.path,
        createdMs: run.createdMs,
        startedMs: attempt.startedMs,
        updatedMs: ended ? attempt.endedMs : attempt.startedMs,
        conclusion: ended ? attempt.conclusion : undefined,
      };
      const made: RunBody = runBody(this.url, state);
      body = JSON.stringify(this.brief ? briefly(made) : made);
      this.#bodies.set(key, body);
    }
    return body;
  }

  #idOf(repository: string): number {
    return 1000 + [...this.runs.keys()].indexOf(repository);
  }

  #nameOf(id: number): string {
    return [...this.runs.keys()][id - 1000] ?? "";
  }

  #error(status: number, message: string): Answer {
    const body: ErrorBody = { message, documentation_url: "https://docs.github.com/rest", status: String(status) };
    return { status, body: JSON.stringify(body), headers: { ...json, ...this.#quota() } };
  }

  #spend(answer: Answer): Answer {
    this.remaining -= 1;
    this.resetMs ??= this.now() + 3_600_000;
    return { ...answer, headers: { ...answer.headers, ...this.#quota() } };
  }

  #quota(): Record<string, string> {
    return {
      "x-ratelimit-limit": String(this.limit),
      "x-ratelimit-remaining": String(this.remaining),
      "x-ratelimit-used": String(this.limit - this.remaining),
      "x-ratelimit-reset": String(Math.ceil((this.resetMs ?? this.now() + 3_600_000) / 1000)),
      "x-ratelimit-resource": "core",
    };
  }
}

/** GitHub's filter by time, both ends included. */
function filterOf(created: string): (ms: number) => boolean {
  if (created === "") return () => true;
  if (created.startsWith(">=")) {
    const from = Date.parse(created.slice(2));
    return (ms) => seconds(ms) >= from;
  }
  const [from = Number.NaN, to = Number.NaN] = created.split("..").map(Date.parse);
  return (ms) => seconds(ms) >= from && seconds(ms) <= to;
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
