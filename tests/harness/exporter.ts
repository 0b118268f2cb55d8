/** Serves every metric of a `Monitored` and of specta itself, as a daemon with traffic behind it would. */
import type { Monitored } from "../../src/dashboard/monitored.ts";
import type { Metric, Metrics } from "../../src/metrics/definition.ts";
import { ownMetrics, pushOwnMetrics } from "../../src/metrics/own.ts";
import { formatLabels, formatNumber } from "../../src/metrics/text.ts";

export interface ExporterOptions {
  /** How bounds of whole numbers are written: as specta exposes them, or as Prometheus 3 stores them. */
  readonly bounds?: "1" | "1.0";
  /** Values that are set instead of made up, by name of a gauge. */
  readonly gauges?: Readonly<Record<string, number>>;
  /** Names of metrics that have no series, because nothing of the kind has happened. */
  readonly without?: readonly string[];
}

export interface Exporter extends Disposable {
  readonly port: number;
}

const processMetrics: Metrics = {
  process_cpu_seconds_total: { kind: "counter", help: "the processor time" },
  process_max_fds: { kind: "gauge", help: "the largest number of open file descriptors" },
  process_open_fds: { kind: "gauge", help: "the number of open file descriptors" },
  process_resident_memory_bytes: { kind: "gauge", help: "the resident memory in bytes" },
};

/** What stands for the values of a label that are discovered. */
const discovered = ["one", "two"];

/** Labels that have one value in a process. */
const single: readonly string[] = ["metric", "sha", "tag", "version"];

export function startExporter(monitored: Monitored, options: ExporterOptions = {}): Exporter {
  let scrapes = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    reusePort: false,
    fetch() {
      scrapes += 1;
      return new Response(render(monitored, scrapes, options), {
        headers: { "Content-Type": "text/plain; version=0.0.4" },
      });
    },
  });
  const { port } = server;
  if (port === undefined) throw new Error("a listening server has no port");
  return { port, [Symbol.dispose]: () => void server.stop(true) };
}

/** The exposition of a daemon that was scraped `scrapes` times: counters and histograms grow with each. */
export function render(monitored: Monitored, scrapes: number, options: ExporterOptions = {}): string {
  const handlers = monitored.handlers.map(({ name }) => name);
  const own: Metrics = { ...ownMetrics, ...pushOwnMetrics(monitored.pushed) };
  const all: Metrics = Object.assign({}, own, monitored.pushed, ...monitored.handlers.map(({ metrics }) => metrics));
  const lines: string[] = [];
  const add = (name: string, metric: Metric, env: Readonly<Record<string, string>>) => {
    if (options.without?.includes(name)) return;
    lines.push(`# TYPE ${name} ${metric.kind}`);
    for (const labels of combinations(metric, handlers))
      lines.push(...series(name, metric, { ...labels, ...env }, scrapes, options));
  };
  for (const [name, metric] of Object.entries(all)) add(name, metric, { env: monitored.environment });
  for (const [name, metric] of Object.entries(processMetrics)) add(name, metric, {});
  return `${lines.join("\n")}\n`;
}

function combinations(metric: Metric, handlers: readonly string[]): Record<string, string>[] {
  return Object.entries(metric.labels ?? {}).reduce<Record<string, string>[]>(
    (sets, [label, allowed]) => {
      const found = label === "handler" ? handlers : discovered.slice(0, single.includes(label) ? 1 : undefined);
      const values = allowed === "*" ? found : allowed;
      return sets.flatMap((set) => values.map((value) => ({ ...set, [label]: value })));
    },
    [{}],
  );
}

function series(
  name: string,
  metric: Metric,
  labels: Readonly<Record<string, string>>,
  scrapes: number,
  { bounds = "1", gauges = {} }: ExporterOptions,
): string[] {
  const line = (suffix: string, more: Readonly<Record<string, string>>, value: number) =>
    `${name}${suffix}{${formatLabels({ ...labels, ...more })}} ${formatNumber(value)}`;
  switch (metric.kind) {
    case "counter":
      return [line("", {}, scrapes)];
    case "gauge":
      return [line("", {}, gauges[name] ?? gaugeValue(name))];
    case "histogram": {
      const uppers = metric.buckets ?? [];
      // Half of the observations in the first bucket, one in each further one.
      const counted = uppers.map((upper, index) =>
        line("_bucket", { le: bound(upper, bounds) }, scrapes * (uppers.length + index)),
      );
      const total = scrapes * uppers.length * 2;
      return [
        ...counted,
        line("_bucket", { le: "+Inf" }, total),
        line("_sum", {}, total * 0.25),
        line("_count", {}, total),
      ];
    }
  }
}

function bound(upper: number, style: "1" | "1.0"): string {
  const text = formatNumber(upper);
  return style === "1.0" && /^\d+$/.test(text) ? `${text}.0` : text;
}

function gaugeValue(name: string): number {
  const now = Date.now() / 1000;
  if (name.includes("certificate_expiry")) return now + 40 * 86_400;
  if (name.endsWith("_timestamp_seconds")) return now - 2;
  if (name === "process_max_fds" || name === "github_rate_limit_remaining") return 4800;
  return name.endsWith("_bytes") ? 65_000_000 : 1;
}
