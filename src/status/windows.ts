/** The last hour of counters and histograms, so that the page can tell rates and quantiles of now. */
import type { Clock } from "../base/clock.ts";
import { maxStatusMetrics, statusSlotMs } from "../base/limits.ts";
import type { Family } from "../metrics/family.ts";
import { ownMetrics, pushOwnMetrics } from "../metrics/own.ts";
import type { Registry } from "../metrics/registry.ts";

/** A metric over all of its series. */
export interface Totals {
  /** A counter's value, a histogram's sum. */
  readonly value: number;
  /** A histogram's observations by bucket, not cumulative, +Inf last; empty for a counter. */
  readonly buckets: Float64Array;
}

/** What a metric has added up in a stretch of time that ends now. */
export interface Window extends Totals {
  readonly ms: number;
}

interface Sample {
  readonly atMs: number;
  readonly totals: ReadonlyMap<string, Totals>;
}

/** Samples that are kept: one a slot, so that the oldest is at least an hour old. */
const maxSamples = 13;
const rateMs = statusSlotMs;

const own = new Set([...Object.keys(ownMetrics), ...Object.keys(pushOwnMetrics({}))]);

/** Whether the metric is one that clients push or handlers report, and not of specta itself. */
export function isMeasured({ name, metric }: Family): boolean {
  return metric.kind !== "gauge" && !own.has(name) && !name.startsWith("process_");
}

export class Windows {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #startMs: number;
  #samples: readonly Sample[] = [];

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
    this.#startMs = clock.monotonicMs();
  }

  /** Notes what everything adds up to. Before the first, all is taken to have begun at 0. */
  take(): void {
    const families = this.#registry.families().filter(isMeasured).slice(0, maxStatusMetrics);
    const totals = new Map(families.map((family) => [family.name, totalsOf(family)]));
    this.#samples = [...this.#samples, { atMs: this.#clock.monotonicMs(), totals }].slice(-maxSamples);
  }

  /** What the metric has added up in the last five to ten minutes, or since the start. */
  recent(family: Family): Window {
    const nowMs = this.#clock.monotonicMs();
    return this.#since(
      family,
      this.#samples.findLast(({ atMs }) => nowMs - atMs >= rateMs),
    );
  }

  /** What it has added up in the last hour, or since the start. */
  hour(family: Family): Window {
    return this.#since(family, this.#samples.length < maxSamples ? undefined : this.#samples[0]);
  }

  #since(family: Family, sample: Sample | undefined): Window {
    const now = totalsOf(family);
    const ms = this.#clock.monotonicMs() - (sample?.atMs ?? this.#startMs);
    const before = sample?.totals.get(family.name);
    // What falls was removed and begins anew, as the series of a handler do whose lease was lost.
    if (before === undefined || before.value > now.value) return { ...now, ms };
    const buckets = now.buckets.map((count, index) => Math.max(0, count - before.buckets[index]!));
    return { value: now.value - before.value, buckets, ms };
  }
}

export function totalsOf(family: Family): Totals {
  const { kind, buckets: bounds = [] } = family.metric;
  const buckets = new Float64Array(kind === "histogram" ? bounds.length + 1 : 0);
  let value = 0;
  for (const reading of family.read()) {
    value += reading.value;
    for (let index = 0; index < buckets.length; index += 1) buckets[index]! += reading.buckets?.[index] ?? 0;
  }
  return { value, buckets };
}
