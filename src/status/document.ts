/**
 * What `/status.json` answers. Keys are stable: within one `schema_version` they are only added to. Moments are seconds
 * since the Unix epoch, durations seconds; `null` stands for what is not known. `value`, counts and sums are those that
 * `/metrics` shows at the same moment, unless `seen_by` says that another replica shows them.
 */
export interface StatusDocument {
  readonly schema_version: 1;
  /** The value of `SPECTA_ENVIRONMENT`. */
  readonly environment: string;
  readonly build: { readonly sha: string; readonly tag: string; readonly version: string };
  readonly now_unix_seconds: number;
  readonly started_unix_seconds: number;
  /** Since when specta has looked, as far as it remembers: a restart forgets unless there is a ledger that lasts. */
  readonly known_since_unix_seconds: number;
  /** Where the history is kept: `memory` is lost with the process. */
  readonly history_kept_in: "memory" | "ledger";
  /** How every row's `history` is to be read: its last slot is the one that is being filled. */
  readonly history: {
    readonly slot_seconds: number;
    readonly slots: number;
    /** When the last slot ends: this much in the future, at most. */
    readonly end_unix_seconds: number;
  };
  /** `embedded`: none is given, so specta watches itself. */
  readonly configuration: "embedded" | "file";
  readonly worker: "running" | "off";
  readonly summary: Summary;
  readonly groups: readonly Group[];
  readonly certificates: readonly Certificate[];
  /** Builds, deployments, and what else is counted as `…_execution_total` by success. */
  readonly executions: readonly ExecutionGroup[];
  readonly handlers: readonly HandlerRow[];
  /** The counters and histograms that clients push. */
  readonly pushed: readonly Measure[];
  /** The counters and histograms that users' own handlers report. */
  readonly reported: readonly Measure[];
  /** Series without a history, because there are too many of them. */
  readonly series_without_history: number;
}

/** `partly` is in transition, or partly there. `unknown`: not looked at yet, or its handler fails. `gone`: no longer reported. */
export type HealthState = "healthy" | "partly" | "unhealthy" | "unknown" | "gone";

/** `reported` is the state of a gauge that is a mere number. */
export type RowState = HealthState | "reported";

export interface Summary {
  /** The worst state of any service; `empty` when there are none. */
  readonly state: "healthy" | "partly" | "unhealthy" | "unknown" | "empty";
  /** One sentence: `2 of 14 services unhealthy: api, lite`. */
  readonly text: string;
  /** Services that are watched; those that are gone are not among them. */
  readonly services: number;
  readonly healthy: number;
  readonly partly: number;
  readonly unhealthy: number;
  readonly unknown: number;
  /** What else needs a person: handlers that fail, certificates near their end. */
  readonly notices: readonly string[];
}

/** The series of one gauge. */
export interface Group {
  readonly title: string;
  readonly metric: string;
  readonly help: string;
  /** Null for a gauge that clients push. */
  readonly handler: string | null;
  /** `health` is judged by 1, 0.5 and 0; a `number` by nobody. */
  readonly scale: "health" | "number";
  readonly rows: readonly Row[];
}

export interface Row {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly state: RowState;
  /** As `/metrics` shows it; null when it shows none. */
  readonly value: number | null;
  /** Since when it is in that state, or has that number; when unknown or gone, since when it has been so. */
  readonly since_unix_seconds: number | null;
  /** It may have been so for longer: nobody was looking before. */
  readonly since_is_at_least: boolean;
  /** The last execution of its handler reported it; false while a value stands only because it is not stale yet. */
  readonly is_confirmed: boolean;
  /** The last value and when it was seen, also when it is unknown or gone now. */
  readonly last_value: number | null;
  readonly last_seen_unix_seconds: number | null;
  /** Null when nobody has seen it. */
  readonly seen_by: "this replica" | "another replica" | null;
  /** By slot, the newest last: of health the worst value, of numbers the newest. */
  readonly history: readonly (number | null)[];
  /** The share of the known slots in which it was healthy throughout, 0 to 1; null for numbers. */
  readonly healthy_ratio: number | null;
}

export interface Certificate {
  readonly service: string;
  /** The earliest of its URLs. */
  readonly expires_unix_seconds: number;
  /** Negative when it has expired. */
  readonly days_left: number;
  /** `soon`: less than 14 days, `critical`: less than 3. */
  readonly state: "valid" | "soon" | "critical" | "expired" | "unknown";
  readonly seen_by: "this replica" | "another replica";
}

export interface ExecutionGroup {
  readonly title: string;
  /** The counter. */
  readonly metric: string;
  readonly handler: string | null;
  readonly rows: readonly ExecutionRow[];
}

export interface ExecutionRow {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of those that were counted since this history began. */
  readonly last_result: { readonly success: boolean; readonly ended_unix_seconds: number } | null;
  /** Null when another replica shows them. */
  readonly succeeded: number | null;
  readonly failed: number | null;
  /** 0 to 1; null when there was none. */
  readonly success_ratio: number | null;
  /** Of all, whether they succeeded or not, estimated from the histogram's buckets. */
  readonly median_duration_seconds: number | null;
}

export interface HandlerRow {
  readonly name: string;
  /** `waiting` for its first execution, or for the ledger; `elsewhere`: another replica holds it. */
  readonly state: "ok" | "failing" | "waiting" | "inactive" | "elsewhere";
  readonly inactive_reason: string | null;
  /** Who holds its lease; `not needed` without a shared ledger. */
  readonly lease: "not needed" | "this replica" | "another replica" | "unknown";
  readonly is_running: boolean;
  readonly last_run_unix_seconds: number | null;
  readonly last_run_duration_seconds: number | null;
  readonly last_success_unix_seconds: number | null;
  readonly next_run_unix_seconds: number | null;
  /** Of the last execution that failed since the start, shortened, with secrets replaced. */
  readonly last_error: string | null;
  readonly last_error_unix_seconds: number | null;
  /** Executions since the start. */
  readonly succeeded: number;
  readonly failed: number;
}

export interface Measure {
  readonly metric: string;
  readonly kind: "counter" | "histogram";
  readonly help: string;
  /** Series that are exposed. */
  readonly series: number;
  /** What a counter has counted, or how many observations there are, over all series. */
  readonly total: number;
  /** Over the last minutes: `rate_window_seconds`. */
  readonly rate_per_second: number;
  readonly rate_window_seconds: number;
  /** Estimated from the buckets of the last hour, `quantile_window_seconds`; null without observations, or of a counter. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly quantile_window_seconds: number;
  /** Null for what handlers report, and for what was never pushed. */
  readonly last_push_unix_seconds: number | null;
}
