/** Runs the build handler as the engine does, without a thread, and counts what it reports as a ledger does. */
import * as v from "valibot";
import { createHandler, type Tuning } from "../../src/handlers/build/handler.ts";
import { build } from "../../src/handlers/build/index.ts";
import type { Settings } from "../../src/handlers/build/settings.ts";
import type { Context, Handler, Report } from "../../src/handlers/handler.ts";
import type { FakeGitHub } from "./github.ts";

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly keys: Readonly<Record<string, string>>;
}

export function settings(repositories: readonly object[], more: object = {}): Settings {
  return v.parse(build.schema, { organization: "acme", repositories, ...more });
}

export class BuildRig {
  readonly fake: FakeGitHub;
  readonly settings: Settings;
  readonly tuning: Tuning;
  readonly lines: Line[] = [];
  timeoutMs = 60_000;
  handler: Handler<Settings>;

  constructor(fake: FakeGitHub, settings: Settings, tuning: Tuning = {}) {
    this.fake = fake;
    this.settings = settings;
    this.tuning = { now: () => fake.now(), retryMs: 1, ...tuning };
    this.handler = this.#create();
  }

  #create(): Handler<Settings> {
    const variables = { SPECTA_GITHUB_TOKEN: this.fake.token, SPECTA_GITHUB_URL: this.fake.url };
    return createHandler(this.settings, { environment: "testing", variables }, this.tuning);
  }

  /** A new thread: all memory is gone. */
  respawn(): void {
    this.handler = this.#create();
  }

  /** One execution whose report is not recorded. */
  async ensure(signal: AbortSignal = new AbortController().signal): Promise<Report> {
    const context: Context<Settings> = {
      with: this.settings,
      environment: "testing",
      timeoutMs: this.timeoutMs,
      signal,
      log: (level, message, keys = {}) => void this.lines.push({ level, message, keys }),
    };
    return (await this.handler.ensure(context)) as Report;
  }

  /** One execution, recorded. */
  async poll(signal?: AbortSignal): Promise<Report> {
    const report = await this.ensure(signal);
    this.handler.recorded?.();
    return report;
  }
}

export function keysOf(report: Report): string[] {
  return (report.ended ?? []).map(({ key }) => key).sort();
}

export function reasonsOf(report: Report): string[] {
  return (report.failures ?? []).map(({ target, reason }) => `${target}: ${reason}`);
}

/** Counts each key once and adds its samples up, by series. */
export class Tally {
  readonly #seen = new Set<string>();
  readonly sums = new Map<string, number>();
  readonly bornMs: number;

  constructor(bornMs = 0) {
    this.bornMs = bornMs;
  }

  record(report: Report): void {
    for (const { key, endedMs, samples } of report.ended ?? []) {
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      if (endedMs < this.bornMs) continue;
      for (const { metric, labels = {}, number } of samples) this.add(metric, labels, number);
    }
  }

  add(metric: string, labels: Readonly<Record<string, string>>, number: number): void {
    const series = `${metric} ${Object.entries(labels)
      .sort()
      .map(([name, value]) => `${name}=${value}`)
      .join(" ")}`;
    this.sums.set(series, (this.sums.get(series) ?? 0) + number);
  }

  get total(): number {
    let total = 0;
    for (const [series, sum] of this.sums) if (series.startsWith("build_execution_total ")) total += sum;
    return total;
  }

  /** In the order of the series. */
  get table(): Record<string, number> {
    return Object.fromEntries([...this.sums].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
