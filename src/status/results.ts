/** The last result of every kind of build and deployment, as the ledger counts them. */
import { maxStatusSeries } from "../base/limits.ts";
import type { Labels } from "../metrics/definition.ts";
import { formatLabels } from "../metrics/text.ts";
import type { LedgerSource } from "../worker/tenure.ts";

type Ledger = Awaited<ReturnType<LedgerSource["open"]>>;
type Ended = Parameters<Ledger["record"]>[1]["ended"][number];

export interface Result {
  readonly handler: string;
  /** The counter that it was counted by. */
  readonly metric: string;
  /** Without `success`. */
  readonly labels: Labels;
  readonly success: boolean;
  /** Unix milliseconds. */
  readonly endedMs: number;
}

export class Results {
  readonly #results = new Map<string, Result>();

  all(): IterableIterator<Result> {
    return this.#results.values();
  }

  find(metric: string, labels: Labels): Result | undefined {
    return this.#results.get(keyOf(metric, labels));
  }

  /** Takes a result, unless a later one is known; beyond `maxStatusSeries` new ones are left out. */
  take(result: Result): void {
    const key = keyOf(result.metric, result.labels);
    const known = this.#results.get(key);
    if (known === undefined && this.#results.size >= maxStatusSeries) return;
    if (known === undefined || known.endedMs <= result.endedMs) this.#results.set(key, result);
  }

  /** The same ledger; what it counts is taken from now on. */
  watch(source: LedgerSource): LedgerSource {
    return {
      isConfigured: source.isConfigured,
      open: async () => this.#watched(await source.open()),
    };
  }

  #watched(ledger: Ledger): Ledger {
    return {
      kind: ledger.kind,
      lasting: ledger.lasting,
      hold: (handler) => ledger.hold(handler),
      holds: (lease) => ledger.holds(lease),
      record: async (lease, batch) => {
        const recorded = await ledger.record(lease, batch);
        const counted = new Set(recorded.counted);
        for (const ended of batch.ended) if (counted.has(ended.key)) this.#count(lease.handler, ended);
        return recorded;
      },
      totals: (lease, metrics) => ledger.totals(lease, metrics),
      release: (lease) => ledger.release(lease),
      saveState: (name, text) => ledger.saveState(name, text),
      loadState: (name) => ledger.loadState(name),
      close: () => ledger.close(),
    };
  }

  #count(handler: string, { samples, endedMs }: Ended): void {
    for (const { metric, labels: all = {} } of samples) {
      const { success, ...labels } = all;
      if (!metric.endsWith("_total") || success === undefined) continue;
      this.take({ handler, metric, labels, success: success === "true", endedMs });
    }
  }
}

function keyOf(metric: string, labels: Labels): string {
  return `${metric}{${formatLabels(labels)}}`;
}
