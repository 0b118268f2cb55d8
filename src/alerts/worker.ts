/** Alerts about handlers that do not succeed. */
import type { Monitored, MonitoredHandler } from "../dashboard/monitored.ts";
import { aggregate, oneOf, quote, select } from "../dashboard/query.ts";
import { type Rule, series } from "./rule.ts";

/** A handler may miss this many executions in a row, each at its deadline. */
const missedExecutions = 3;

/** Shorter waits would fire at every hiccup of a handler that looks every few seconds. */
const leastWaitMs = 5 * 60_000;

/** How long ago the last success may be seen: over a restart it is forgotten until the next. */
const memory = "1h";

/** The sleep of a user's handler that only its file knows. */
const assumedCoolerMs = 60_000;

export function workerRules({ environment, handlers }: Monitored): Rule[] {
  return handlers.length === 0
    ? []
    : [notSucceeding(environment, handlers), neverSucceeded(environment, handlers[0]!.name)];
}

const each = ["env", "handler"];

/** When a handler last succeeded, on whichever instance. */
function lastSuccess(...matchers: readonly string[]): string {
  const gauge = select("worker_handler_last_success_timestamp_seconds", ...matchers);
  return aggregate("max", each, `max_over_time(${gauge}[${memory}])`);
}

/** Every handler is given as much time as its own rhythm needs. */
function notSucceeding(env: string, handlers: readonly MonitoredHandler[]): Rule {
  const byWait = [...Map.groupBy(handlers, waitMinutes)];
  const last = (handler: string, values: string) => ({
    [series("worker_handler_last_success_timestamp_seconds", { env, handler })]: values,
  });
  return {
    alert: "SpectaHandlerNotSucceeding",
    severity: "warning",
    expr: byWait
      .map(([minutes, some]) => {
        const names = oneOf(some.map(({ name }) => name));
        return `time() - ${lastSuccess(`env=${quote(env)}`, `handler=~${names}`)} > ${minutes * 60}`;
      })
      .join(" or "),
    summary: "The handler {{ $labels.handler }} does not succeed in {{ $labels.env }}",
    description:
      "Its last success was {{ $value | humanizeDuration }} ago, so what it reports is old or gone. The log says why: worker execution failed.",
    fires: byWait.map(([minutes, some]) => ({
      name: `the last success was more than ${minutes} minutes ago`,
      series: last(some[0]!.name, "0x1000"),
      atMinute: minutes + 1,
      labels: { env, handler: some[0]!.name },
      value: duration(minutes + 1),
    })),
    silent: byWait.map(([minutes, some]) => ({
      name: `a success came within ${minutes} minutes`,
      series: last(some[0]!.name, `0x${minutes - 1} ${minutes * 60}x1000`),
      atMinute: minutes + 1,
    })),
  };
}

function waitMinutes({ coolerMs = assumedCoolerMs, deadlineMs }: MonitoredHandler): number {
  return Math.ceil(Math.max(leastWaitMs, missedExecutions * (coolerMs + deadlineMs)) / 60_000);
}

/** No time of a last success is known then, so its age cannot be asked for. */
function neverSucceeded(env: string, handler: string): Rule {
  const inEnv = `env=${quote(env)}`;
  const failed = aggregate("sum", each, select("worker_handler_execution_total", inEnv, 'success="false"'));
  const failures = { [series("worker_handler_execution_total", { env, handler, success: "false" })]: "0 1+1x1000" };
  const last = { [series("worker_handler_last_success_timestamp_seconds", { env, handler })]: "0x1000" };
  return {
    alert: "SpectaHandlerNeverSucceeded",
    severity: "warning",
    expr: `${failed} > 0 unless ${lastSuccess(inEnv)}`,
    for: "5m",
    summary: "The handler {{ $labels.handler }} has never succeeded in {{ $labels.env }}",
    description:
      "It has not succeeded since specta started, so nothing is known of what it looks at. The log says why: worker execution failed.",
    fires: [{ name: "all executions fail", series: failures, atMinute: 7, labels: { env, handler } }],
    silent: [
      { name: "it succeeded once", series: { ...failures, ...last }, atMinute: 7 },
      { name: "it has only just started", series: failures, atMinute: 4 },
    ],
  };
}

/** As Prometheus' `humanizeDuration` writes whole minutes. */
function duration(minutes: number): string {
  const days = Math.floor(minutes / 1440);
  const hours = Math.floor(minutes / 60) % 24;
  const rest = `${minutes % 60}m 0s`;
  if (days > 0) return `${days}d ${hours}h ${rest}`;
  return hours > 0 ? `${hours}h ${rest}` : rest;
}
