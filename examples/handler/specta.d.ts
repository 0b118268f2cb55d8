/**
 * The types of a handler of your own. Copy this file beside it; it is for your editor alone, specta does not read it.
 *
 *   import type { Context, Metrics, Sample } from "../specta.d.ts";
 */

/** A metric under its name, as the configuration writes it too. */
export interface Metric {
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** Allowed values by label name, or `"*"` for values that are found at run time; left out: the metric has no labels. */
  readonly labels?: Readonly<Record<string, readonly string[] | "*">>;
  /** Upper bounds in the metric's unit, ascending, without +Inf; histograms only. */
  readonly buckets?: readonly number[];
}

export type Metrics = Readonly<Record<string, Metric>>;

/** One recording: added to a counter, set on a gauge, observed in a histogram. */
export interface Sample {
  readonly metric: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly number: number;
}

/** A piece of work that has ended. Specta counts it once, by its key, however often you report it. */
export interface Ended {
  /** Unique among all that this handler ever reports. */
  readonly key: string;
  /** When it began to exist, Unix milliseconds. */
  readonly createdMs: number;
  /** When it ended, Unix milliseconds. */
  readonly endedMs: number;
  /** For counters and histograms. */
  readonly samples: readonly Sample[];
  /** What the log says, at debug, when it is counted; left out: nothing. */
  readonly line?: { readonly message: string; readonly keys: Readonly<Record<string, string>> };
}

/** A target that could not be looked at; the others' samples are recorded all the same. */
export interface Failure {
  readonly target: string;
  readonly reason: string;
}

/** What one execution found. A plain list of samples is short for `{ samples }`. */
export interface Report {
  readonly samples?: readonly Sample[];
  readonly ended?: readonly Ended[];
  /** When not empty the execution has failed, with an error that names these targets. */
  readonly failures?: readonly Failure[];
  /** Until when a service has asked not to be asked again, Unix milliseconds: `ensure` is not called before. */
  readonly restUntilMs?: number;
}

/** What `ensure` is given. */
export interface Context<With = unknown> {
  /** `with` of the configuration. */
  readonly with: With;
  /** The value of `SPECTA_ENVIRONMENT`. */
  readonly environment: string;
  /** What the configuration's `timeout` says, milliseconds. */
  readonly timeoutMs: number;
  /** Aborts at the deadline and when specta stops: give it to `fetch`. */
  readonly signal: AbortSignal;
  /** Writes one line to specta's log. Values are text; empty ones are left out. */
  log(level: "debug" | "info" | "warning" | "error", message: string, keys?: Readonly<Record<string, string>>): void;
}

/** A handler, as a file's default export or, name by name, as its exports. */
export interface Handler<With = unknown> {
  /** What it may report; anything else that it returns fails the execution. */
  readonly metrics: Metrics;
  /** The sleep after an execution: milliseconds, or text such as `"10s"`. The configuration's `cooler` comes before it. */
  cooler?(): number | string;
  /** Does the work once. */
  ensure(context: Context<With>): Promise<readonly Sample[] | Report> | readonly Sample[] | Report;
  /** Asked once at the start: whether the handler runs at all. */
  active?(context: Pick<Context<With>, "with" | "environment" | "timeoutMs">): boolean;
  /** Called after the last report was recorded for good. */
  recorded?(): void;
}
