/** A status page over a worker that the test plays: what it reports, fails and leaves to others. */
import { defaultStaleAfterMs } from "../../src/base/limits.ts";
import type { Ended } from "../../src/handlers/handler.ts";
import type { Ledger } from "../../src/ledger/ledger.ts";
import { openLedger } from "../../src/ledger/open.ts";
import type { Metric, Metrics } from "../../src/metrics/definition.ts";
import { expose } from "../../src/metrics/exposition.ts";
import { ownMetrics, pushOwnMetrics } from "../../src/metrics/own.ts";
import { layoutOf } from "../../src/metrics/push-layout.ts";
import { allocate, PushShard, pushFamilies } from "../../src/metrics/push-store.ts";
import { Registry } from "../../src/metrics/registry.ts";
import type { StatusDocument } from "../../src/status/document.ts";
import { Status } from "../../src/status/status.ts";
import type { Execution } from "../../src/worker/executions.ts";
import type { HandlerState } from "../../src/worker/pipeline.ts";
import type { PlannedHandler } from "../../src/worker/plan.ts";
import type { LedgerSource } from "../../src/worker/tenure.ts";
import { ManualClock } from "./clock.ts";
import { Exposition } from "./exposition.ts";
import { MemoryLog } from "./log.ts";

/** A gauge's value by the values of its only label; by the empty text where it has none. */
export type Gauges = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface WorldOptions {
  readonly handlers?: readonly Partial<PlannedHandler>[];
  readonly pushed?: Metrics;
  readonly configuration?: StatusDocument["configuration"];
  /** Left out: there is none that lasts. */
  readonly ledger?: LedgerSource;
  readonly clock?: ManualClock;
  /** The worker is off. */
  readonly isOff?: boolean;
}

export class StatusWorld {
  readonly clock: ManualClock;
  readonly log = new MemoryLog();
  readonly registry = new Registry("testing");
  readonly status: Status;
  readonly ledger: LedgerSource;
  readonly #listeners = new Set<(execution: Execution) => void>();
  readonly #states = new Map<string, HandlerState>();
  readonly #plans: readonly PlannedHandler[];
  readonly #pushed: { readonly shard: PushShard; readonly metrics: Metrics };

  constructor({ handlers = [], pushed = {}, configuration = "file", ledger, clock, isOff = false }: WorldOptions = {}) {
    this.clock = clock ?? new ManualClock();
    this.status = new Status({ registry: this.registry, pushed, configuration, log: this.log, clock: this.clock });
    const all = { ...pushed, ...pushOwnMetrics(pushed) };
    const layout = layoutOf(all);
    const memory = allocate(layout, 1);
    for (const family of pushFamilies(layout, memory, "testing")) this.registry.add(family);
    this.#pushed = { shard: new PushShard(layout, memory, 0), metrics: all };
    this.#plans = handlers.map(plan);
    for (const { name, inactive, metrics } of this.#plans) {
      this.#set(name, { inactive, holder: ledger === undefined ? "free" : "unknown" });
      if (inactive !== undefined) continue;
      for (const [metric, definition] of Object.entries(metrics ?? {})) this.registry.define(metric, definition);
    }
    this.ledger = this.status.ledger(ledger ?? inMemory(this.clock));
    if (isOff) return;
    const worker = {
      onExecution: (listener: (execution: Execution) => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      state: () => [...this.#states.values()],
    };
    this.status.watch(worker, this.#plans, this.ledger);
  }

  /** An execution that reported these gauges. Without an error those that are missing are gone. */
  run(handler: string, gauges: Gauges, error = "", latencyMs = 120): void {
    const success = error === "";
    const recordings = Object.entries(gauges).flatMap(([metric, values]) =>
      Object.entries(values).map(([value, number]) => ({ metric, labels: this.#labels(metric, value), number })),
    );
    for (const [metric, { kind }] of Object.entries(this.#plan(handler)?.metrics ?? {})) {
      if (kind === "gauge" && success) this.registry.define(metric, this.#metric(metric)).clear();
    }
    for (const { metric, labels, number } of recordings) {
      const series = this.registry.define(metric, this.#metric(metric));
      series.write(series.key(labels), number);
    }
    const total = this.registry.define("worker_handler_execution_total", ownMetrics.worker_handler_execution_total);
    total.write(total.key({ handler, success: String(success) }), 1);
    const startedMs = this.clock.unixMs();
    const last: Execution = { handler, startedMs, latencyMs, success, error, gauges: recordings };
    const coolerMs = this.#plan(handler)?.coolerMs ?? 5000;
    this.#set(handler, {
      last,
      nextMs: startedMs + coolerMs,
      ...(success && { lastSuccessMs: startedMs + latencyMs }),
    });
    for (const listener of this.#listeners) listener(last);
  }

  /** Builds or deployments that the handler has seen end: counted by the ledger, and shown in the registry. */
  async ended(handler: string, ended: readonly Ended[]): Promise<void> {
    const ledger = await this.ledger.open();
    const lease = await ledger.hold(handler);
    const metrics = this.#plan(handler)?.metrics ?? {};
    const batch = { ended, metrics, lookbackMs: dayMs, maxSeries: 100 };
    for (const { metric, labels, sum, buckets } of (await ledger.record(lease!, batch)).totals) {
      const series = this.registry.define(metric, this.#metric(metric));
      series.show(series.key(labels), sum, buckets);
    }
  }

  /** The registry drops a handler's gauges, as it does when they are stale or the lease is lost. */
  drop(handler: string): void {
    for (const [metric, definition] of Object.entries(this.#plan(handler)?.metrics ?? {})) {
      this.registry.define(metric, definition).clear();
    }
  }

  holder(handler: string, holder: HandlerState["holder"]): void {
    this.#set(handler, { holder });
  }

  push(metric: string, numbers: readonly number[], series?: number): void {
    const { shard } = this.#pushed;
    const place = (name: string) => shard.layout.metrics.get(name)!;
    shard.begin();
    for (const number of numbers) shard.write(place(metric), series ?? place(metric).series - 1, number);
    const times = place("specta_push_last_timestamp_seconds");
    const index = times.labels[0]!.places.get(metric)! * times.labels[0]!.stride;
    shard.write(times, index, this.clock.unixMs() / 1000);
    shard.end();
  }

  async page(): Promise<string> {
    return await (await this.status.routes["/status"](new Request("http://specta/status"))).text();
  }

  async json(): Promise<StatusDocument> {
    const answer = await this.status.routes["/status.json"](new Request("http://specta/status.json"));
    return (await answer.json()) as StatusDocument;
  }

  scrape(): Exposition {
    return new Exposition(expose(this.registry));
  }

  #plan(handler: string): PlannedHandler | undefined {
    return this.#plans.find(({ name }) => name === handler);
  }

  #metric(name: string): Metric {
    for (const { metrics } of this.#plans) if (metrics?.[name]) return metrics[name];
    return { kind: "gauge", help: `the ${name}`, labels: { of: "*" } };
  }

  #labels(metric: string, value: string): Record<string, string> {
    const [label] = Object.keys(this.#metric(metric).labels ?? {});
    return label === undefined ? {} : { [label]: value };
  }

  #set(name: string, more: Partial<HandlerState>): void {
    const fresh = { inactive: undefined, holder: "free", isRunning: false } as const;
    const rest = { last: undefined, lastSuccessMs: undefined, nextMs: undefined };
    this.#states.set(name, { name, ...fresh, ...rest, ...this.#states.get(name), ...more });
  }
}

const dayMs = 86_400_000;

function inMemory(clock: ManualClock): LedgerSource {
  let ledger: Ledger | undefined;
  return {
    isConfigured: false,
    open: async () => {
      ledger ??= openLedger(undefined, { bornMs: 0, now: () => clock.unixMs() });
      return ledger;
    },
  };
}

function plan(more: Partial<PlannedHandler>): PlannedHandler {
  return {
    name: "endpoint",
    inactive: undefined,
    file: undefined,
    settings: {},
    metrics: undefined,
    coolerMs: 5000,
    timeoutMs: 5000,
    deadlineMs: 5000,
    staleAfterMs: defaultStaleAfterMs,
    maxSeries: 100,
    lookbackMs: 86_400_000,
    variables: {},
    description: "",
    ...more,
  };
}
