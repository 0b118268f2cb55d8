/** Rows of metrics that the configuration defines: what clients push, and what a user's own handlers report. */
import type { Metric, Metrics } from "../metrics/definition.ts";
import { shareSteps } from "./ended.ts";
import { history } from "./health.ts";
import type { Monitored } from "./monitored.ts";
import { figure, type Panel, type Row, timeSeries } from "./panels.ts";
import { aggregate, average, bucket, inEnvironment, labelsOf, legendOf, quantile, select } from "./query.ts";

/** What a page may take to be ready, and anything else that is measured in seconds and has a bound here. */
const objectiveSeconds = 0.5;
const rateWindow = "$__rate_interval";

export function pushedRow({ pushed }: Monitored): Row {
  return { title: "Pushed metrics", panels: [...objectives(pushed), ...metricPanels(pushed)] };
}

/** One row for each of the user's own handlers that reports something. */
export function ownHandlerRows({ handlers }: Monitored): Row[] {
  const own = handlers.filter((handler) => !handler.builtIn);
  return own.map(({ name, metrics }) => ({ title: `Handler: ${name}`, panels: metricPanels(metrics) }));
}

function metricPanels(metrics: Metrics): Panel[] {
  return Object.entries(metrics).flatMap(([name, metric]) => panelsOf(name, metric));
}

function panelsOf(name: string, metric: Metric): Panel[] {
  switch (metric.kind) {
    case "counter":
      return [rate(name, metric, `${name}: a second`, select(name, inEnvironment), 24)];
    case "gauge":
      return [gauge(name, metric)];
    case "histogram":
      return [
        quantiles(name, metric),
        averages(name, metric),
        rate(name, metric, `${name}: observations a second`, select(`${name}_count`, inEnvironment), 6),
      ];
  }
}

function rate(name: string, metric: Metric, title: string, counter: string, width: number): Panel {
  const labels = labelsOf(metric);
  return timeSeries({
    title,
    description: sentence(metric.help),
    queries: [{ expr: aggregate("sum", labels, `rate(${counter}[${rateWindow}])`), legend: legendOf(labels, name) }],
    width,
    height: 8,
    unit: "short",
  });
}

/** Of several replicas the highest value: which of them was told last is not to be known here. */
function gauge(name: string, metric: Metric): Panel {
  if (name.endsWith("_health")) return history(name, metric, name, sentence(metric.help));
  const labels = labelsOf(metric);
  const value = aggregate("max", labels, select(name, inEnvironment));
  const isTime = name.endsWith("_timestamp_seconds");
  return timeSeries({
    title: isTime ? `${name}: age` : name,
    description: sentence(metric.help),
    queries: [{ expr: isTime ? `time() - ${value}` : value, legend: legendOf(labels, name) }],
    width: 24,
    height: 8,
    unit: unitOf(name),
  });
}

function quantiles(name: string, metric: Metric): Panel {
  return timeSeries({
    title: `${name}: quantiles`,
    description: `${sentence(metric.help)} Over all series, estimated from the buckets.`,
    queries: [0.5, 0.95, 0.99].map((part) => ({
      expr: quantile(part, `${select(`${name}_bucket`, inEnvironment)}[${rateWindow}]`, []),
      legend: `p${part * 100}`,
    })),
    width: 12,
    height: 8,
    unit: unitOf(name),
  });
}

function averages(name: string, metric: Metric): Panel {
  const labels = labelsOf(metric);
  return timeSeries({
    title: `${name}: average`,
    description: sentence(metric.help),
    queries: [{ expr: average(name, [inEnvironment], labels, rateWindow), legend: legendOf(labels, name) }],
    width: 6,
    height: 8,
    unit: unitOf(name),
  });
}

/** The service level of every histogram of seconds: the share of observations up to the first bound that is long enough. */
function objectives(pushed: Metrics): Panel[] {
  return Object.entries(pushed).flatMap(([name, metric]) => {
    if (metric.kind !== "histogram" || !name.endsWith("_seconds")) return [];
    const bound = metric.buckets?.find((upper) => upper >= objectiveSeconds);
    if (bound === undefined) return [];
    const title = `${name}: under ${bound} s`;
    return [
      figure({ ...objective(name, bound, "$__range"), title, width: 6 }, shareSteps, "instant"),
      timeSeries({ ...objective(name, bound, rateWindow), title: `${title} over time`, width: 18 }),
    ];
  });
}

function objective(name: string, bound: number, window: string) {
  const part = (series: string) => aggregate("sum", [], `rate(${series}[${window}])`);
  const quick = part(select(`${name}_bucket`, inEnvironment, bucket(bound)));
  const all = part(select(`${name}_count`, inEnvironment));
  return {
    description: `The service level: the share of observations of at most ${bound} s.`,
    queries: [{ expr: `${quick} / (${all} > 0)`, legend: "share" }],
    height: 8,
    unit: "percentunit",
  };
}

function sentence(help: string): string {
  return `${help.charAt(0).toUpperCase()}${help.slice(1).replace(/\.$/, "")}.`;
}

/** Grafana's unit for the unit at the end of a metric's name. */
function unitOf(name: string): string {
  const base = name.replace(/_total$/, "");
  if (base.endsWith("_seconds")) return "s";
  if (base.endsWith("_bytes")) return "bytes";
  if (base.endsWith("_ratio")) return "percentunit";
  return "short";
}
