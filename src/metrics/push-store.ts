/**
 * What clients have pushed, in one block of shared memory: each series has its cells from the start, and each server
 * thread adds to a shard of its own, without locks. A cell that was never written is NaN, which no client can push.
 */
import type { Labels } from "./definition.ts";
import { added, bucketOf, type Family, type Reading, Writer } from "./family.ts";
import { LabelTexts } from "./label-texts.ts";
import type { PushLayout, PushMetric } from "./push-layout.ts";

/** How often a scrape looks again while a shard's thread records a batch, before it sleeps in between. */
const maxLooks = 100;

/** Such a sleep (ms): a thread that the system has put aside in the middle of a batch needs the processor. */
const sleepMs = 0.1;

/** Sleeps before a thread counts as dead; the system brings one that lives back much sooner. */
const maxSleeps = 200;

/** The memory that the server threads share. */
export interface PushMemory {
  readonly shards: number;
  readonly cells: SharedArrayBuffer;
  /** A counter a shard, odd while its thread records a batch. */
  readonly versions: SharedArrayBuffer;
}

/** Makes the memory, with the series whose labels are all given at 0, so that their first increment is seen by `rate`. */
export function allocate(layout: PushLayout, shards: number): PushMemory {
  const count = layout.shardCells * shards + layout.gaugeCells;
  const cells = new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT);
  const view = new Float64Array(cells).fill(Number.NaN);
  for (const metric of layout.metrics.values()) {
    if (metric.kind === "gauge") continue;
    for (let series = 0; series < metric.series; series += 1) {
      const start = metric.first + series * metric.width;
      if (isFull(metric, series)) view.fill(0, start, start + metric.width);
    }
  }
  return { shards, cells, versions: new SharedArrayBuffer(shards * Int32Array.BYTES_PER_ELEMENT) };
}

function isFull(metric: PushMetric, series: number): boolean {
  return metric.labels.every((label) => Math.floor(series / label.stride) % (label.values.length + 1) !== 0);
}

/** One thread's way to write. */
export class PushShard {
  readonly layout: PushLayout;
  readonly #cells: Float64Array;
  readonly #versions: Int32Array;
  readonly #shard: number;
  readonly #start: number;
  readonly #gauges: number;
  readonly #isShared: boolean;

  constructor(layout: PushLayout, memory: PushMemory, shard: number) {
    this.layout = layout;
    this.#cells = new Float64Array(memory.cells);
    this.#versions = new Int32Array(memory.versions);
    this.#shard = shard;
    this.#start = layout.shardCells * shard;
    this.#gauges = layout.shardCells * memory.shards;
    this.#isShared = memory.shards > 1;
    // A thread that died while it recorded has left its shard's version odd.
    if (Atomics.load(this.#versions, shard) % 2 !== 0) Atomics.add(this.#versions, shard, 1);
  }

  /** Stands before the first `write` of a batch: a scrape sees each series as it was before or after, never between. */
  begin(): void {
    // The only thread that writes is the one that reads.
    if (this.#isShared) Atomics.add(this.#versions, this.#shard, 1);
  }

  end(): void {
    if (this.#isShared) Atomics.add(this.#versions, this.#shard, 1);
  }

  /** Adds to a counter, sets a gauge, observes in a histogram. The series' number is one of the metric's. */
  write(metric: PushMetric, series: number, number: number): void {
    const cells = this.#cells;
    if (metric.kind === "gauge") {
      // Adding 0 turns -0, which is written as "-0", to 0.
      cells[this.#gauges + metric.first + series] = number + 0;
      return;
    }
    const start = this.#start + metric.first + series * metric.width;
    if (metric.kind === "counter") {
      cells[start] = plus(cells[start]!, number);
      return;
    }
    const bucket = start + bucketOf(metric.buckets, number);
    const sum = start + metric.width - 1;
    cells[bucket] = plus(cells[bucket]!, 1);
    cells[sum] = plus(cells[sum]!, number);
  }
}

/** NaN is a cell that was never written. */
function plus(before: number, number: number): number {
  return added(Number.isNaN(before) ? 0 : before, number);
}

/** A scrape's way to read: one family a metric. */
export function pushFamilies(layout: PushLayout, memory: PushMemory, environment: string): Family[] {
  const reader = new Reader(layout, memory);
  return [...layout.metrics.values()].map((metric) => pushFamily(metric, reader, environment));
}

function pushFamily(metric: PushMetric, reader: Reader, environment: string): Family {
  const writer = new Writer(metric.name, metric);
  const labels = new LabelTexts(metric, environment);
  const cells = new Float64Array(metric.width);
  return {
    name: metric.name,
    metric,
    *render() {
      let head = writer.head;
      for (let series = 0; series < metric.series; series += 1) {
        if (!reader.read(metric, series, cells)) continue;
        const text = labels.of(series);
        const sum = cells[metric.width - 1]!;
        yield head + (metric.kind === "histogram" ? writer.histogram(text, cells, sum) : writer.value(text, sum));
        head = "";
      }
    },
    read() {
      const readings: Reading[] = [];
      for (let series = 0; series < metric.series; series += 1) {
        if (!reader.read(metric, series, cells)) continue;
        const reading = { labels: labelsOf(metric, series), value: cells[metric.width - 1]! };
        if (metric.kind !== "histogram") readings.push(reading);
        else readings.push({ ...reading, buckets: [...cells.subarray(0, metric.width - 1)] });
      }
      return readings;
    },
  };
}

function labelsOf(metric: PushMetric, series: number): Labels {
  const given = metric.labels.flatMap((label) => {
    const place = Math.floor(series / label.stride) % (label.values.length + 1);
    return place === 0 ? [] : [[label.name, label.values[place - 1]!]];
  });
  return Object.fromEntries(given);
}

/** Adds the shards up, each series as it stands between two batches of each shard. */
class Reader {
  readonly #layout: PushLayout;
  readonly #shards: number;
  readonly #cells: Float64Array;
  readonly #versions: Int32Array;
  readonly #copy: Float64Array;
  /** By shard: the version at which its thread was found dead. */
  readonly #dead: number[] = [];

  constructor(layout: PushLayout, memory: PushMemory) {
    this.#layout = layout;
    this.#shards = memory.shards;
    this.#cells = new Float64Array(memory.cells);
    this.#versions = new Int32Array(memory.versions);
    this.#copy = new Float64Array(Math.max(1, ...[...layout.metrics.values()].map((metric) => metric.width)));
  }

  /** Fills `into` with the series' cells; false when it was never written. */
  read(metric: PushMetric, series: number, into: Float64Array): boolean {
    if (metric.kind === "gauge") {
      const value = this.#cells[this.#layout.shardCells * this.#shards + metric.first + series]!;
      into[0] = value;
      return !Number.isNaN(value);
    }
    into.fill(0);
    let written = false;
    for (let shard = 0; shard < this.#shards; shard += 1) {
      this.#readShard(shard, metric.first + series * metric.width, metric.width);
      const last = this.#copy[metric.width - 1]!;
      if (Number.isNaN(last)) continue;
      written = true;
      for (let index = 0; index < metric.width; index += 1) into[index] = added(into[index]!, this.#copy[index]! || 0);
    }
    return written;
  }

  #readShard(shard: number, start: number, width: number): void {
    const from = this.#layout.shardCells * shard + start;
    for (;;) {
      const version = this.#settled(shard);
      for (let index = 0; index < width; index += 1) this.#copy[index] = this.#cells[from + index]!;
      // A read-modify-write, so that on ARM too the reads above stand before it.
      if (Atomics.add(this.#versions, shard, 0) === version) return;
    }
  }

  /** Waits until no batch is being recorded; a thread that died in the middle of one is not waited for twice. */
  #settled(shard: number): number {
    for (let looks = 0; ; looks += 1) {
      const version = Atomics.load(this.#versions, shard);
      if (version % 2 === 0 || version === this.#dead[shard]) return version;
      if (looks > maxLooks) Atomics.wait(this.#versions, shard, version, sleepMs);
      if (looks > maxLooks + maxSleeps) this.#dead[shard] = version;
    }
  }
}
