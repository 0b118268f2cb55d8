/** Rows of builds and deployments: how many ended, how many of them well, how long they took. */
import type { Metric } from "../metrics/definition.ts";
import { builtInMetric, type Monitored } from "./monitored.ts";
import { bars, figure, type Panel, type Row, type Steps, timeSeries } from "./panels.ts";
import { aggregate, inEnvironment, labelsOf, legendOf, quantile, select, share, shared } from "./query.ts";

/** They end a few times a day: what a window of minutes would show is mostly nothing. */
const rateWindow = "1h";
const quantileWindow = "6h";

export const shareSteps: Steps = [
  [undefined, "red"],
  [0.8, "orange"],
  [0.95, "green"],
];

export function buildsRow(monitored: Monitored): Row {
  const builds = builtInMetric(monitored, "build_execution_total");
  if (!builds) return { title: "Builds", panels: [] };
  const panels = endedPanels("build", "Builds", builds, ["repository", "workflow"], ["workflow"]);
  const quota = builtInMetric(monitored, "github_rate_limit_remaining") ? [githubQuota()] : [];
  return { title: "Builds", panels: [...panels, ...quota] };
}

export function deploymentsRow(monitored: Monitored): Row {
  const deployments = builtInMetric(monitored, "deployment_execution_total");
  if (!deployments) return { title: "Deployments", panels: [] };
  const panels = endedPanels("deployment", "Deployments", deployments, ["platform"], ["platform"]);
  return { title: "Deployments", panels };
}

/** `what` begins the metrics' names: `build_execution_total`, `build_execution_duration_seconds`. */
function endedPanels(
  what: string,
  title: string,
  metric: Metric,
  each: readonly string[],
  kinds: readonly string[],
): Panel[] {
  const total = `${what}_execution_total`;
  const buckets = select(`${what}_execution_duration_seconds_bucket`, inEnvironment);
  const all = labelsOf(metric);
  const increase = (window: string, step: string, ...matchers: readonly string[]) =>
    `increase(${shared(select(total, inEnvironment, ...matchers), all, window, step)})`;
  const inRange = (...matchers: readonly string[]) => increase("$__range", "$__interval", ...matchers);
  const size = { width: 8, height: 8 };
  return [
    timeSeries({
      title: `${title} an hour`,
      description: `${title} that ended within the hour before each moment.`,
      queries: [
        {
          expr: aggregate("sum", [...kinds, "success"], increase(rateWindow, "")),
          legend: `${legendOf(kinds, "")} success={{success}}`,
        },
      ],
      unit: "short",
      ...size,
    }),
    bars(
      {
        title: `${title}: success share`,
        description: `The share of ${what}s that succeeded, of those that ended in the time shown.`,
        queries: [
          {
            expr: share(inRange('success="true"'), inRange(), each),
            legend: legendOf(each, ""),
          },
        ],
        unit: "percentunit",
        ...size,
      },
      shareSteps,
      1,
    ),
    timeSeries({
      title: `${title}: duration`,
      description: `How long ${what}s took that ended within the six hours before each moment: the median and the slowest tenth.`,
      queries: [0.5, 0.9].map((part) => ({
        expr: quantile(part, shared(buckets, [...all, "le"], quantileWindow), kinds),
        legend: `${legendOf(kinds, "")} p${part * 100}`,
      })),
      unit: "s",
      ...size,
    }),
  ];
}

function githubQuota(): Panel {
  const quota = select("github_rate_limit_remaining", inEnvironment);
  return figure(
    {
      title: "GitHub quota left",
      description:
        "Requests that GitHub's API still answers before its quota starts anew. At zero builds are no longer seen.",
      queries: [{ expr: aggregate("min", [], quota), legend: "requests" }],
      width: 24,
      height: 4,
      unit: "short",
    },
    [
      [undefined, "red"],
      [100, "orange"],
      [500, "green"],
    ],
  );
}
