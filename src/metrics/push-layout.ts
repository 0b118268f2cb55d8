import type { Kind, Metrics } from "./definition.ts";

/** A label of a pushed metric: its values by their place, 1 and up; place 0 is for a label that is left out. */
export interface PushLabel {
  readonly name: string;
  readonly values: readonly string[];
  readonly places: ReadonlyMap<string, number>;
  /** What one place is worth in the number of a series. */
  readonly stride: number;
}

/** Where the series of one pushed metric stand. Series are numbered by the places of their labels' values. */
export interface PushMetric {
  readonly name: string;
  readonly kind: Kind;
  readonly help: string;
  readonly labels: readonly PushLabel[];
  readonly buckets: readonly number[];
  /** How many series there can be: every label at every value or left out. */
  readonly series: number;
  /** Cells of one series: one, or a histogram's buckets, +Inf and sum. */
  readonly width: number;
  /** Its first cell, counted from the start of a shard, or of the gauges. */
  readonly first: number;
}

export interface PushLayout {
  readonly metrics: ReadonlyMap<string, PushMetric>;
  /** Cells of one shard: counters and histograms, which are added up over shards. */
  readonly shardCells: number;
  /** Cells of the gauges, which all threads share, so that the newest write wins. */
  readonly gaugeCells: number;
}

/** The series that a metric's allowlist allows, each of its labels left out included. */
export function seriesOf(labels: Readonly<Record<string, { readonly length: number }>>): number {
  return Object.values(labels).reduce((product, values) => product * (values.length + 1), 1);
}

/** Gives every series that clients can push its place. The same metrics give the same layout in every thread. */
export function layoutOf(metrics: Metrics): PushLayout {
  const placed = new Map<string, PushMetric>();
  let shardCells = 0;
  let gaugeCells = 0;
  for (const name of Object.keys(metrics).sort()) {
    const { kind, help, labels = {}, buckets = [] } = metrics[name]!;
    const keys = labelsOf(name, labels);
    const series = seriesOf(Object.fromEntries(keys.map((key) => [key.name, key.values])));
    const width = kind === "histogram" ? buckets.length + 2 : 1;
    const first = kind === "gauge" ? gaugeCells : shardCells;
    if (kind === "gauge") gaugeCells += series;
    else shardCells += series * width;
    placed.set(name, { name, kind, help, labels: keys, buckets, series, width, first });
  }
  return { metrics: placed, shardCells, gaugeCells };
}

function labelsOf(metric: string, labels: NonNullable<Metrics[string]["labels"]>): PushLabel[] {
  let stride = 1;
  return Object.keys(labels)
    .sort()
    .map((name) => {
      const values = labels[name]!;
      if (values === "*") throw new TypeError(`${metric}: a pushed metric's label must have a list of values: ${name}`);
      const label = { name, values, places: new Map(values.map((value, index) => [value, index + 1])), stride };
      stride *= values.length + 1;
      return label;
    });
}
