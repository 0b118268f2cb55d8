import { maxGithubAttempts, maxGithubPages } from "../../base/limits.ts";
import type { Ended } from "../handler.ts";
import { endedOf, keyOf, type Run, type Workflow, workflowOf } from "./classify.ts";
import { type GitHub, NoAnswer } from "./github.ts";
import { list, type Pages } from "./listing.ts";
import type { Repository } from "./settings.ts";

/** What is remembered of a repository once it was recorded. Empty after a respawn: all is then asked for again. */
export interface Memory {
  readonly pages: Pages;
  /** Keys of the attempts that the ledger has been given. */
  readonly recorded: ReadonlySet<string>;
}

export interface Look {
  /** Attempts that ended and are not yet known to be recorded. */
  readonly ended: readonly Ended[];
  /** What is to be remembered besides the keys of those that were recorded. */
  readonly known: Memory;
  /** Why the look is not whole; what it found is sure nevertheless. */
  readonly failure: string | undefined;
}

export interface LookRequest {
  readonly github: GitHub;
  readonly organization: string;
  readonly repository: Repository;
  readonly lookbackMs: number;
  readonly nowMs: number;
  readonly memory: Memory;
  /** The time of this execution is used up: what is left is for the next. */
  readonly late: () => boolean;
}

/** Finds the attempts of a repository's runs that ended within `lookback`. */
export async function look(request: LookRequest): Promise<Look> {
  const { github, organization, repository, memory, late, nowMs, lookbackMs } = request;
  const listing = await list({
    github,
    repository: repository.name,
    nowMs,
    lookbackMs,
    known: memory.pages,
    admit: () => {
      if (late()) throw new NoAnswer("the time of this execution is used up; the next goes on", true);
    },
  });

  const ended: Ended[] = [];
  const recorded = new Set<string>();
  const owed: { run: Run; workflow: Workflow; attempt: number; key: string }[] = [];
  for (const run of listing.runs.values()) {
    const workflow = workflowOf(run, repository);
    if (workflow === undefined) continue;
    // A listing shows the newest attempt alone; the ones before it may have ended since the last look.
    for (let attempt = run.attempt; attempt > 0; attempt -= 1) {
      const key = keyOf(organization, repository, run.id, attempt);
      if (memory.recorded.has(key)) recorded.add(key);
      else if (attempt < run.attempt) owed.push({ run, workflow, attempt, key });
      else if (run.completed) ended.push(endedOf(key, run, workflow, repository));
    }
  }

  // Those that leave the listing first come first: none is lost while more are owed than one look asks for.
  owed.sort((a, b) => a.run.createdMs - b.run.createdMs || a.attempt - b.attempt);
  let failed = 0;
  let failure = listing.failure?.message;
  // Without a whole listing there is trouble enough; the attempts are still owed at the next look.
  for (const { run, workflow, attempt, key } of failure === undefined ? owed.slice(0, maxGithubAttempts) : []) {
    if (late()) break;
    try {
      const earlier = await github.getAttempt(repository.name, run.id, attempt);
      ended.push(endedOf(key, earlier, workflow, repository));
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      failed += 1;
      const more = failed > 1 ? ` (${failed} such attempts)` : "";
      failure = `attempt ${attempt} of run ${run.id}: ${error.message}${more}`;
      if (error.final) break;
    }
  }

  // Runs and pages that a broken listing does not show are still there.
  if (listing.failure) for (const key of memory.recorded) recorded.add(key);
  const pages = listing.failure ? new Map([...memory.pages, ...listing.pages].slice(-maxGithubPages)) : listing.pages;
  return { ended, known: { pages, recorded }, failure };
}
