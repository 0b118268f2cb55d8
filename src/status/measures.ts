/** Counters and histograms: what clients push, and what users' own handlers report. */
import { maxStatusMetrics } from "../base/limits.ts";
import type { Family } from "../metrics/family.ts";
import type { Measure } from "./document.ts";
import { isOfExecutions } from "./executions.ts";
import { quantile } from "./quantile.ts";
import type { Sources } from "./sources.ts";
import { isMeasured, totalsOf } from "./windows.ts";

export function measuresOf(sources: Sources): { pushed: Measure[]; reported: Measure[] } {
  const lastPushes = new Map<string, number>();
  const pushTimes = sources.registry.find("specta_push_last_timestamp_seconds");
  for (const { labels, value } of pushTimes?.read() ?? []) lastPushes.set(labels.metric ?? "", value);
  const isPushed = ({ name }: Family) => sources.pushed.has(name);
  const families = sources.registry.families().filter(isMeasured).slice(0, maxStatusMetrics);
  const measure = (family: Family) => measureOf(family, lastPushes.get(family.name) ?? null, sources);
  return {
    pushed: families.filter(isPushed).map(measure),
    reported: families.filter((family) => !isPushed(family) && !isOfExecutions(family.name)).map(measure),
  };
}

function measureOf(family: Family, lastPush: number | null, { recorder }: Sources): Measure {
  const { name, metric } = family;
  const isHistogram = metric.kind === "histogram";
  const recent = recorder.windows.recent(family);
  const hour = recorder.windows.hour(family);
  const now = totalsOf(family);
  const amountOf = ({ value, buckets }: typeof now) => (isHistogram ? sum(buckets) : value);
  const bounds = metric.buckets ?? [];
  return {
    metric: name,
    kind: isHistogram ? "histogram" : "counter",
    help: metric.help,
    series: family.read().length,
    total: amountOf(now),
    rate_per_second: recent.ms <= 0 ? 0 : amountOf(recent) / (recent.ms / 1000),
    rate_window_seconds: recent.ms / 1000,
    p50: quantile(0.5, bounds, hour.buckets) ?? null,
    p95: quantile(0.95, bounds, hour.buckets) ?? null,
    quantile_window_seconds: hour.ms / 1000,
    last_push_unix_seconds: lastPush,
  };
}

function sum(numbers: Float64Array): number {
  return numbers.reduce((total, number) => total + number, 0);
}
