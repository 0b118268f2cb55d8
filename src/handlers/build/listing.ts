/**
 * A whole listing out of pages. GitHub gives 1,000 runs of a filtered listing and no more, so a busy repository is asked
 * for in windows of time. Runs that begin meanwhile push others to the next page: those come twice, and count once.
 */
import { maxGithubPages } from "../../base/limits.ts";
import type { Run } from "./classify.ts";
import { type GitHub, NoAnswer, type Page } from "./github.ts";

/** What GitHub gives of one filtered listing. */
const maxListedRuns = 1000;
/** The times of the filter have whole seconds. */
const stepMs = 1000;

/** Known pages by their filter and number. */
export type Pages = ReadonlyMap<string, Page>;

export interface Listing {
  /** The newest state of each run by its id. */
  readonly runs: ReadonlyMap<number, Run>;
  /** For the next listing, by which only what has changed is read. Each was checked, so this holds after a failure too. */
  readonly pages: Pages;
  /** Set when the listing is not whole; what it has is sure nevertheless. */
  readonly failure: NoAnswer | undefined;
}

export interface ListingRequest {
  readonly github: GitHub;
  readonly repository: string;
  readonly nowMs: number;
  readonly lookbackMs: number;
  readonly known: Pages;
  /** Asked before each page; throws when the time of this execution is used up. */
  readonly admit: () => void;
}

/** Runs created from `fromMs` to `toMs`, both included; without an end where the clock of GitHub may be ahead of ours. */
interface Window {
  readonly fromMs: number;
  readonly toMs: number | undefined;
}

export async function list(request: ListingRequest): Promise<Listing> {
  const { nowMs, lookbackMs } = request;
  const runs = new Map<number, Run>();
  const pages = new Map<string, Page>();
  const granuleMs = granuleOf(lookbackMs);
  const windows: Window[] = [{ fromMs: floor(nowMs - lookbackMs, granuleMs), toMs: undefined }];
  try {
    for (let window = windows.pop(); window; window = windows.pop()) {
      if (await listWindow(request, window, runs, pages)) continue;
      windows.push(...split(window, floor(nowMs, granuleMs) + granuleMs));
    }
    return { runs, pages, failure: undefined };
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    return { runs, pages, failure: error };
  }
}

/** Reads all pages of a window; false when it holds more than GitHub gives. */
async function listWindow(
  request: ListingRequest,
  window: Window,
  runs: Map<number, Run>,
  pages: Map<string, Page>,
): Promise<boolean> {
  const created = filterOf(window);
  const found = new Set<number>();
  for (let number = 1; ; number += 1) {
    const page = await readPage(request, created, number, pages);
    for (const run of page.runs) {
      found.add(run.id);
      // What comes twice was read later the second time, so it is newer.
      runs.set(run.id, run);
    }
    if (page.total > maxListedRuns) return false;
    // An empty page ends it too: the total counts runs that were deleted while we read.
    if (page.runs.length === 0 || (!page.more && found.size >= page.total)) return true;
  }
}

async function readPage(
  request: ListingRequest,
  created: string,
  page: number,
  pages: Map<string, Page>,
): Promise<Page> {
  const { github, repository, known, admit } = request;
  if (pages.size >= maxGithubPages)
    throw new NoAnswer(`more than ${maxGithubPages} pages of runs within lookback`, false);
  const key = `${created} ${page}`;
  const before = known.get(key);
  try {
    admit();
    const fresh = await github.listRuns({ repository, created, page, etag: before?.etag });
    const answer = fresh ?? before;
    if (!answer) throw new NoAnswer("GitHub answered 304 to a request without an ETag", false);
    pages.set(key, answer);
    return answer;
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    throw new NoAnswer(`runs ${created}, page ${page}: ${error.message}`, error.final);
  }
}

/** The filter moves in steps of a twenty-fourth of `lookback`, as each move makes every known page worthless. */
function granuleOf(lookbackMs: number): number {
  return Math.max(stepMs, floor(lookbackMs / 24, stepMs));
}

function floor(ms: number, stepMs: number): number {
  return Math.floor(ms / stepMs) * stepMs;
}

/** Two halves, newest last. An open window is halved as if it ended at `horizonMs`, so that its parts do not move. */
function split({ fromMs, toMs }: Window, horizonMs: number): Window[] {
  const middleMs = floor((fromMs + (toMs ?? horizonMs) + stepMs) / 2, stepMs);
  if (middleMs <= fromMs)
    throw new NoAnswer(`more than ${maxListedRuns} runs created ${filterOf({ fromMs, toMs })}`, false);
  return [
    { fromMs, toMs: middleMs - stepMs },
    { fromMs: middleMs, toMs },
  ];
}

function filterOf({ fromMs, toMs }: Window): string {
  return toMs === undefined ? `>=${iso(fromMs)}` : `${iso(fromMs)}..${iso(toMs)}`;
}

function iso(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
