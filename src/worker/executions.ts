/** What specta counts and logs of every handler's executions, whoever holds the handler. */
import type { Trouble } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { formatLatency } from "../base/units.ts";
import { ownMetrics } from "../metrics/own.ts";
import type { Registry, Series } from "../metrics/registry.ts";
import type { Recording } from "./protocol.ts";

/** One execution that has ended. */
export interface Execution {
  readonly handler: string;
  /** Unix milliseconds. */
  readonly startedMs: number;
  readonly latencyMs: number;
  readonly success: boolean;
  /** What failed; empty when nothing did. */
  readonly error: string;
  /** The gauges that it reported; empty when it reported nothing. */
  readonly gauges: readonly Recording[];
}

export class Executions {
  readonly #total: Series;
  readonly #duration: Series;
  readonly #lastSuccess: Series;
  readonly #dropped: Series;
  readonly #log: Log;
  readonly #droppedBefore = new Set<string>();
  readonly #listeners = new Set<(execution: Execution) => void>();

  constructor(registry: Registry, log: Log) {
    const define = (name: keyof typeof ownMetrics) => registry.define(name, ownMetrics[name]);
    this.#total = define("worker_handler_execution_total");
    this.#duration = define("worker_handler_execution_duration_seconds");
    this.#lastSuccess = define("worker_handler_last_success_timestamp_seconds");
    this.#dropped = define("specta_series_dropped_total");
    this.#log = log;
  }

  /** Shows a handler's series at 0. */
  expect(handler: string): void {
    for (const success of ["false", "true"]) {
      for (const series of [this.#total, this.#duration]) series.show(series.key({ handler, success }));
    }
  }

  /** Forgets a handler that turned out not to run at all. */
  forget(handler: string): void {
    for (const success of ["false", "true"]) {
      for (const series of [this.#total, this.#duration]) series.remove(series.key({ handler, success }));
    }
  }

  /** Calls the listener after every execution; returns what ends that. */
  listen(listener: (execution: Execution) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Counts and logs one that has ended; `trouble` when it has failed. */
  ended(execution: Execution, trouble: Trouble | undefined): void {
    const { handler, latencyMs, startedMs } = execution;
    const labels = { handler, success: String(execution.success) };
    this.#total.write(this.#total.key(labels), 1);
    this.#duration.write(this.#duration.key(labels), latencyMs / 1000);
    if (execution.success) this.#lastSuccess.write(this.#lastSuccess.key({ handler }), (startedMs + latencyMs) / 1000);
    if (trouble !== undefined) this.#log.error("worker execution failed", { handler }, trouble);
    this.#log.debug("instrumented worker handler", { ...labels, latency: formatLatency(latencyMs) });
    for (const listener of this.#listeners) listener(execution);
  }

  /** Counts samples that were dropped; 0 of them shows the series at 0. */
  dropped(handler: string, metric: string, samples: number, maxSeries: number): void {
    const key = this.#dropped.key({ metric });
    this.#dropped.write(key, samples);
    if (samples === 0 || this.#droppedBefore.has(metric)) return;
    this.#droppedBefore.add(metric);
    this.#log.warning("samples were dropped", {
      handler,
      metric,
      reason: `it has max_series=${maxSeries} series already`,
    });
  }
}
