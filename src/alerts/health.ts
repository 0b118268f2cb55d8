/** Alerts about what the endpoint, container and stack handlers look at. */
import { builtInMetric, type Monitored } from "../dashboard/monitored.ts";
import { aggregate, quote, select } from "../dashboard/query.ts";
import { type Rule, series } from "./rule.ts";

const daySeconds = 86_400;

export function healthRules(monitored: Monitored): Rule[] {
  const { environment } = monitored;
  const has = (metric: string) => builtInMetric(monitored, metric) !== undefined;
  return [
    ...(has("http_endpoint_health") ? [endpointDown(environment)] : []),
    ...(has("http_endpoint_certificate_expiry_timestamp_seconds") ? certificateRules(environment) : []),
    ...(has("aws_ecs_container_health") ? containerRules(environment) : []),
    ...(has("aws_cloudformation_stack_health") ? stackRules(environment) : []),
  ];
}

/** The least healthy value of all instances: an alert keeps its labels when specta moves to another machine. */
function least(gauge: string, label: string, environment: string): string {
  return aggregate("min", ["env", label], select(gauge, `env=${quote(environment)}`));
}

/** An environment that the rules do not look at. */
function another(environment: string): string {
  return environment === "testing" ? "staging" : "testing";
}

function endpointDown(env: string): Rule {
  const gauge = (service: string, of = env) => series("http_endpoint_health", { env: of, service });
  return {
    alert: "SpectaEndpointDown",
    severity: "critical",
    expr: `${least("http_endpoint_health", "service", env)} == 0`,
    for: "2m",
    summary: "{{ $labels.service }} is down in {{ $labels.env }}",
    description:
      "A URL of {{ $labels.service }} in {{ $labels.env }} has not answered with an expected status for two minutes.",
    fires: [
      {
        name: "a service answers no more",
        series: { [gauge("shop")]: "1x4 0x10", [gauge("lite")]: "1x20" },
        atMinute: 8,
        labels: { env, service: "shop" },
      },
    ],
    silent: [
      { name: "a service has been down for a minute", series: { [gauge("shop")]: "1x4 0x10" }, atMinute: 6 },
      {
        name: "a service of another environment is down",
        series: { [gauge("shop", another(env))]: "0x20" },
        atMinute: 8,
      },
    ],
  };
}

function certificateRules(env: string): Rule[] {
  const gauge = "http_endpoint_certificate_expiry_timestamp_seconds";
  const left = `${least(gauge, "service", env)} - time()`;
  const expiry = (days: number) => ({ [series(gauge, { env, service: "shop" })]: `${days * daySeconds}x20` });
  const labels = { env, service: "shop" };
  const summary = "A certificate of {{ $labels.service }} in {{ $labels.env }} expires soon";
  const description =
    "{{ $value | humanizeDuration }} are left; below zero it has expired. Renew it, and find out why it was not renewed by itself.";
  return [
    {
      alert: "SpectaCertificateExpiresSoon",
      severity: "warning",
      expr: `(${left}) < ${14 * daySeconds} >= ${3 * daySeconds}`,
      summary,
      description,
      fires: [{ name: "ten days are left", series: expiry(10), atMinute: 0, labels, value: "10d 0h 0m 0s" }],
      silent: [
        { name: "fifteen days are left", series: expiry(15), atMinute: 0 },
        { name: "two days are left, which is critical", series: expiry(2), atMinute: 0 },
      ],
    },
    {
      alert: "SpectaCertificateAlmostExpired",
      severity: "critical",
      expr: `(${left}) < ${3 * daySeconds}`,
      summary,
      description,
      fires: [{ name: "two days are left", series: expiry(2), atMinute: 0, labels, value: "2d 0h 0m 0s" }],
      silent: [{ name: "four days are left", series: expiry(4), atMinute: 0 }],
    },
  ];
}

function containerRules(env: string): Rule[] {
  const gauge = least("aws_ecs_container_health", "service", env);
  const health = (values: string) => ({ [series("aws_ecs_container_health", { env, service: "worker" })]: values });
  const labels = { env, service: "worker" };
  return [
    {
      alert: "SpectaContainerDown",
      severity: "critical",
      expr: `${gauge} == 0`,
      for: "5m",
      summary: "No container of {{ $labels.service }} runs in {{ $labels.env }}",
      description:
        "The ECS service {{ $labels.service }} in {{ $labels.env }} has had no running task for five minutes.",
      fires: [{ name: "all tasks are gone", series: health("1x4 0x20"), atMinute: 12, labels }],
      silent: [{ name: "all tasks have been gone for three minutes", series: health("1x4 0x20"), atMinute: 8 }],
    },
    {
      alert: "SpectaContainerDegraded",
      severity: "warning",
      expr: `${gauge} < 1`,
      for: "15m",
      summary: "Too few containers of {{ $labels.service }} run in {{ $labels.env }}",
      description:
        "The ECS service {{ $labels.service }} in {{ $labels.env }} has had fewer running tasks than it wants for a quarter of an hour, longer than a deployment takes.",
      fires: [{ name: "some tasks do not come up", series: health("1x4 0.5x40"), atMinute: 25, labels }],
      silent: [{ name: "a deployment has taken ten minutes", series: health("1x4 0.5x40"), atMinute: 15 }],
    },
  ];
}

function stackRules(env: string): Rule[] {
  const gauge = least("aws_cloudformation_stack_health", "stack", env);
  const health = (values: string) => ({ [series("aws_cloudformation_stack_health", { env, stack: "cache" })]: values });
  const labels = { env, stack: "cache" };
  return [
    {
      alert: "SpectaStackUnhealthy",
      severity: "critical",
      expr: `${gauge} == 0`,
      for: "5m",
      summary: "The stack {{ $labels.stack }} is unhealthy in {{ $labels.env }}",
      description:
        "The CloudFormation stack {{ $labels.stack }} in {{ $labels.env }} has failed or was rolled back. Its events say which resource was to blame.",
      fires: [{ name: "an update was rolled back", series: health("1x4 0.5x4 0x20"), atMinute: 16, labels }],
      silent: [
        { name: "an update failed three minutes ago", series: health("1x4 0.5x4 0x20"), atMinute: 13 },
        { name: "an update takes its time", series: health("1x4 0.5x40"), atMinute: 16 },
      ],
    },
    {
      alert: "SpectaStackStuck",
      severity: "warning",
      expr: `${gauge} == 0.5`,
      for: "1h",
      summary: "The stack {{ $labels.stack }} has been changing for an hour in {{ $labels.env }}",
      description:
        "The CloudFormation stack {{ $labels.stack }} in {{ $labels.env }} has been in progress for an hour. It may wait for a resource that does not come.",
      fires: [{ name: "an update does not end", series: health("1x4 0.5x100"), atMinute: 70, labels }],
      silent: [{ name: "an update has taken half an hour", series: health("1x4 0.5x100"), atMinute: 35 }],
    },
  ];
}
