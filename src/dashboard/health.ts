/** Rows of what the endpoint, container, stack and key pair handlers report. */
import type { LabelValues, Metric } from "../metrics/definition.ts";
import { builtInMetric, type Monitored } from "./monitored.ts";
import { bars, figure, type Panel, type Row, statusHistory } from "./panels.ts";
import { aggregate, inEnvironment, labelsOf, legendOf, select } from "./query.ts";

/** Health panels by the gauge that they show; the titles are those that users of the service already know. */
const histories = [
  {
    metric: "http_endpoint_health",
    title: "Endpoint Health",
    description: "Whether every URL of a service answers with an expected status.",
  },
  {
    metric: "aws_ecs_container_health",
    title: "Container Health",
    description: "Whether as many tasks of an ECS service run as are desired: partly when only some do.",
  },
  {
    metric: "aws_cloudformation_stack_health",
    title: "CloudFormation Health",
    description:
      "Whether a stack has reached its end: partly while it is being changed, unhealthy after a failure or a rollback.",
  },
] as const;

export function healthRow(monitored: Monitored): Row {
  const panels: Panel[] = [];
  for (const { metric, title, description } of histories) {
    const definition = builtInMetric(monitored, metric);
    if (definition) panels.push(history(metric, definition, title, description));
  }
  if (builtInMetric(monitored, "http_endpoint_certificate_expiry_timestamp_seconds")) panels.push(certificates());
  if (builtInMetric(monitored, "aws_ec2_keypair_total")) panels.push(keyPairs());
  return { title: "Health", panels };
}

/** A status history of any gauge that holds 1, 0.5 and 0. A step shows the least healthy moment within it. */
export function history(name: string, metric: Metric, title: string, description: string): Panel {
  const gauge = `min_over_time(${select(name, inEnvironment)}[$__interval])`;
  const labels = labelsOf(metric);
  return statusHistory({
    title,
    description,
    queries: [{ expr: aggregate("min", labels, gauge), legend: legendOf(labels, name) }],
    width: 24,
    height: Math.min(4 + Object.values(metric.labels ?? {}).reduce(rows, 1), 16),
    unit: "short",
  });
}

/** Rows to make room for: all label values that are known ahead, eight for those that are discovered. */
function rows(sofar: number, values: LabelValues): number {
  return sofar * (values === "*" ? 8 : Math.max(1, values.length));
}

function certificates(): Panel {
  const gauge = select("http_endpoint_certificate_expiry_timestamp_seconds", inEnvironment);
  return bars(
    {
      title: "Certificates: days left",
      description: "Days until the first certificate among a service's URLs expires. Empty when none of them is https.",
      queries: [{ expr: `(${aggregate("min", ["service"], gauge)} - time()) / 86400`, legend: "{{service}}" }],
      width: 16,
      height: 8,
      unit: "d",
    },
    [
      [undefined, "red"],
      [3, "orange"],
      [14, "green"],
    ],
    90,
  );
}

function keyPairs(): Panel {
  return figure(
    {
      title: "EC2 key pairs",
      description: "How many EC2 key pairs there are: each is a way into machines.",
      queries: [{ expr: aggregate("max", [], select("aws_ec2_keypair_total", inEnvironment)), legend: "key pairs" }],
      width: 8,
      height: 8,
      unit: "none",
    },
    [[undefined, "blue"]],
  );
}
