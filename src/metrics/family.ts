import type { Labels, Metric } from "./definition.ts";
import { escapeHelp, formatNumber } from "./text.ts";

/** One series as it stands now. */
export interface Reading {
  /** Without `env`. */
  readonly labels: Labels;
  /** A counter's or gauge's value, a histogram's sum. */
  readonly value: number;
  /** A histogram's observations by bucket, not cumulative, +Inf last. */
  readonly buckets?: readonly number[];
}

/** One metric as the exposition writes it. */
export interface Family {
  readonly name: string;
  readonly metric: Pick<Metric, "kind" | "help" | "buckets">;
  /** Its text, a series at a time, none at all when it has no series; between two series a rendering may rest. */
  render(): Iterable<string>;
  /** The series that `render` writes, in the same order. */
  read(): Reading[];
}

/** Writes the lines of one metric's series; everything that does not change between scrapes is made once. */
export class Writer {
  /** Stands before the first series. */
  readonly head: string;
  readonly #name: string;
  readonly #bounds: readonly string[];

  constructor(name: string, metric: Pick<Metric, "kind" | "help" | "buckets">) {
    this.#name = name;
    this.head = `# HELP ${name} ${escapeHelp(metric.help)}\n# TYPE ${name} ${metric.kind}\n`;
    const bounds = [...(metric.buckets ?? []), Number.POSITIVE_INFINITY];
    this.#bounds = bounds.map((bound) => `le="${formatNumber(bound)}"} `);
  }

  /** A counter's or gauge's line; `labels` is never empty, for every series has `env`. */
  value(labels: string, value: number): string {
    return `${this.#name}{${labels}} ${formatNumber(value)}\n`;
  }

  /** A histogram's lines; its buckets are not cumulative, +Inf last. */
  histogram(labels: string, buckets: ArrayLike<number>, sum: number): string {
    const start = `${this.#name}_bucket{${labels},`;
    let count = 0;
    let lines = "";
    for (let index = 0; index < this.#bounds.length; index += 1) {
      count += buckets[index]!;
      lines += `${start}${this.#bounds[index]}${formatNumber(count)}\n`;
    }
    lines += `${this.#name}_sum{${labels}} ${formatNumber(sum)}\n`;
    return `${lines}${this.#name}_count{${labels}} ${formatNumber(count)}\n`;
  }
}

/** The index of the bucket that a number belongs to; its upper bound belongs to it, +Inf is the last. */
export function bucketOf(bounds: ArrayLike<number>, number: number): number {
  let index = 0;
  while (index < bounds.length && number > bounds[index]!) index += 1;
  return index;
}

/** A total and what is added to it. One beyond the largest double stays there: infinity would never be a number again. */
export function added(total: number, number: number): number {
  return Math.min(total + number, Number.MAX_VALUE);
}
