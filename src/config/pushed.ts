/** What clients may push: the rules of every metric, and those that only hold here. */
import { maxPushSeries } from "../base/limits.ts";
import { type Metric, type Metrics, metricsSchema } from "../metrics/definition.ts";
import { atKey, check, complain, isMap, type Report, type Subject } from "./check.ts";

/** Beginnings of the names under which specta and its built-in handlers report; each belongs to them alone. */
const reservedPrefixes = [
  "aws_cloudformation_stack_",
  "aws_ec2_keypair_",
  "aws_ecs_container_",
  "build_execution_",
  "deployment_execution_",
  "github_",
  "http_endpoint_",
  "process_",
  "specta_",
  "worker_",
] as const;

/** The prefix that makes a name specta's own, or undefined when the name is free. */
export function reservedPrefix(name: string): string | undefined {
  return reservedPrefixes.find((prefix) => name.startsWith(prefix));
}

/** Series that can be pushed to a metric: any of its labels may be left out. */
export function countSeries(metric: Metric): number {
  return Object.values(metric.labels ?? {}).reduce((product, values) => product * (values.length + 1), 1);
}

/** The `metrics` part of the configuration; undefined when a problem was reported. */
export function readPushed(section: Subject, report: Report): Metrics | undefined {
  const metrics = check(metricsSchema, section, report);
  // These look at what is written, so that a mistake in one metric hides none in another.
  for (const [name, metric] of Object.entries(isMap(section.value) ? section.value : {})) {
    const prefix = reservedPrefix(name);
    const message = `must be another name: those that begin with ${prefix} are specta's own`;
    if (prefix !== undefined) report(atKey(section, [name], message));
    for (const [label, values] of Object.entries(isMap(metric) && isMap(metric.labels) ? metric.labels : {})) {
      if (values !== "*") continue;
      const text = "must be a list of values, for only handlers find them at run time";
      report(complain(section, [name, "labels", label], text));
    }
  }
  if (metrics) checkSeries(metrics, section, report);
  return metrics;
}

function checkSeries(metrics: Metrics, section: Subject, report: Report): void {
  const counts = Object.entries(metrics).map(([name, metric]) => ({ name, series: countSeries(metric) }));
  const total = counts.reduce((sum, { series }) => sum + series, 0);
  if (total <= maxPushSeries) return;
  const largest = counts.reduce((most, count) => (count.series > most.series ? count : most));
  const rule = `must have fewer series, for all metrics together may have ${maxPushSeries}`;
  report(atKey(section, [largest.name], `${rule}: current value is ${largest.series} of ${total}`));
}
