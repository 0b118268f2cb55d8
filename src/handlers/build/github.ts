import { Octokit } from "@octokit/core";
import { retry } from "@octokit/plugin-retry";
import * as v from "valibot";
import { build } from "../../base/build.ts";
import { messageOf, mustBe } from "../../base/errors.ts";
import { maxGithubRetries } from "../../base/limits.ts";
import { formatDuration } from "../../base/units.ts";
import { parseRun, parseRuns } from "./answers.ts";
import type { Run } from "./classify.ts";
import { type Quota, Refused, restText } from "./quota.ts";
import { transport } from "./transport.ts";

export const runsPerPage = 100;

export interface Page {
  /** How many runs the whole listing has. */
  readonly total: number;
  readonly runs: readonly Run[];
  /** Whether a `Link` header names a next page. */
  readonly more: boolean;
  readonly etag: string | undefined;
}

export interface PageRequest {
  readonly repository: string;
  /** GitHub's filter by time, for example `>=2025-07-03T14:00:00Z`. */
  readonly created: string;
  /** From 1. */
  readonly page: number;
  /** Of the answer that is known already. */
  readonly etag: string | undefined;
}

/** What the handler asks GitHub. Everything thrown is a NoAnswer. */
export interface GitHub {
  /** One page of runs, newest first; undefined when it is still the one of the ETag. */
  listRuns(request: PageRequest): Promise<Page | undefined>;
  getAttempt(repository: string, id: number, attempt: number): Promise<Run>;
}

/** Why there is no usable answer: short, one line, never with the token. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  /** Whether the next request would most likely fail the same way: a rest, a hang, a stop. */
  readonly final: boolean;

  constructor(message: string, final: boolean) {
    super(message);
    this.final = final;
  }
}

export interface GitHubOptions {
  readonly organization: string;
  readonly token: string;
  readonly baseUrl: string;
  readonly quota: Quota;
  /** What `fetch` is given beside each request. */
  readonly way: object;
  readonly signal: AbortSignal;
  /** The time of one request with its retries. */
  readonly requestMs: number;
  /** The first pause before a retry. */
  readonly retryMs: number;
}

const everyRefusal = Array.from({ length: 100 }, (_, index) => 400 + index);

/** The GitHub of one execution. */
export function createGitHub(options: GitHubOptions): GitHub {
  const { organization: owner, token, baseUrl, quota, signal, requestMs } = options;
  const octokit = new (Octokit.plugin(unwrap, retry))({
    auth: token,
    baseUrl,
    userAgent: `specta/${build.tag}`,
    request: { fetch: transport(quota, options.way), log: { ...console, warn: once(console.warn) } },
    retry: {
      retries: maxGithubRetries,
      retryAfterBaseValue: options.retryMs,
      doNotRetry: everyRefusal,
    },
  });
  const headers = { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" };

  /** Runs one request within its time and gives every error one form. */
  async function ask<Answer>(request: (limited: AbortSignal) => Promise<Answer>): Promise<Answer> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(requestMs)]);
    try {
      return await request(limited);
    } catch (error) {
      const reason = signal.aborted
        ? "stopped before GitHub answered"
        : limited.aborted
          ? `no answer from GitHub within ${formatDuration(requestMs)}`
          : reasonOf(error, quota);
      throw new NoAnswer(tidy(reason, token), limited.aborted || quota.restUntilMs !== undefined);
    }
  }

  return {
    listRuns: ({ repository: repo, created, page, etag }) =>
      ask(async (limited) => {
        try {
          const { data, headers: answered } = await octokit.request("GET /repos/{owner}/{repo}/actions/runs", {
            owner,
            repo,
            created,
            page,
            per_page: runsPerPage,
            exclude_pull_requests: true,
            headers: etag === undefined ? headers : { ...headers, "if-none-match": etag },
            request: { signal: limited },
          });
          const more = /\brel="?next\b/.test(answered.link ?? "");
          return { ...parseRuns(data), more, etag: answered.etag };
        } catch (error) {
          if (etag !== undefined && v.is(notModified, error)) return undefined;
          throw error;
        }
      }),
    getAttempt: (repo, id, attempt) =>
      ask(async (limited) => {
        const { data } = await octokit.request(
          "GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}",
          {
            owner,
            repo,
            run_id: id,
            attempt_number: attempt,
            exclude_pull_requests: true,
            headers,
            request: { signal: limited },
          },
        );
        const run = parseRun(data);
        if (run.id !== id || run.attempt !== attempt || !run.completed) {
          throw new Error(`GitHub's answer must be attempt ${attempt} of run ${id}, completed`);
        }
        return run;
      }),
  };
}

/**
 * The base URL of the GitHub API, the public one where none is given.
 *
 * @throws Error when it is no URL
 */
export function parseBaseUrl(text: string | undefined): string {
  const given = text || "https://api.github.com";
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol) || url.search !== "" || url.hash !== "") {
    throw new Error(mustBe("SPECTA_GITHUB_URL", "an http or https URL", given));
  }
  return url.href.replace(/\/+$/, "");
}

/** Octokit turns everything that `fetch` throws into an error of status 500; these must not be retried as one. */
function unwrap(octokit: Octokit): void {
  octokit.hook.wrap("request", async (request, options) => {
    try {
      return await request(options);
    } catch (error) {
      if (options.request.signal?.aborted) throw new Refused("aborted");
      throw error instanceof Error && error.cause instanceof Refused ? error.cause : error;
    }
  });
}

const notModified = v.object({ status: v.literal(304) });
const answeredError = v.object({
  status: v.number(),
  response: v.object({ headers: v.record(v.string(), v.unknown()), data: v.unknown() }),
});
const saying = v.object({ message: v.string() });

function reasonOf(error: unknown, quota: Quota): string {
  if (!v.is(answeredError, error)) {
    return error instanceof Error && error.cause !== undefined
      ? `no answer from GitHub: ${messageOf(error)}`
      : messageOf(error);
  }
  const { headers, data } = error.response;
  const said = v.is(saying, data) ? data.message : `a body of type ${headers["content-type"] ?? "unknown"}`;
  const untilMs = quota.restUntilMs;
  return `GitHub answered ${error.status}: ${said.slice(0, 200)}${untilMs === undefined ? "" : `; ${restText(untilMs)}`}`;
}

/** One short line; the token is taken out of whatever a server, a proxy or the runtime has put it into. */
function tidy(reason: string, token: string): string {
  const [first = ""] = reason.replaceAll(token, "[secret]").split(". For more information");
  return first.replace(/\s+/g, " ").slice(0, 400);
}

function once(warn: (message: string) => void): (message: string) => void {
  let said = false;
  return (message) => {
    if (!said) warn(message);
    said = true;
  };
}
