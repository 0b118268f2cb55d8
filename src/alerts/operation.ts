/** Alerts about specta itself: whether it is there, and what it had to drop. */
import type { Monitored } from "../dashboard/monitored.ts";
import { aggregate, quote, select } from "../dashboard/query.ts";
import { type Rule, series } from "./rule.ts";

export function operationRules({ environment }: Monitored): Rule[] {
  return [instanceDown(environment), absent(environment), seriesDropped(environment)];
}

function build(env: string, instance: string) {
  return series("specta_build_info", {
    env,
    instance,
    job: "specta",
    sha: "0123abc",
    tag: "v1.0.0",
    version: "v1.0.0",
  });
}

/** `up` has no `env`: of this environment are the instances that said so within an hour. */
function instanceDown(env: string): Rule {
  const info = `last_over_time(${select("specta_build_info", `env=${quote(env)}`)}[1h])`;
  const up = (job: string) => series("up", { instance: "10.0.0.7:7777", job });
  const labels = { env, instance: "10.0.0.7:7777", job: "specta" };
  return {
    alert: "SpectaInstanceDown",
    severity: "warning",
    expr: `(up == 0) + on (job, instance) group_left (env) 0 * ${aggregate("max", ["env", "job", "instance"], info)}`,
    for: "2m",
    summary: "specta at {{ $labels.instance }} cannot be scraped in {{ $labels.env }}",
    description:
      "Prometheus has not reached /metrics of {{ $labels.instance }} ({{ $labels.job }}) for two minutes, and that instance is still to be scraped.",
    fires: [
      {
        name: "an instance ended",
        series: { [up("specta")]: "1x5 0x20", [build(env, "10.0.0.7:7777")]: "1x5 stale" },
        atMinute: 10,
        labels,
      },
    ],
    silent: [
      {
        name: "an instance ended a minute ago",
        series: { [up("specta")]: "1x5 0x20", [build(env, "10.0.0.7:7777")]: "1x5 stale" },
        atMinute: 7,
      },
      {
        name: "what ended is not specta",
        series: { [up("shop")]: "1x5 0x20", [build(env, "10.0.0.8:7777")]: "1x20" },
        atMinute: 10,
      },
    ],
  };
}

function absent(env: string): Rule {
  return {
    alert: "SpectaAbsent",
    severity: "critical",
    expr: `absent(${select("specta_build_info", `env=${quote(env)}`)})`,
    for: "5m",
    summary: "There is no specta in {{ $labels.env }}",
    description:
      "No instance of specta in {{ $labels.env }} has been scraped for five minutes: nothing that it watches is watched, and what is pushed is lost.",
    fires: [
      {
        name: "the only instance is gone",
        series: { [build(env, "a:1")]: "1x5 stale" },
        atMinute: 12,
        labels: { env },
      },
    ],
    silent: [
      { name: "it is gone for three minutes", series: { [build(env, "a:1")]: "1x5 stale" }, atMinute: 9 },
      {
        name: "another instance is there",
        series: { [build(env, "a:1")]: "1x5 stale", [build(env, "b:1")]: "1x30" },
        atMinute: 12,
      },
    ],
  };
}

/** The series of a metric appears with its first drop, which no increase can see. */
function seriesDropped(env: string): Rule {
  const dropped = select("specta_series_dropped_total", `env=${quote(env)}`);
  const each = ["env", "metric"];
  const increase = aggregate("sum", each, `increase(${dropped}[1h])`);
  const now = aggregate("sum", each, dropped);
  const before = aggregate("sum", each, `${dropped} offset 1h`);
  const metric = "queue_depth";
  const drops = (values: string) => ({ [series("specta_series_dropped_total", { env, metric })]: values });
  return {
    alert: "SpectaSeriesDropped",
    severity: "warning",
    expr: `${increase} > 0 or (${now} > 0 unless ${before})`,
    summary: "Samples of {{ $labels.metric }} are dropped in {{ $labels.env }}",
    description:
      "{{ $labels.metric }} has as many series as its handler's max_series allows, so further label values are not recorded.",
    fires: [
      { name: "the first sample was dropped", series: drops("_x10 1x20"), atMinute: 15, labels: { env, metric } },
    ],
    silent: [{ name: "the last drop was two hours ago", series: drops("5x200"), atMinute: 130 }],
  };
}
