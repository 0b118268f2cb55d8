/** Alerts about what clients push. */
import type { Monitored } from "../dashboard/monitored.ts";
import { aggregate, quote, select } from "../dashboard/query.ts";
import { type Rule, series } from "./rule.ts";

export function pushRules({ environment, pushed }: Monitored): Rule[] {
  const [metric] = Object.keys(pushed);
  return metric === undefined ? [] : [noPushes(environment, metric), pushesRejected(environment)];
}

/**
 * A metric is only missed when it was there within a day: one that no client uses yet is no fault. The window also sees
 * past restarts, after which the time of the last push is not known until the next.
 */
function noPushes(env: string, metric: string): Rule {
  const last = select("specta_push_last_timestamp_seconds", `env=${quote(env)}`);
  const pushed = (values: string) => ({ [series("specta_push_last_timestamp_seconds", { env, metric })]: values });
  return {
    alert: "SpectaNoPushes",
    severity: "warning",
    expr: `time() - ${aggregate("max", ["env", "metric"], `max_over_time(${last}[1d])`)} > 3600`,
    for: "5m",
    summary: "Nobody pushes {{ $labels.metric }} in {{ $labels.env }}",
    description:
      "The last push of {{ $labels.metric }} in {{ $labels.env }} was {{ $value | humanizeDuration }} ago. Either the app has no visitors or its pushes do not arrive.",
    fires: [
      {
        name: "the last push was more than an hour ago",
        series: pushed("60x100"),
        atMinute: 71,
        labels: { env, metric },
        value: "1h 10m 0s",
      },
    ],
    silent: [
      { name: "there was a push ten minutes ago", series: pushed("60x40 3660x100"), atMinute: 71 },
      { name: "an hour has just passed", series: pushed("60x100"), atMinute: 64 },
      { name: "no client has pushed yet", series: {}, atMinute: 71 },
    ],
  };
}

function pushesRejected(env: string): Rule {
  const rejected = select("specta_push_rejected_total", `env=${quote(env)}`);
  const count = (values: string) => ({
    [series("specta_push_rejected_total", { env, reason: "label_value" })]: values,
  });
  return {
    alert: "SpectaPushesRejected",
    severity: "warning",
    expr: `${aggregate("sum", ["env", "reason"], `increase(${rejected}[15m])`)} > 10`,
    for: "5m",
    summary: "Pushes are rejected in {{ $labels.env }} ({{ $labels.reason }})",
    description:
      "{{ $value | humanize }} pushes within a quarter of an hour were turned away because of their {{ $labels.reason }}. What was in them is lost.",
    fires: [
      {
        name: "a client pushes a value that is not allowed",
        series: count("0+2x60"),
        atMinute: 40,
        labels: { env, reason: "label_value" },
        value: "30",
      },
    ],
    silent: [
      { name: "a few pushes were rejected", series: count("0x10 1x5 2x5 3x60"), atMinute: 40 },
      { name: "it has only just begun", series: count("0+2x60"), atMinute: 9 },
    ],
  };
}
