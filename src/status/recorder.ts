/** Remembers what the page will want to know, while nobody looks at it: a few map look-ups an execution. */
import type { Clock } from "../base/clock.ts";
import { statusSlotMs } from "../base/limits.ts";
import type { Labels } from "../metrics/definition.ts";
import type { Family } from "../metrics/family.ts";
import type { Registry } from "../metrics/registry.ts";
import { formatLabels } from "../metrics/text.ts";
import type { Engine } from "../worker/engine.ts";
import type { Execution } from "../worker/executions.ts";
import type { PlannedHandler } from "../worker/plan.ts";
import { History } from "./history.ts";
import { Results } from "./results.ts";
import { Windows } from "./windows.ts";

/** What the page needs of the worker. */
export type Worker = Pick<Engine, "onExecution" | "state">;

/** The last failed execution of a handler. */
export interface Fault {
  readonly error: string;
  /** Unix milliseconds. */
  readonly atMs: number;
}

export interface RecorderOptions {
  readonly registry: Registry;
  /** Names of the gauges that clients may push. */
  readonly pushedGauges: readonly string[];
  readonly clock: Clock;
}

export class Recorder {
  readonly history: History;
  readonly windows: Windows;
  readonly results = new Results();
  readonly faults = new Map<string, Fault>();
  readonly #options: RecorderOptions;
  /** The gauges of each handler, as declared or as reported. */
  readonly #gauges = new Map<string, Set<string>>();
  #worker: Worker | undefined;
  #unlisten = (): void => undefined;
  #cancelTurn = (): void => undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.history = new History(options.clock);
    this.windows = new Windows(options.registry, options.clock);
  }

  /** Begins to turn the slots. */
  start(): void {
    this.#turnLater();
  }

  stop(): void {
    this.#cancelTurn();
    this.#unlisten();
  }

  /** Looks at what the handlers report from now on. */
  watch(worker: Worker, handlers: readonly PlannedHandler[]): void {
    this.#worker = worker;
    for (const { name, metrics = {}, inactive } of handlers) {
      if (inactive !== undefined) continue;
      const gauges = Object.entries(metrics).filter(([, { kind }]) => kind === "gauge");
      this.#gauges.set(name, new Set(gauges.map(([metric]) => metric)));
    }
    this.#unlisten = worker.onExecution((execution) => this.#executed(execution));
  }

  /** Brings the history up to what is exposed now: clients push at any time, and what is stale goes by itself. */
  look(): void {
    const { registry, pushedGauges } = this.#options;
    for (const metric of pushedGauges) {
      for (const { labels, value } of registry.find(metric)?.read() ?? []) this.history.see("", metric, labels, value);
    }
    const elsewhere = this.#elsewhere();
    const exposed = new Map<string, ReadonlySet<string>>();
    for (const track of this.history.tracks()) {
      const { handler, metric, labels, presence } = track;
      if (presence === "lost" || presence === "gone" || elsewhere.has(handler)) continue;
      const keys = exposed.get(metric) ?? keysOf(registry.find(metric));
      exposed.set(metric, keys);
      if (!keys.has(formatLabels(labels))) this.history.miss(track, "lost");
    }
  }

  #executed({ handler, success, error, startedMs, latencyMs, gauges }: Execution): void {
    if (!success) this.faults.set(handler, { error, atMs: startedMs + latencyMs });
    const metrics = this.#gauges.get(handler) ?? new Set();
    this.#gauges.set(handler, metrics);
    const reported = new Set<string>();
    for (const { metric, labels } of gauges) {
      metrics.add(metric);
      reported.add(keyOf(metric, labels));
    }
    const exposed = new Set<string>();
    for (const metric of metrics) {
      for (const { labels, value } of this.#options.registry.find(metric)?.read() ?? []) {
        const key = keyOf(metric, labels);
        exposed.add(key);
        if (reported.has(key)) this.history.see(handler, metric, labels, value);
        else this.#miss(metric, labels);
      }
    }
    for (const track of this.history.tracks()) {
      if (track.handler !== handler || exposed.has(keyOf(track.metric, track.labels))) continue;
      this.history.miss(track, success ? "gone" : "lost");
    }
  }

  #miss(metric: string, labels: Labels): void {
    const track = this.history.find(metric, labels);
    if (track !== undefined) this.history.miss(track, "stale");
  }

  /** The handlers that another replica holds. */
  #elsewhere(): ReadonlySet<string> {
    return new Set(this.#worker?.state().flatMap(({ name, holder }) => (holder === "elsewhere" ? name : [])));
  }

  #turnLater(): void {
    const { clock } = this.#options;
    this.#cancelTurn = clock.after(statusSlotMs - (clock.unixMs() % statusSlotMs), () => {
      this.look();
      this.history.turn(this.#elsewhere());
      this.windows.take();
      this.#turnLater();
    });
  }
}

function keysOf(family: Family | undefined): ReadonlySet<string> {
  return new Set(family?.read().map(({ labels }) => formatLabels(labels)));
}

function keyOf(metric: string, labels: Labels): string {
  return `${metric}{${formatLabels(labels)}}`;
}
