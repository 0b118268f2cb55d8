/** What three daemons would report: with the embedded default, with a configuration like splits.yaml, and with all there is. */
import type { Monitored, MonitoredHandler } from "../../src/dashboard/monitored.ts";
import type { Metrics } from "../../src/metrics/definition.ts";

const pageReady: Metrics = {
  page_ready_duration_seconds: {
    kind: "histogram",
    help: "the time it takes for the app to show a page",
    labels: { page: ["root"] },
    buckets: [0.1, 0.2, 0.3, 0.4, 0.5, 1, 2, 3, 4, 5],
  },
};

function builtIn(name: string, coolerMs: number, timeoutMs: number, metrics: Metrics): MonitoredHandler {
  return { name, builtIn: true, metrics, coolerMs, timeoutMs };
}

function endpoint(services: readonly string[]): MonitoredHandler {
  return builtIn("endpoint", 5000, 5000, {
    http_endpoint_certificate_expiry_timestamp_seconds: {
      kind: "gauge",
      help: "the time at which the first certificate of an http endpoint expires in seconds since the Unix epoch",
      labels: { service: services },
    },
    http_endpoint_health: {
      kind: "gauge",
      help: "the health status of an http endpoint",
      labels: { service: services },
    },
  });
}

const success = ["false", "true"];

function build(repositories: readonly string[]): MonitoredHandler {
  const labels = { platform: ["github"], repository: repositories, success, workflow: ["check", "image"] };
  return builtIn("build", 60_000, 60_000, {
    build_execution_duration_seconds: {
      kind: "histogram",
      help: "the time it takes for build container executions to complete",
      labels,
      buckets: [30, 60, 90, 120, 150, 180, 210, 240, 270, 300],
    },
    build_execution_total: { kind: "counter", help: "the total amount of build container executions", labels },
    github_rate_limit_remaining: { kind: "gauge", help: "the requests that GitHub still answers" },
  });
}

const deployment = builtIn("deployment", 60_000, 60_000, {
  deployment_execution_duration_seconds: {
    kind: "histogram",
    help: "the time it takes for deployment pipeline executions to complete",
    labels: { platform: ["codepipeline"], success },
    buckets: [60, 120, 180, 240, 300, 420, 540, 660, 780, 900],
  },
  deployment_execution_total: {
    kind: "counter",
    help: "the total amount of deployment pipeline executions",
    labels: { platform: ["codepipeline"], success },
  },
});

const container = builtIn("container", 5000, 30_000, {
  aws_ecs_container_health: {
    kind: "gauge",
    help: "the health status of ecs service containers",
    labels: { service: "*" },
  },
});

const keypair = builtIn("keypair", 5000, 30_000, {
  aws_ec2_keypair_total: { kind: "gauge", help: "the total amount of EC2 key-pairs" },
});

function stack(names: readonly string[]): MonitoredHandler {
  return builtIn("stack", 5000, 30_000, {
    aws_cloudformation_stack_health: {
      kind: "gauge",
      help: "the health status of cloudformation stacks",
      labels: { stack: names },
    },
  });
}

export const byDefault: Monitored = {
  environment: "production",
  pushed: pageReady,
  handlers: [endpoint(["specta"])],
};

export const likeSplits: Monitored = {
  environment: "production",
  pushed: pageReady,
  handlers: [
    build(["kayron", "server", "specta", "splits-lite"]),
    endpoint(["explorer", "server", "specta", "splits-lite", "teams"]),
    deployment,
    container,
    keypair,
    stack(["alloy", "cache", "database", "deployment", "discovery", "fargate", "kayron", "network", "root", "server"]),
  ],
};

/** Beside all that is built in: every kind of pushed metric, with and without labels, and a user's own handlers. */
export const withEverything: Monitored = {
  environment: "staging",
  pushed: {
    ...pageReady,
    cart_value: { kind: "histogram", help: "what carts are worth", buckets: [1, 10, 100, 1_000_000] },
    checkout_duration_seconds: { kind: "histogram", help: "the time it takes to pay", buckets: [1, 2, 5] },
    clicks_total: {
      kind: "counter",
      help: "the total amount of clicks",
      labels: { button: ["buy", "sell"], page: ["root"] },
    },
    visits_total: { kind: "counter", help: "the total amount of visits" },
    open_tabs: { kind: "gauge", help: "the tabs that are open", labels: { page: ["root"] } },
    storage_used_bytes: { kind: "gauge", help: "the storage that the app uses" },
  },
  handlers: [
    ...likeSplits.handlers,
    {
      name: "queue",
      builtIn: false,
      metrics: {
        queue_depth: { kind: "gauge", help: "the messages that wait", labels: { queue: "*" } },
        queue_health: { kind: "gauge", help: "the health of a queue", labels: { queue: ["mail", "sms"] } },
        queue_messages_total: { kind: "counter", help: "the total amount of messages", labels: { queue: "*" } },
        queue_oldest_timestamp_seconds: { kind: "gauge", help: "the time of the oldest message" },
        queue_wait_seconds: { kind: "histogram", help: "how long messages wait", buckets: [0.5, 1, 60] },
      },
      coolerMs: undefined,
      timeoutMs: 30_000,
    },
  ],
};
