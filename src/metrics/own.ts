/** The metrics of specta itself, beside those that handlers and the configuration define. */
import type { Metric, Metrics } from "./definition.ts";

/** Stable words for why a push was rejected: `kind` of `metrics.Reason` and label of `specta_push_rejected_total`. */
export const rejectionKinds = [
  "action_count",
  "body_malformed",
  "body_too_large",
  "idempotency_key",
  "label_key",
  "label_value",
  "metric_name",
  "metric_unknown",
  "number",
  "rate_limited",
  "unauthenticated",
] as const;
export type RejectionKind = (typeof rejectionKinds)[number];

const execution = { success: ["false", "true"] } as const;

/** Written by the main thread. */
export const ownMetrics = {
  specta_build_info: {
    kind: "gauge",
    help: "the build that runs, always 1",
    labels: { sha: "*", tag: "*", version: "*" },
  },
  specta_series_dropped_total: {
    kind: "counter",
    help: "the total amount of samples dropped because a metric had its most series already",
    labels: { metric: "*" },
  },
  worker_handler_execution_duration_seconds: {
    kind: "histogram",
    help: "the time it takes for worker handler executions to complete",
    labels: { handler: "*", ...execution },
    buckets: [0.1, 0.15, 0.2, 0.25, 0.5, 1, 1.5, 2, 2.5, 5],
  },
  worker_handler_execution_total: {
    kind: "counter",
    help: "the total amount of worker handler executions",
    labels: { handler: "*", ...execution },
  },
  worker_handler_last_success_timestamp_seconds: {
    kind: "gauge",
    help: "the time of the last successful execution of a worker handler in seconds since the Unix epoch",
    labels: { handler: "*" },
  },
} as const satisfies Record<string, Metric>;

/** Written by every server thread, beside the pushed metrics and in the same memory. */
export function pushOwnMetrics(pushed: Metrics) {
  return {
    specta_push_last_timestamp_seconds: {
      kind: "gauge",
      help: "the time of the last accepted push to a metric in seconds since the Unix epoch",
      labels: { metric: Object.keys(pushed) },
    },
    specta_push_rejected_total: {
      kind: "counter",
      help: "the total amount of rejected pushes",
      labels: { reason: rejectionKinds },
    },
  } as const satisfies Metrics;
}
