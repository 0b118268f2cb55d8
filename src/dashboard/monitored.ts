/** What a dashboard and alert rules are made from: everything that one daemon will report. */
import type { Metrics } from "../metrics/definition.ts";

export interface Monitored {
  /** The value of `SPECTA_ENVIRONMENT`, and so of the label `env`. */
  readonly environment: string;
  /** What clients may push. */
  readonly pushed: Metrics;
  /** The active handlers, in the order of the configuration. */
  readonly handlers: readonly MonitoredHandler[];
}

export interface MonitoredHandler {
  readonly name: string;
  /** False for a user's own file. */
  readonly builtIn: boolean;
  /** What it may report. */
  readonly metrics: Metrics;
  /** The sleep between executions (ms); undefined: only the user's own file knows it. */
  readonly coolerMs: number | undefined;
  /** How long one execution may take (ms). */
  readonly deadlineMs: number;
}

/** The metric's definition where an active built-in handler reports it. */
export function builtInMetric(monitored: Monitored, name: string) {
  for (const handler of monitored.handlers) {
    if (handler.builtIn && Object.hasOwn(handler.metrics, name)) return handler.metrics[name];
  }
  return undefined;
}
