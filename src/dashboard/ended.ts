/** Rows of builds and deployments: how many ended, how many of them well, how long they took. */
import { builtInMetric, type Monitored } from "./monitored.ts";
import { bars, figure, type Panel, type Row, type Steps, timeSeries } from "./panels.ts";
import { aggregate, inEnvironment, legendOf, quantile, select, share } from "./query.ts";

/** They end a few times a day: what a window of minutes would show is mostly nothing. */
const rateWindow = "1h";
const quantileWindow = "6h";

export const shareSteps: Steps = [
  [undefined, "red"],
  [0.8, "orange"],
  [0.95, "green"],
];

export function buildsRow(monitored: Monitored): Row {
  if (!builtInMetric(monitored, "build_execution_total")) return { title: "Builds", panels: [] };
  const panels = endedPanels("build", "Builds", ["repository", "workflow"], ["workflow"]);
  const quota = builtInMetric(monitored, "github_rate_limit_remaining") ? [githubQuota()] : [];
  return { title: "Builds", panels: [...panels, ...quota] };
}

export function deploymentsRow(monitored: Monitored): Row {
  if (!builtInMetric(monitored, "deployment_execution_total")) return { title: "Deployments", panels: [] };
  return { title: "Deployments", panels: endedPanels("deployment", "Deployments", ["platform"], ["platform"]) };
}

/** `what` begins the metrics' names: `build_execution_total`, `build_execution_duration_seconds`. */
function endedPanels(what: string, title: string, each: readonly string[], kinds: readonly string[]): Panel[] {
  const total = `${what}_execution_total`;
  const duration = `${what}_execution_duration_seconds`;
  const labels = [...kinds, "success"];
  const increase = `increase(${select(total, inEnvironment)}[${rateWindow}])`;
  const size = { width: 8, height: 8 };
  return [
    timeSeries({
      title: `${title} an hour`,
      description: `${title} that ended within the hour before each moment.`,
      queries: [{ expr: aggregate("sum", labels, increase), legend: `${legendOf(kinds, "")} success={{success}}` }],
      unit: "short",
      ...size,
    }),
    bars(
      {
        title: `${title}: success share`,
        description: `The share of ${what}s that succeeded, of those that ended in the time shown.`,
        queries: [
          { expr: share(total, [inEnvironment], 'success="true"', each, "$__range"), legend: legendOf(each, "") },
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
        expr: quantile(part, duration, [inEnvironment], kinds, quantileWindow),
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
