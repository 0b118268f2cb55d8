/** What the page looks like on different days: each is a world as it stands at the end of its story. */
import type { Ended } from "../../src/handlers/handler.ts";
import type { Labels, Metrics } from "../../src/metrics/definition.ts";
import type { PlannedHandler } from "../../src/worker/plan.ts";
import { ManualClock } from "./clock.ts";
import { byDefault, likeSplits, withEverything } from "./monitored.ts";
import { type Gauges, StatusWorld } from "./status.ts";

const minuteMs = 60_000;
const daySeconds = 86_400;
const nowMs = Date.UTC(2026, 2, 16, 14, 9, 6);

const unnamed = (name: string) => ({ name, inactive: "the configuration does not name it" });

/** The embedded default, five minutes after its start. */
export function fresh(): StatusWorld {
  const inactive = ["build", "container", "deployment", "keypair", "stack"].map(unnamed);
  const clock = new ManualClock(nowMs - 5 * minuteMs);
  const handlers = [...plansOf(byDefault.handlers), ...inactive];
  const world = new StatusWorld({ handlers, pushed: byDefault.pushed, configuration: "embedded", clock });
  const look = () => world.run("endpoint", { http_endpoint_health: { specta: 1 } }, "", 3.6);
  for (let minute = 0; minute < 5; minute += 1) {
    look();
    world.push("page_ready_duration_seconds", [0.12, 0.31, 0.27]);
    world.clock.advance(minuteMs);
  }
  look();
  return world;
}

/** A file that names no handler and nothing to push. */
export function empty(): StatusWorld {
  return new StatusWorld({
    clock: new ManualClock(nowMs),
    handlers: ["build", "container", "deployment", "endpoint", "keypair", "stack"].map(unnamed),
  });
}

/** A replica for pushes alone. */
export function pushesOnly(): StatusWorld {
  const world = new StatusWorld({ clock: new ManualClock(nowMs), pushed: byDefault.pushed, isOff: true });
  world.push("page_ready_duration_seconds", [0.12, 0.31, 0.27]);
  return world;
}

/** An organisation's day on which nothing is wrong at its end. */
export function everyday(): Promise<StatusWorld> {
  return day((health) => health);
}

/** The same day, with an end that wakes people up. */
export async function failing(): Promise<StatusWorld> {
  const world = await day(({ gauges, minutesLeft }) => {
    const health = { ...gauges.http_endpoint_health };
    if (minutesLeft < 34) health.server = 0;
    if (minutesLeft < 12) health["splits-lite"] = 0;
    const containers = { ...gauges.aws_ecs_container_health };
    if (minutesLeft < 20) containers.indexing = 0.5;
    const expiry = { ...gauges.http_endpoint_certificate_expiry_timestamp_seconds };
    expiry.teams = nowMs / 1000 + 2.4 * daySeconds;
    const changed = { http_endpoint_health: health, aws_ecs_container_health: containers };
    return {
      gauges: { ...gauges, ...changed, http_endpoint_certificate_expiry_timestamp_seconds: expiry },
      minutesLeft,
      isBlind: minutesLeft < 41,
    };
  });
  await world.ended("build", [build(99, "specta", "image", false, 211)]);
  world.clock.advance(20_000);
  world.run("queue", {}, "the queue must answer within 5s: ECONNREFUSED 10.0.4.17:5672", 5003);
  return world;
}

interface Moment {
  readonly gauges: Gauges;
  readonly minutesLeft: number;
  /** The stack handler has failed for so long that its gauges are gone. */
  readonly isBlind?: boolean;
}

async function day(change: (moment: Moment) => Moment): Promise<StatusWorld> {
  const queue: Metrics = {
    queue_depth: { kind: "gauge", help: "the messages that wait", labels: { queue: "*" } },
    queue_health: { kind: "gauge", help: "the health of a queue", labels: { queue: ["mail", "sms"] } },
  };
  const plans = plansOf(likeSplits.handlers);
  const clock = new ManualClock(nowMs - 24 * 60 * minuteMs);
  const world = new StatusWorld({
    handlers: [...plans, { name: "queue", file: "/handlers/queue.ts", metrics: queue, coolerMs: 10_000 }],
    pushed: { ...likeSplits.pushed, ...pick(withEverything.pushed, "clicks_total") },
    clock,
  });
  await world.ended("build", builds());
  await world.ended("deployment", deployments());
  for (let minutesLeft = 24 * 60; minutesLeft >= 0; minutesLeft -= 1) {
    if (minutesLeft % 3 === 0) look(world, change({ gauges: gaugesAt(minutesLeft), minutesLeft }));
    if (minutesLeft % 2 === 0) world.push("page_ready_duration_seconds", [0.08, 0.17, 0.26, 0.34, 0.41, 0.9]);
    if (minutesLeft % 4 === 0) world.push("clicks_total", [1, 1, 1]);
    if (minutesLeft > 0) clock.advance(minuteMs);
  }
  return world;
}

/** Every handler reports what is its own. */
function look(world: StatusWorld, { gauges, isBlind = false }: Moment): void {
  const of = (handler: string, latencyMs: number, ...metrics: string[]) =>
    world.run(handler, Object.fromEntries(metrics.map((metric) => [metric, gauges[metric] ?? {}])), "", latencyMs);
  of("build", 1240, "github_rate_limit_remaining");
  of("endpoint", 182, "http_endpoint_health", "http_endpoint_certificate_expiry_timestamp_seconds");
  of("deployment", 640);
  of("container", 318, "aws_ecs_container_health");
  of("keypair", 97, "aws_ec2_keypair_total");
  if (isBlind) {
    world.run("stack", {}, "DescribeStacks must answer with 200: current value is 403, AccessDenied", 310);
    world.drop("stack");
  } else of("stack", 402, "aws_cloudformation_stack_health");
  of("queue", 12.4, "queue_depth", "queue_health");
}

function gaugesAt(minutesLeft: number): Gauges {
  const within = (from: number, to: number) => minutesLeft <= from && minutesLeft > to;
  const all = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, 1]));
  const days = { explorer: 61.2, server: 34.5, "splits-lite": 12.3, teams: 78.9 };
  const stacks = ["alloy", "cache", "database", "discovery", "fargate", "kayron", "network", "root", "server"];
  const containers = ["alloy", "graphql", "indexing", "kayron", "otel-collector", "server", "specta", "splits-lite"];
  return {
    http_endpoint_health: {
      ...all(["explorer", "server", "specta", "splits-lite", "teams"]),
      ...(within(880, 842) && { explorer: 0 }),
      ...(within(301, 296) && { teams: 0 }),
    },
    http_endpoint_certificate_expiry_timestamp_seconds: Object.fromEntries(
      Object.entries(days).map(([name, left]) => [name, Math.round(nowMs / 1000 + left * daySeconds)]),
    ),
    aws_ecs_container_health: {
      ...all(containers),
      ...(within(520, 498) && { graphql: 0.5 }),
      ...(within(1130, 1121) && { server: 0.5 }),
      ...(within(1121, 1097) && { server: 0 }),
      ...(minutesLeft < 400 && { worker: 1 }),
    },
    aws_cloudformation_stack_health: {
      ...all(stacks),
      ...(within(700, 671) && { server: 0.5 }),
      ...(within(530, 498) && { fargate: 0.5 }),
    },
    aws_ec2_keypair_total: { "": minutesLeft > 610 ? 3 : 4 },
    github_rate_limit_remaining: { "": 3700 + (minutesLeft % 60) * 21 },
    queue_health: { mail: 1, sms: within(230, 190) ? 0 : 1 },
    queue_depth: {
      mail: Math.round(40 + 30 * Math.sin(minutesLeft / 90) + 8 * Math.sin(minutesLeft / 13)),
      sms: within(260, 180) ? Math.round(900 - Math.abs(minutesLeft - 205) * 12) : 4,
    },
  };
}

function builds(): Ended[] {
  const repositories = ["kayron", "server", "specta", "splits-lite"];
  return repositories.flatMap((repository, at) =>
    Array.from({ length: 9 + 3 * at }, (_, index) =>
      build(
        index,
        repository,
        index % 3 === 0 ? "image" : "check",
        (index + at) % 11 !== 4,
        70 + 13 * ((index * 7) % 9),
      ),
    ),
  );
}

function build(id: number, repository: string, workflow: string, success: boolean, seconds: number): Ended {
  const labels = { platform: "github", repository, success: String(success), workflow };
  const endedMs = nowMs - (id === 99 ? 6 : 40 + 97 * (12 - (id % 12))) * minuteMs;
  return ended(`${repository}/${workflow}/${id}`, "build", labels, endedMs, seconds);
}

function deployments(): Ended[] {
  return Array.from({ length: 7 }, (_, index) => {
    const labels = { platform: "codepipeline", success: String(index !== 2) };
    return ended(`pipeline/${index}`, "deployment", labels, nowMs - (700 - index * 90) * minuteMs, 280 + index * 31);
  });
}

function ended(key: string, kind: string, labels: Labels, endedMs: number, seconds: number): Ended {
  const samples = [
    { metric: `${kind}_execution_total`, labels, number: 1 },
    { metric: `${kind}_execution_duration_seconds`, labels, number: seconds },
  ];
  return { key, createdMs: endedMs - seconds * 1000, endedMs, samples };
}

function plansOf(handlers: typeof likeSplits.handlers): Partial<PlannedHandler>[] {
  return handlers.map(({ name, metrics, coolerMs, deadlineMs }) => ({
    name,
    metrics,
    coolerMs: coolerMs ?? 5000,
    deadlineMs,
  }));
}

function pick(metrics: Metrics, name: string): Metrics {
  const metric = metrics[name];
  if (metric === undefined) throw new Error(`there is no metric ${name}`);
  return { [name]: metric };
}
