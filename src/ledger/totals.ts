/**
 * The stored totals of one handler. A histogram's observations are stored by the text of their bucket's upper bound, so
 * they outlive a change of the bounds: each is shown in the smallest present bucket that is not below the bound it was
 * stored under. Every `le` then counts only observations that are known to be that small; sum and count stay exact, and
 * no bound that is kept ever falls.
 */
import * as v from "valibot";
import { mustBe } from "../base/errors.ts";
import type { Sample } from "../handlers/handler.ts";
import type { Labels, Metric, Metrics } from "../metrics/definition.ts";
import { numberOf, type Query, textOf } from "./database.ts";
import type { Total } from "./ledger.ts";

const LabelEntries = v.array(v.tuple([v.string(), v.string()]));
const Counts = v.record(v.string(), v.pipe(v.number(), v.safeInteger(), v.minValue(0)));

interface Stored {
  readonly metric: string;
  readonly kind: string;
  readonly labels: Labels;
  /** The labels' names and values as JSON, sorted by name: one text for one series. */
  readonly labelsText: string;
  sum: number;
  /** Observations by upper bound; empty for counters. */
  readonly counts: Record<string, number>;
  changed: boolean;
}

export class HandlerTotals {
  readonly #handler: string;
  readonly #metrics: Metrics;
  readonly #series = new Map<string, Stored>();
  readonly #seriesOfMetric = new Map<string, number>();
  readonly #dropped = new Map<string, number>();

  private constructor(handler: string, metrics: Metrics) {
    this.#handler = handler;
    this.#metrics = metrics;
  }

  static async load(query: Query, handler: string, metrics: Metrics): Promise<HandlerTotals> {
    const totals = new HandlerTotals(handler, metrics);
    const rows = await query`SELECT metric, kind, labels, sum, buckets FROM specta_totals WHERE handler = ${handler}`;
    for (const row of rows) {
      const labelsText = textOf(row.labels);
      totals.#insert({
        metric: textOf(row.metric),
        kind: textOf(row.kind),
        labels: Object.fromEntries(v.parse(LabelEntries, JSON.parse(labelsText))),
        labelsText,
        sum: numberOf(row.sum),
        counts: v.parse(Counts, JSON.parse(textOf(row.buckets))),
        changed: false,
      });
    }
    return totals;
  }

  /** Adds one sample, or drops it when its series would be one too many of its metric. */
  add(sample: Sample, maxSeries: number): void {
    const definition = this.#metrics[sample.metric];
    if (definition?.kind !== "counter" && definition?.kind !== "histogram") {
      throw new TypeError(mustBe(`a counted sample's metric`, "a counter or histogram", sample.metric));
    }
    if (!Number.isFinite(sample.number) || sample.number < 0) {
      throw new TypeError(mustBe(`${sample.metric}'s number`, "finite and not negative", String(sample.number)));
    }
    const { metric, labels = {} } = sample;
    const { kind } = definition;
    const labelsText = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    let stored = this.#series.get(identity(metric, kind, labelsText));
    if (!stored) {
      if ((this.#seriesOfMetric.get(metric) ?? 0) >= maxSeries) {
        this.#dropped.set(metric, (this.#dropped.get(metric) ?? 0) + 1);
        return;
      }
      stored = { metric, kind, labels, labelsText, sum: 0, counts: {}, changed: true };
      this.#insert(stored);
    }
    stored.sum += sample.number;
    stored.changed = true;
    if (kind === "histogram") {
      const bound = String(definition.buckets?.find((upper) => sample.number <= upper) ?? "+Inf");
      stored.counts[bound] = (stored.counts[bound] ?? 0) + 1;
    }
  }

  /** Writes the series that `add` has changed. */
  async save(query: Query): Promise<void> {
    for (const stored of this.#series.values()) {
      if (!stored.changed) continue;
      const { metric, kind, labelsText, sum } = stored;
      await query`INSERT INTO specta_totals (handler, metric, kind, labels, sum, buckets)
        VALUES (${this.#handler}, ${metric}, ${kind}, ${labelsText}, ${sum}, ${JSON.stringify(stored.counts)})
        ON CONFLICT (handler, metric, kind, labels) DO UPDATE SET sum = excluded.sum, buckets = excluded.buckets`;
    }
  }

  /** Samples that were dropped, by metric. */
  dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped);
  }

  /** Those that the metrics declare, sorted by metric and labels. Others, of a repository that was taken out for example, stay stored. */
  declared(): readonly Total[] {
    const totals: Total[] = [];
    for (const [, stored] of [...this.#series].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const definition = this.#metrics[stored.metric];
      if (!definition || !declares(definition, stored)) continue;
      const total = { metric: stored.metric, labels: stored.labels, sum: stored.sum };
      totals.push(
        definition.kind === "histogram"
          ? { ...total, buckets: rebucket(stored.counts, definition.buckets ?? []) }
          : total,
      );
    }
    return totals;
  }

  #insert(stored: Stored): void {
    this.#series.set(identity(stored.metric, stored.kind, stored.labelsText), stored);
    const definition = this.#metrics[stored.metric];
    if (!definition || !declares(definition, stored)) return;
    this.#seriesOfMetric.set(stored.metric, (this.#seriesOfMetric.get(stored.metric) ?? 0) + 1);
  }
}

function identity(metric: string, kind: string, labelsText: string): string {
  return JSON.stringify([metric, kind, labelsText]);
}

function declares(definition: Metric, stored: Stored): boolean {
  if (definition.kind !== stored.kind) return false;
  return Object.entries(stored.labels).every(([name, value]) => {
    const allowed = definition.labels && Object.hasOwn(definition.labels, name) ? definition.labels[name] : undefined;
    return allowed === "*" || allowed?.includes(value) === true;
  });
}

function rebucket(counts: Readonly<Record<string, number>>, bounds: readonly number[]): readonly number[] {
  const buckets = new Array<number>(bounds.length + 1).fill(0);
  for (const [bound, count] of Object.entries(counts)) {
    const upper = bound === "+Inf" ? Number.POSITIVE_INFINITY : Number(bound);
    const index = bounds.findIndex((present) => upper <= present);
    buckets[index === -1 ? bounds.length : index]! += count;
  }
  return buckets;
}
