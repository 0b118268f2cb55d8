/** The series of one handler in the registry: what it reports, how long that stands, and how many there may be. */
import type { Clock } from "../base/clock.ts";
import type { Total } from "../ledger/ledger.ts";
import type { Labels, Metric, Metrics } from "../metrics/definition.ts";
import { ownMetrics } from "../metrics/own.ts";
import type { Registry, Series } from "../metrics/registry.ts";
import type { Recording } from "./protocol.ts";
import { own, wrongLabels, wrongNumber } from "./samples.ts";

/** Which handler reports a metric: one and no other, so that none removes what another has shown. */
export class Owners {
  readonly #owners = new Map<string, string>(Object.keys(ownMetrics).map((name) => [name, "specta itself"]));

  /** @throws when another reports the metric already. */
  claim(metric: string, handler: string): void {
    const owner = this.#owners.get(metric) ?? handler;
    if (owner !== handler) throw new Error(`the metric ${metric} is reported by ${owner} already`);
    this.#owners.set(metric, handler);
  }
}

export interface SeriesOptions {
  readonly handler: string;
  readonly registry: Registry;
  readonly owners: Owners;
  readonly clock: Clock;
  readonly staleAfterMs: number;
  readonly maxSeries: number;
  /** Whether this replica may show them now. */
  isShown(): boolean;
  /** Told of samples that were dropped because their metric had its most series already. */
  dropped(metric: string, samples: number): void;
}

/** The number of series that a metric has when all its label values are listed; undefined when some are found later. */
export function listedSeries(metric: Metric): number | undefined {
  let product = 1;
  for (const values of Object.values(metric.labels ?? {})) {
    if (values === "*") return undefined;
    product *= values.length;
  }
  return product;
}

export class HandlerSeries {
  readonly #options: SeriesOptions;
  readonly #series = new Map<string, Series>();
  /** Gauges that were reported, each with when it goes; undefined while no execution after its report has failed. */
  readonly #gauges = new Map<string, Map<string, number | undefined>>();
  #metrics: Metrics = {};
  #cancelSweep = (): void => undefined;

  constructor(options: SeriesOptions) {
    this.#options = options;
  }

  get metrics(): Metrics {
    return this.#metrics;
  }

  /** Takes the metrics that the handler may report from now on. @throws when they cannot be; nothing has changed then. */
  declare(metrics: Metrics): void {
    const { registry, owners, handler, maxSeries } = this.#options;
    for (const [name, metric] of Object.entries(metrics)) {
      const listed = listedSeries(metric) ?? 0;
      if (listed > maxSeries) {
        throw new Error(`max_series must be at least ${listed}, the series of ${name}: current value is ${maxSeries}`);
      }
      owners.claim(name, handler);
      const series = registry.define(name, metric);
      series.showWhile(() => this.#options.isShown());
      this.#series.set(name, series);
    }
    this.#metrics = metrics;
    for (const name of Object.keys(metrics)) this.#options.dropped(name, 0);
  }

  /** Shows counters and histograms at 0 whose label values are all known, so that the first increment is seen. */
  showZeros(): void {
    for (const [name, metric] of Object.entries(this.#metrics)) {
      if (metric.kind === "gauge" || listedSeries(metric) === undefined) continue;
      const series = this.#series.get(name)!;
      for (const labels of combinations(metric)) series.show(series.key(labels));
    }
  }

  /** What is wrong with recordings; undefined when each is one that the handler has declared. */
  wrong(recordings: readonly Recording[]): string | undefined {
    for (const { metric: name, labels, number, buckets } of recordings) {
      const metric = own(this.#metrics, name);
      if (metric === undefined) return `${name} is not declared`;
      const wrong = wrongLabels(metric, labels) ?? wrongNumber(metric, number);
      if (wrong !== undefined) return `${name}${wrong}`;
      const expected = metric.kind === "histogram" ? (metric.buckets?.length ?? 0) + 1 : undefined;
      if (buckets?.length !== expected) return `${name} must have ${expected ?? "no"} buckets`;
    }
    return undefined;
  }

  /** Writes what was reported; `isWhole` when nothing failed, so that gauges which are missing now are gone. */
  record(recordings: readonly Recording[], isWhole: boolean): void {
    const reported = new Map<string, Set<string>>();
    for (const { metric, labels } of recordings) {
      const keys = reported.get(metric) ?? new Set();
      reported.set(metric, keys.add(this.#series.get(metric)!.key(labels)));
    }
    if (isWhole) {
      this.#removeGauges((metric, key) => reported.get(metric)?.has(key) !== true);
      this.#cancelSweep();
    }
    for (const recording of recordings) this.#write(recording);
    if (!isWhole) this.#age((metric, key) => reported.get(metric)?.has(key) !== true);
  }

  /** An execution has failed without a report: gauges begin to age. */
  failed(): void {
    this.#age(() => true);
  }

  /** Shows stored totals. */
  showTotals(totals: readonly Total[]): void {
    for (const { metric, labels, sum, buckets } of totals) {
      const series = this.#series.get(metric);
      if (series === undefined) continue;
      const key = series.key(labels);
      if (this.#fits(series, key)) series.show(key, sum, buckets);
    }
  }

  /** Removes all of the handler's series: another replica shows them now. */
  clear(): void {
    this.#cancelSweep();
    this.#gauges.clear();
    for (const series of this.#series.values()) series.clear();
  }

  /** Calls off what is still to happen. */
  end(): void {
    this.#cancelSweep();
  }

  #write({ metric: name, labels, number, buckets }: Recording): void {
    const series = this.#series.get(name)!;
    const key = series.key(labels);
    if (!this.#fits(series, key)) {
      this.#options.dropped(name, buckets?.reduce((sum, count) => sum + count, 0) ?? 1);
      return;
    }
    if (buckets !== undefined) series.merge(key, number, buckets);
    else series.write(key, number);
    if (series.metric.kind !== "gauge") return;
    const gauges = this.#gauges.get(name) ?? new Map<string, number | undefined>();
    this.#gauges.set(name, gauges.set(key, undefined));
  }

  /** Whether a series is there or may still be added. */
  #fits(series: Series, key: string): boolean {
    return series.has(key) || series.size < this.#options.maxSeries;
  }

  /** Lets gauges go `stale_after` from now, those that are not to go already. */
  #age(affected: (metric: string, key: string) => boolean): void {
    const goesMs = this.#options.clock.monotonicMs() + this.#options.staleAfterMs;
    for (const [metric, gauges] of this.#gauges) {
      for (const [key, known] of gauges) {
        if (known === undefined && affected(metric, key)) gauges.set(key, goesMs);
      }
    }
    this.#sweepLater();
  }

  #sweepLater(): void {
    this.#cancelSweep();
    const times = [...this.#gauges.values()].flatMap((gauges) => [...gauges.values()]);
    const nextMs = Math.min(...times.filter((time) => time !== undefined));
    if (!Number.isFinite(nextMs)) return;
    const { clock } = this.#options;
    this.#cancelSweep = clock.after(nextMs - clock.monotonicMs(), () => {
      const nowMs = clock.monotonicMs();
      this.#removeGauges((_, __, goesMs) => goesMs !== undefined && goesMs <= nowMs);
      this.#sweepLater();
    });
  }

  #removeGauges(goes: (metric: string, key: string, goesMs: number | undefined) => boolean): void {
    for (const [metric, gauges] of this.#gauges) {
      for (const [key, goesMs] of gauges) {
        if (!goes(metric, key, goesMs)) continue;
        gauges.delete(key);
        this.#series.get(metric)?.remove(key);
      }
    }
  }
}

function* combinations(metric: Metric): Iterable<Labels> {
  let all: Labels[] = [{}];
  for (const [name, values] of Object.entries(metric.labels ?? {})) {
    if (values === "*") return;
    all = all.flatMap((labels) => values.map((value) => ({ ...labels, [name]: value })));
  }
  yield* all;
}
