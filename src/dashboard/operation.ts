/** Rows of how specta itself fares: its worker, its process, and what it turned away. */
import type { Monitored } from "./monitored.ts";
import { labelTable, type Panel, type Row, timeSeries } from "./panels.ts";
import { aggregate, inEnvironment, legendOf, quantile, select } from "./query.ts";

const window = "$__rate_interval";
const third = { width: 8, height: 8 };

export function workerRow({ handlers }: Monitored): Row {
  if (handlers.length === 0) return { title: "Worker", panels: [] };
  const executions = (...matchers: string[]) =>
    `(${select("worker_handler_execution_total", inEnvironment, ...matchers)}[${window}])`;
  return {
    title: "Worker",
    panels: [
      timeSeries({
        title: "Executions a second",
        description: "How often each handler looked at its targets.",
        queries: [{ expr: aggregate("sum", ["handler"], `rate${executions()}`), legend: "{{handler}}" }],
        unit: "short",
        width: 6,
        height: 8,
      }),
      timeSeries({
        title: "Failed executions",
        description: "How many executions failed. The log says why: `worker execution failed`.",
        queries: [
          { expr: aggregate("sum", ["handler"], `increase${executions('success="false"')}`), legend: "{{handler}}" },
        ],
        unit: "short",
        width: 6,
        height: 8,
      }),
      timeSeries({
        title: "Execution latency",
        description: "How long executions took: the slowest twentieth of each handler's.",
        queries: [
          {
            expr: quantile(
              0.95,
              `${select("worker_handler_execution_duration_seconds_bucket", inEnvironment)}[${window}]`,
              ["handler"],
            ),
            legend: "{{handler}} p95",
          },
        ],
        unit: "s",
        width: 6,
        height: 8,
      }),
      timeSeries({
        title: "Since the last success",
        description: "The time since each handler's last successful execution. It falls to zero with every success.",
        queries: [age("worker_handler_last_success_timestamp_seconds", "handler")],
        unit: "s",
        width: 6,
        height: 8,
      }),
    ],
  };
}

export function spectaRow({ pushed }: Monitored): Row {
  return {
    title: "Specta",
    panels: [...processPanels(), ...(Object.keys(pushed).length > 0 ? [lastPush()] : []), ...refusals(), builds()],
  };
}

/** The process's metrics have no `env`: they belong to the instances whose build info has it. */
function ofInstances(query: string): string {
  const instances = aggregate("max", ["job", "instance"], select("specta_build_info", inEnvironment));
  return `${query} * on (job, instance) group_left () ${instances}`;
}

function processPanels(): Panel[] {
  return [
    timeSeries({
      title: "Memory",
      description: "The resident memory of each instance.",
      queries: [{ expr: ofInstances("process_resident_memory_bytes"), legend: "{{instance}}" }],
      unit: "bytes",
      ...third,
    }),
    timeSeries({
      title: "CPU",
      description: "Processor cores that each instance kept busy.",
      queries: [{ expr: ofInstances(`rate(process_cpu_seconds_total[${window}])`), legend: "{{instance}}" }],
      unit: "short",
      ...third,
    }),
    timeSeries({
      title: "File descriptors",
      description: "Open file descriptors as a share of what the process may open: connections, files and pipes.",
      queries: [{ expr: ofInstances("(process_open_fds / process_max_fds)"), legend: "{{instance}}" }],
      unit: "percentunit",
      ...third,
    }),
  ];
}

function lastPush(): Panel {
  return timeSeries({
    title: "Since the last push",
    description: "The time since clients last pushed each metric. A metric that no client has pushed yet is not there.",
    queries: [age("specta_push_last_timestamp_seconds", "metric")],
    unit: "s",
    ...third,
  });
}

function refusals(): Panel[] {
  return [
    counted("Rejected pushes", "specta_push_rejected_total", "reason", "Requests that were turned away, by reason."),
    counted(
      "Dropped samples",
      "specta_series_dropped_total",
      "metric",
      "Samples that were dropped because their metric has as many series as it may. Empty when nothing was dropped.",
    ),
  ];
}

function counted(title: string, counter: string, label: string, description: string): Panel {
  const increase = `increase(${select(counter, inEnvironment)}[${window}])`;
  return timeSeries({
    title,
    description,
    queries: [{ expr: aggregate("sum", [label], increase), legend: legendOf([label], "") }],
    unit: "short",
    ...third,
  });
}

function builds(): Panel {
  const labels = ["instance", "version", "tag", "sha"];
  return labelTable({
    title: "Running builds",
    description: "Which build of specta runs on each instance.",
    queries: [{ expr: aggregate("max", labels, select("specta_build_info", inEnvironment)), legend: "" }],
    unit: "none",
    width: 24,
    height: 5,
  });
}

/** Seconds since the newest time that any instance reports. */
function age(gauge: string, label: string) {
  return {
    expr: `time() - ${aggregate("max", [label], select(gauge, inEnvironment))}`,
    legend: `{{${label}}}`,
  };
}
