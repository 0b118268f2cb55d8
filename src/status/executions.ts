/** Builds, deployments and their like: what is counted as `…_execution_total` by `success`. */
import type { Labels } from "../metrics/definition.ts";
import type { Family } from "../metrics/family.ts";
import { formatLabels } from "../metrics/text.ts";
import type { ExecutionGroup, ExecutionRow } from "./document.ts";
import { quantile } from "./quantile.ts";
import type { Sources } from "./sources.ts";
import { isMeasured } from "./windows.ts";

const suffix = "_execution_total";
const titles: Readonly<Record<string, string>> = {
  build_execution_total: "Builds",
  deployment_execution_total: "Deployments",
};

interface Tally {
  readonly labels: Labels;
  succeeded: number | null;
  failed: number | null;
  buckets: readonly number[];
}

/** Whether a metric is told of here, and so nowhere else on the page. */
export function isOfExecutions(metric: string): boolean {
  return /_execution_(?:total|duration_seconds)$/.test(metric);
}

export function executionsOf(sources: Sources): ExecutionGroup[] {
  const exposed = sources.registry.families().filter((family) => family.name.endsWith(suffix) && isMeasured(family));
  const metrics = new Set([
    ...exposed.map(({ name }) => name),
    ...[...sources.recorder.results.all()].map((r) => r.metric),
  ]);
  const groups = [...metrics].sort().map((metric) => groupOf(metric, sources));
  return groups.filter(({ rows }) => rows.length > 0);
}

function groupOf(metric: string, sources: Sources): ExecutionGroup {
  const { registry, recorder, handlers } = sources;
  const tallies = new Map<string, Tally>();
  const results = [...recorder.results.all()].filter((result) => result.metric === metric);
  for (const { labels } of results) tallyOf(tallies, labels);
  for (const { labels, value } of registry.find(metric)?.read() ?? []) {
    const { success, ...others } = labels;
    if (success === undefined) continue;
    const tally = tallyOf(tallies, others);
    if (success === "true") tally.succeeded = value;
    else tally.failed = value;
  }
  const durations = registry.find(metric.replace(/_total$/, "_duration_seconds"));
  for (const { labels, buckets = [] } of durations?.read() ?? []) {
    const { success: _, ...others } = labels;
    const tally = tallyOf(tallies, others);
    tally.buckets = buckets.map((count, index) => count + (tally.buckets[index] ?? 0));
  }
  const owner = handlers.find((plan) => plan.metrics !== undefined && Object.hasOwn(plan.metrics, metric));
  return {
    title: titles[metric] ?? metric,
    metric,
    handler: owner?.name ?? results[0]?.handler ?? null,
    rows: [...tallies.values()].map((tally) => rowOf(metric, tally, durations, sources)).sort(byName),
  };
}

function tallyOf(tallies: Map<string, Tally>, labels: Labels): Tally {
  const key = formatLabels(labels);
  const tally = tallies.get(key) ?? { labels, succeeded: null, failed: null, buckets: [] };
  tallies.set(key, tally);
  return tally;
}

function rowOf(metric: string, tally: Tally, durations: Family | undefined, { recorder }: Sources): ExecutionRow {
  const { labels, succeeded, failed, buckets } = tally;
  const ended = (succeeded ?? 0) + (failed ?? 0);
  const last = recorder.results.find(metric, labels);
  return {
    name: nameOf(metric, labels),
    labels,
    last_result: last === undefined ? null : { success: last.success, ended_unix_seconds: last.endedMs / 1000 },
    succeeded,
    failed,
    success_ratio: ended === 0 ? null : (succeeded ?? 0) / ended,
    median_duration_seconds: quantile(0.5, durations?.metric.buckets ?? [], buckets) ?? null,
  };
}

/** The platform is left out where other labels tell more. */
function nameOf(metric: string, labels: Labels): string {
  const { platform, ...others } = labels;
  return Object.values(others).join(" · ") || (platform ?? metric.slice(0, -suffix.length));
}

function byName(a: ExecutionRow, b: ExecutionRow): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
