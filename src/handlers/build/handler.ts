import {
  buildLookShare,
  githubRetryMs,
  maxEndedPerReport,
  maxGithubLanes,
  maxGithubRequestMs,
} from "../../base/limits.ts";
import type { Ended, Failure, Handler, Report, World } from "../handler.ts";
import { inLanes } from "../lanes.ts";
import { wayOut } from "../outbound.ts";
import { createGitHub, parseBaseUrl } from "./github.ts";
import { look, type Memory } from "./look.ts";
import { definitions, rateLimitRemaining } from "./metrics.ts";
import { Quota, restText } from "./quota.ts";
import type { Repository, Settings } from "./settings.ts";

/** What tests turn: the clock (Unix milliseconds) and the first pause before a retry. */
export interface Tuning {
  readonly now?: () => number;
  readonly retryMs?: number;
}

const nothing: Memory = { pages: new Map(), recorded: new Set() };

/** @throws Error when SPECTA_GITHUB_URL, the proxy or the authorities are none */
export function createHandler(settings: Settings, world: World, tuning: Tuning = {}): Handler<Settings> {
  const { organization, lookback: lookbackMs, repositories } = settings;
  const { now = Date.now, retryMs = githubRetryMs } = tuning;
  const quota = new Quota(now);
  const token = world.variables.SPECTA_GITHUB_TOKEN?.trim() ?? "";
  const baseUrl = parseBaseUrl(world.variables.SPECTA_GITHUB_URL);
  // One for all requests: redirects to another host are not followed.
  const way = wayOut(world.variables)(new URL(baseUrl));
  const targetOf = (repository: Repository) => `${organization}/${repository.name}`;

  /** By the repository's name; only `recorded` moves what was seen from `pending` to `memories`. */
  const memories = new Map<string, Memory>();
  let pending = new Map<string, Memory>();

  /** All targets fail with the same reason, and nothing is asked. */
  function resting(restUntilMs: number): Report {
    const reason = restText(restUntilMs);
    return { failures: repositories.map((repository) => ({ target: targetOf(repository), reason })), restUntilMs };
  }

  return {
    metrics: definitions(settings),
    cooler: () => 60_000,
    async ensure(context) {
      pending = new Map();
      const before = quota.restUntilMs;
      if (before !== undefined) return resting(before);
      quota.begin();
      const nowMs = now();
      const { signal, timeoutMs } = context;
      const endMs = performance.now() + timeoutMs * buildLookShare;
      const github = createGitHub({
        organization,
        token,
        baseUrl,
        quota,
        way,
        signal,
        requestMs: Math.min(maxGithubRequestMs, Math.floor(timeoutMs / 4)),
        retryMs,
      });
      const looks = await inLanes(maxGithubLanes, repositories, (repository) =>
        look({
          github,
          organization,
          repository,
          lookbackMs,
          nowMs,
          memory: memories.get(repository.name) ?? nothing,
          late: () => performance.now() >= endMs,
        }),
      );

      const ended: Ended[] = [];
      const failures: Failure[] = [];
      for (const [index, { ended: found, known, failure }] of looks.entries()) {
        const repository = repositories[index]!;
        const recorded = new Set(known.recorded);
        // What one report cannot hold stays unknown, so that the next look, by the same pages, reports it.
        for (const one of found.slice(0, maxEndedPerReport - ended.length)) {
          ended.push(one);
          recorded.add(one.key);
        }
        pending.set(repository.name, { pages: known.pages, recorded });
        if (failure !== undefined) failures.push({ target: targetOf(repository), reason: failure });
      }
      const { remaining, restUntilMs } = quota;
      return {
        samples: remaining === undefined ? [] : [{ metric: rateLimitRemaining, number: remaining }],
        ended,
        failures,
        ...(restUntilMs === undefined ? {} : { restUntilMs }),
      };
    },
    recorded() {
      for (const [name, memory] of pending) memories.set(name, memory);
      pending = new Map();
    },
  };
}
